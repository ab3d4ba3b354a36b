"""Barge-in as the caller's ear has it: how fast the agent stops, what does not stop it, which words it counts as heard.

Several calls at once, at the pace of a telephone, with the real voice activity, recogniser and voice, and templates
instead of the LLM so that answers are long. In half of the calls the caller cuts into every answer with a sentence; in
the other half nods, coughs and noises are let in. All that is measured is on the carrier's recording of both ears; the
words that were really played are counted by recognising what the ear got, apart from the service.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soxr
from rich.console import Console
from rich.table import Table

from pipelines.empathy.tone import Style
from pipelines.learning.surroundings import Colour, hold_music, noise
from pipelines.speech.hibari import HibariSpeaker
from service.engines import open_recogniser
from service.settings import Settings
from telephony.audio import FRAME_SAMPLES, TELEPHONE_HZ, Pcm, decode_ulaw, encode_ulaw
from telephony.simulator.caller import Say, ScriptedCaller, Step
from telephony.simulator.carrier import CarrierCall
from telephony.simulator.record import CallRecord
from tests.bench.rig import Server, percentile, served

console = Console(width=110)

QUESTIONS = (
    "My internet is not working.",
    "My internet is really slow.",
    "Do I get compensation for the outage?",
    "Why is my bill so high?",
    "Can I change my direct debit date?",
    "I want to give you a meter reading.",
    "I am moving house next month.",
    "My fixed tariff is ending.",
    "Why are you putting my prices up?",
    "When is the engineer coming?",
    "I want a smart meter.",
    "What are your opening hours?",
)
NODS = ("Mm-hmm.", "Uh-huh.", "Okay.", "Yeah.", "Right.", "I see.", "Yeah, okay.", "Mm.", "Oh, okay.", "Sure.")
INTERRUPTIONS_A_CALL = 8
ANSWERS_A_CALL = 5
SOUNDS_AN_ANSWER = 3

STOP_P50_S, STOP_P95_S, RESUMED_S = 0.25, 0.4, 1.0
IGNORED_SHARE, HEARD_SHARE = 0.9, 0.95

_FRAME_S = 0.02
_PADDING = np.zeros(TELEPHONE_HZ // 2, np.int16)
"""Recognisers garble a last word that ends abruptly."""

_AUDIBLE = 200
_TALKING_S = 0.4
"""The agent counts as talking where it was audible within this time: its sentences have pauses."""

_CLOCKS_S = 0.4
"""The carrier counts from the ring, the service from the answer."""

_STOPPED_S = 0.6
"""Silence of the agent that is a stop and no pause."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Something a caller lets in that is no turn."""

    name: str
    pcm: Pcm


@dataclass(slots=True)
class Found:
    """What was found on the recordings.

    Attributes:
        stop_s: per interruption of a talking agent, caller's onset to the agent's last audible sample.
        not_talking: interruptions and sounds that fell into a pause of the agent.
        sounds: per kind of sound, whether the answer went on within a second.
        gap_s: how long the agent was silent around each sound that did not take the floor.
        words_off: per interruption, words the record has too many (or few: negative).
    """

    stop_s: list[float] = field(default_factory=list)
    not_talking: int = 0
    sounds: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    gap_s: list[float] = field(default_factory=list)
    words_off: list[int] = field(default_factory=list)


def _telephone(pcm: Pcm, rate_hz: int, level: float) -> Pcm:
    narrow = soxr.resample(pcm.astype(np.float32), rate_hz, TELEPHONE_HZ)
    loud = np.flatnonzero(np.abs(narrow) > 0.02 * np.abs(narrow).max())
    narrow = narrow[loud[0] : loud[-1] + 1] * (level / max(1.0, float(np.abs(narrow).max())))
    return decode_ulaw(encode_ulaw(narrow.astype(np.int16)))


async def _speech(chance: np.random.Generator) -> tuple[dict[str, Pcm], list[Sound]]:
    """The questions, and nods by several made-up speakers (pitch, rate and size of the head differ)."""
    speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=1)
    try:
        questions = {}
        for text in QUESTIONS:
            speech = await speaker.speak(text, Style())
            questions[text] = _telephone(speech.pcm, speech.rate_hz, 10_000)
        nods = []
        for text in NODS:
            for _ in range(6):
                rate, pitch, width = chance.uniform(0.9, 1.2), chance.uniform(-5, 3), chance.uniform(0.7, 1.3)
                speech = await speaker.speak(text, Style(rate=rate, pitch_st=pitch, range=width))
                head = int(speech.rate_hz * chance.uniform(0.88, 1.12))
                nods.append(Sound("nod", _telephone(speech.pcm, head, chance.uniform(3000, 11_000))))
    finally:
        speaker.close()
    return questions, nods


