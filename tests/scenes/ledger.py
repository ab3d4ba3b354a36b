"""Holds what the carrier saw of a call against what was written down of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pipelines.speech.hearing import INAUDIBLE
from service.domain.calls import LIFE, Outcome
from service.domain.record import CallRecord as Written
from service.domain.record import Payload
from telephony.simulator.record import CallRecord

_OUTCOMES: dict[str, Collection[Outcome | None]] = {
    "queued": (Outcome.HANDED_OFF,),
    "dialled": (Outcome.HANDED_OFF,),
    "the caller hung up": (Outcome.RESOLVED, Outcome.ABANDONED),
    "the service ended the call": (Outcome.RESOLVED, Outcome.ABANDONED),
}


def differences(
    call: CallRecord, written: Sequence[Written], story: Sequence[tuple[int, Payload]], said: Sequence[str]
) -> list[str]:
    """Everything in which the record of a call differs from the carrier's ledger; nothing for a true record.

    Args:
        call: the carrier's ledger.
        written: every record with the carrier's id of the call.
        story: its events by their numbers.
        said: what recognition made of the caller's utterances, in order.
    """
    if len(written) != 1:
        return [f"{len(written)} records of one call"]
    record, found = written[0], []
    allowed = next((outcomes for how, outcomes in _OUTCOMES.items() if how in call.ended), ())
    if record.call.outcome not in allowed:
        found.append(f"ended as {call.ended!r}, written as {record.call.outcome}")
    numbers = [seq for seq, _ in story]
    if numbers != [life * LIFE + place for life in _lives(numbers) for place in range(1, 1 + _count(numbers, life))]:
        found.append("the story has a gap or tells something twice")
    heard = [event["text"] for event in _of(story, "CallerSpoke")]
    if _made_out(heard) != _made_out(said):
        found.append(f"recognised {list(said)}, written {heard}")
    if [turn.text for turn in record.turns if turn.party == "caller"] != heard:
        found.append("the turns are not the story's")
    if _of(story, "AgentSpoke") and not call.entries("agent sounds"):
        found.append("the agent is said to have spoken and nobody heard it")
    if _of(story, "DisclosureHeard") and not any("disclosure" in mark.detail for mark in call.entries("mark returned")):
        found.append("the disclosure is said to be heard and its mark never came back")
    disclosed = [event["at_s"] for event in _of(story, "DisclosureHeard")]
    if any(not disclosed or event["at_s"] < disclosed[0] for event in _of(story, "EmotionEstimated")):
        found.append("emotion was estimated before the disclosure was heard")
    if len(_of(story, "CallStarted")) != 1 or not _of(story, "CallEnded"):
        found.append("not one start and one end")
    return found


def _made_out(texts: Sequence[str]) -> list[str]:
    """What was understood: a stretch that nobody could make out may stand in the record or not."""
    return [text for text in texts if text != INAUDIBLE]


def _of(story: Sequence[tuple[int, Payload]], kind: str) -> list[Any]:
    return [event for _, event in story if event["kind"] == kind]


def _lives(numbers: Sequence[int]) -> list[int]:
    return sorted({number // LIFE for number in numbers})


def _count(numbers: Sequence[int], life: int) -> int:
    return sum(number // LIFE == life for number in numbers)