def _noises(chance: np.random.Generator) -> list[Sound]:
    """Coughs, doors, keyboards, breath, other people and music, made from chance at several loudnesses."""
    made = []
    for _ in range(6):
        made += [
            Sound("cough", _cough(chance)),
            Sound("door", _door(chance)),
            Sound("keyboard", _keyboard(chance)),
            Sound("breath", _shaped(Colour.PINK, 0.7, chance.uniform(600, 2500), chance)),
            Sound("other people", _shaped(Colour.BABBLE, 1.2, chance.uniform(400, 1500), chance)),
            Sound("music", _level(hold_music(9600, TELEPHONE_HZ, chance), chance.uniform(1000, 4000))),
        ]
    return made


def _level(sound: np.ndarray[Any, np.dtype[np.float64]], peak: float) -> Pcm:
    return np.asarray(sound * peak / np.abs(sound).max(), np.int16)


def _cough(chance: np.random.Generator) -> Pcm:
    parts = []
    for _ in range(int(chance.integers(1, 4))):
        count = int(chance.uniform(0.14, 0.25) * TELEPHONE_HZ)
        fall = np.exp(-np.arange(count) / (0.05 * TELEPHONE_HZ))
        parts += [noise(count, Colour.PINK, TELEPHONE_HZ, chance) * fall, np.zeros(int(0.08 * TELEPHONE_HZ))]
    return _level(np.concatenate(parts), chance.uniform(5000, 14_000))


def _door(chance: np.random.Generator) -> Pcm:
    at_s = np.arange(int(0.4 * TELEPHONE_HZ)) / TELEPHONE_HZ
    thump = np.sin(2 * np.pi * chance.uniform(50, 110) * at_s)
    thump += 0.4 * noise(len(at_s), Colour.BROWN, TELEPHONE_HZ, chance)
    return _level(thump * np.exp(-14 * at_s), chance.uniform(5000, 15_000))


def _keyboard(chance: np.random.Generator) -> Pcm:
    sound = np.zeros(int(1.2 * TELEPHONE_HZ))
    for at_s in np.cumsum(chance.uniform(0.07, 0.22, 8)):
        start, count = int(at_s * TELEPHONE_HZ), int(0.03 * TELEPHONE_HZ)
        if start + count < len(sound):
            click = noise(count, Colour.WHITE, TELEPHONE_HZ, chance) * np.exp(-np.arange(count) / 40)
            sound[start : start + count] += click
    return _level(sound, chance.uniform(1500, 6000))


def _shaped(colour: Colour, seconds: float, peak: float, chance: np.random.Generator) -> Pcm:
    count = int(seconds * TELEPHONE_HZ)
    return _level(noise(count, colour, TELEPHONE_HZ, chance) * np.hanning(count), peak)


def _interrupting(questions: dict[str, Pcm], place: int, chance: np.random.Generator) -> list[Step]:
    order = [list(questions.values())[(place * 5 + step) % len(questions)] for step in range(INTERRUPTIONS_A_CALL + 1)]
    cuts = [Say(pcm, cut_in_s=float(chance.uniform(1.0, 3.0))) for pcm in order[1:]]
    return [Say(order[0]), *cuts]


def _listening(
    questions: dict[str, Pcm], sounds: Sequence[Sound], place: int, chance: np.random.Generator
) -> list[Step]:
    order = [list(questions.values())[(place * 5 + step) % len(questions)] for step in range(ANSWERS_A_CALL)]
    steps: list[Step] = []
    left = iter(sounds)
    for question in order:
        steps.append(Say(question))
        for _ in range(SOUNDS_AN_ANSWER):
            sound = next(left, None)
            if sound is not None:
                steps.append(Say(sound.pcm, cut_in_s=float(chance.uniform(0.8, 1.6))))
    return steps


async def _call(server: Server, steps: Sequence[Step]) -> tuple[CallRecord, list[dict[str, Any]]]:
    """The carrier's recording of a call and the turns that the service wrote down."""
    call = CarrierCall(server.account(), ScriptedCaller(steps, quiet_s=1.3, greeting_s=30.0))
    record = await call.run(deadline_s=60 + 30 * len(steps))
    headers = {"Authorization": f"Bearer {server.key('api_token')}"}
    async with httpx.AsyncClient(base_url=server.origin, headers=headers, timeout=30) as http:
        for _ in range(100):
            found = (await http.get("/v1/calls", params={"carrier_call_id": record.carrier_call_id})).json()["calls"]
            if found and found[0]["status"] == "ended":
                break
            await asyncio.sleep(0.2)
        turns: list[dict[str, Any]] = (await http.get(f"/v1/calls/{found[0]['id']}")).json()["turns"]
    return record, turns


def _audible(ulaw: bytes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Per 20 ms."""
    pcm = np.abs(decode_ulaw(ulaw).astype(np.int32))
    whole = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES]
    return np.asarray(whole.reshape(-1, FRAME_SAMPLES).max(axis=1) >= _AUDIBLE)


def _frames(seconds: float) -> int:
    return round(seconds / _FRAME_S)


def _stop(agent: np.ndarray[Any, np.dtype[np.bool_]], onset: int) -> int | None:
    """The agent's last audible frame at or after the onset, before it is silent for good; None: it did not talk."""
    if not agent[max(0, onset - _frames(_TALKING_S)) : onset + 1].any():
        return None
    last = onset
    for frame in range(onset, min(len(agent), onset + _frames(5.0))):
        if agent[frame]:
            last = frame
        elif frame - last > _frames(_STOPPED_S):
            break
    return last


def _after_onset(caller: np.ndarray[Any, np.dtype[np.bool_]], started: int) -> int:
    sounding = np.flatnonzero(caller[started : started + _frames(1.0)])
    return started + (int(sounding[0]) if len(sounding) else 0)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _played_words(planned: Sequence[str], heard: Sequence[str]) -> int:
    """How many words of the plan the recognised ones reach: the prefix with the fewest edits to them."""
    row = list(range(len(heard) + 1))
    best, best_at = row[-1], 0
    for place, word in enumerate(planned, 1):
        before, row = row, [place]
        for at, other in enumerate(heard, 1):
            row.append(min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (word != other)))
        if row[-1] < best:
            best, best_at = row[-1], place
    return best_at


async def _check_interruptions(found: Found, calls: list[tuple[CallRecord, list[dict[str, Any]]]]) -> None:
    async with open_recogniser(Settings(), lambda _: None) as recogniser:
        for record, turns in calls:
            agent, caller = _audible(record.agent_ulaw), _audible(record.caller_ulaw)
            answers = [turn for turn in turns if turn["party"] == "agent" and turn["turn"] > 0]
            sound = decode_ulaw(record.agent_ulaw)
            for turn in record.turns[1:]:
                onset = _after_onset(caller, turn.started_frame)
                last = _stop(agent, onset)
                if last is None:
                    found.not_talking += 1
                    continue
                found.stop_s.append((last + 1 - onset) * _FRAME_S)
                answer = next((one for one in answers if one["turn"] == turn.index - 1), None)
                if answer is None or not answer["interrupted"]:
                    continue
                before = record.turns[turn.index - 2]
                begin = (before.last_sound_frame or before.started_frame) * FRAME_SAMPLES
                played = np.concatenate([sound[begin : (last + 1) * FRAME_SAMPLES], _PADDING])
                heard = await recogniser.recognise(played, TELEPHONE_HZ)
                planned = _words(answer["planned"])
                found.words_off.append(len(_words(answer["text"])) - _played_words(planned, _words(heard.text)))


def _check_sounds(found: Found, calls: list[tuple[CallRecord, list[dict[str, Any]]]], names: list[list[str]]) -> None:
    """Whether the agent was heard again within a second, and the record has no turn of the caller at that time."""
    for (record, turns), kinds in zip(calls, names, strict=True):
        agent = _audible(record.agent_ulaw)
        left = iter(kinds)
        spoken_s = [turn["started_s"] for turn in turns if turn["party"] == "caller"]
        for turn in record.turns:
            if (turn.index - 1) % (SOUNDS_AN_ANSWER + 1) == 0:
                continue  # a question
            kind = next(left)
            if not agent[max(0, turn.started_frame - _frames(_TALKING_S)) : turn.started_frame + 1].any():
                found.not_talking += 1
                continue
            end = turn.last_sound_frame or turn.started_frame
            after = np.flatnonzero(agent[end : end + _frames(6.0)])
            gap_s = float(after[0]) * _FRAME_S if len(after) else 6.0
            end_s = turn.started_s + (end - turn.started_frame) * _FRAME_S
            taken = any(turn.started_s - _CLOCKS_S <= at_s <= end_s + _CLOCKS_S for at_s in spoken_s)
            found.sounds[kind].append(gap_s <= RESUMED_S and not taken)
            found.gap_s.append(gap_s)


async def measure(interruptions: int, sounds: int, at_once: int) -> None:
    """Run the benchmark and print its tables."""
    chance = np.random.default_rng(2026)
    questions, nods = await _speech(chance)
    noises = _noises(chance)
    found = Found()
    with tempfile.TemporaryDirectory() as folder:
        async with served("attune-talkative", Path(folder)) as server:
            gate = asyncio.Semaphore(at_once)

            async def hold(steps: Sequence[Step], after_s: float) -> tuple[CallRecord, list[dict[str, Any]]]:
                await asyncio.sleep(after_s)
                async with gate:
                    return await _call(server, steps)

            count = -(-interruptions // INTERRUPTIONS_A_CALL)
            plans = [_interrupting(questions, place, chance) for place in range(count)]
            cut = list(await asyncio.gather(*(hold(plan, place % at_once) for place, plan in enumerate(plans))))
            console.print(f"{count} calls with {count * INTERRUPTIONS_A_CALL} interruptions are over")
            order = chance.permutation(len(nods))
            pairs = zip(cycle(int(place) for place in order), cycle(noises), range(sounds // 2), strict=False)
            mixed = [sound for place, other, _ in pairs for sound in (nods[place], other)]
            a_call = ANSWERS_A_CALL * SOUNDS_AN_ANSWER
            groups = [mixed[at : at + a_call] for at in range(0, len(mixed), a_call)]
            plans = [_listening(questions, group, place, chance) for place, group in enumerate(groups)]
            nodded = list(await asyncio.gather(*(hold(plan, place % at_once) for place, plan in enumerate(plans))))
            console.print(f"{len(groups)} calls with {len(mixed)} nods and noises are over")
    await _check_interruptions(found, cut)
    _check_sounds(found, nodded, [[sound.name for sound in group] for group in groups])
    _print(found)


def _print(found: Found) -> None:
    table = Table("what", "asked", "reached", "of", title="Barge-in at the caller's ear")
    stops = found.stop_s
    count = str(len(stops))
    table.add_row("onset to last sample of the agent, p50", f"{STOP_P50_S} s", f"{percentile(stops, 50):.3f} s", count)
    table.add_row("the same, p95", f"{STOP_P95_S} s", f"{percentile(stops, 95):.3f} s", count)
    every = [fine for kind in found.sounds.values() for fine in kind]
    share = sum(every) / max(1, len(every))
    table.add_row(
        "nods, noises: the answer goes on within 1 s", f"{IGNORED_SHARE:.0%}", f"{share:.1%}", str(len(every))
    )
    right = sum(abs(off) <= 1 for off in found.words_off) / max(1, len(found.words_off))
    table.add_row("heard text right to one word", f"{HEARD_SHARE:.0%}", f"{right:.1%}", str(len(found.words_off)))
    console.print(table)
    kinds = ", ".join(f"{kind} {sum(fine)} of {len(fine)}" for kind, fine in sorted(found.sounds.items()))
    console.print(f"went on: {kinds}")
    console.print(
        f"the agent was silent after a nod or noise for p50 {percentile(found.gap_s, 50):.2f} s, "
        f"p95 {percentile(found.gap_s, 95):.2f} s; {found.not_talking} fell into a pause of the agent and are left out"
    )
    if found.words_off:
        console.print(f"words in the record minus words played: mean {np.mean(found.words_off):+.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interruptions", type=int, default=200)
    parser.add_argument("--sounds", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=3, help="calls at the same time")
    options = parser.parse_args()
    asyncio.run(measure(options.interruptions, options.sounds, options.at_once))
