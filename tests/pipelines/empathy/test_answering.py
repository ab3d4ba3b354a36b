"""A reply is worded sentence by sentence, checked before it is spoken, and replaced where the writer fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from pipecat.frames.frames import AggregatedTextFrame, Frame, LLMFullResponseEndFrame, LLMFullResponseStartFrame
from pipecat.tests.utils import run_test

from pipelines.emotion.baseline import CallerBaseline
from pipelines.empathy.answering import Answering
from pipelines.empathy.policy import Reply
from pipelines.empathy.tone import Strategy, Tone, ToneName
from pipelines.events import Event, FellBack
from pipelines.frames import ReplyFrame
from pipelines.plan import ConversationPlan
from pipelines.ports import EngineFailed, Writer, WriterRequest
from pipelines.turns.book import TurnBook
from service.examples import example_agent

FACT = "You can pay on the 5th, the 12th or the 20th of the month. The change takes 3 working days."
REQUEST = WriterRequest(FACT, "when can I pay", "be brief", "Fenwillow Home", "an assistant")
REPLY = Reply(
    tone=Tone(Strategy.INFORM, ToneName.NEUTRAL, ("R7",)),
    template="You choose the 5th, the 12th or the 20th, and it takes 3 working days.",
    request=REQUEST,
    evidence=FACT,
)


class Told:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        """Keep one."""
        self.events.append(event)


class ScriptedWriter:
    """Writes given pieces; an exception among them is raised, a number is a pause in seconds."""

    def __init__(self, pieces: Sequence[str | float | EngineFailed]) -> None:
        self._pieces = pieces
        self.closed = False

    async def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """Write."""
        try:
            for piece in self._pieces:
                match piece:
                    case str():
                        yield piece
                    case EngineFailed():
                        raise piece
                    case _:
                        await asyncio.sleep(piece)
        finally:
            self.closed = True


async def answer(
    writer: Writer | None, reply: Reply = REPLY, *, deadline_s: float = 1.0, word_for_word: bool = False
) -> tuple[list[str], Told]:
    """What is handed to the voice for a reply, and what was told meanwhile."""
    told = Told()
    plan = ConversationPlan(call_id="c", agent=example_agent(), llm_first_sentence_deadline_s=deadline_s)
    book = TurnBook(plan, told, CallerBaseline())
    down, _ = await run_test(
        Answering(writer, book, word_for_word=word_for_word), frames_to_send=[ReplyFrame(1, reply)]
    )
    kinds = [type(frame) for frame in down if not isinstance(frame, AggregatedTextFrame)]
    assert kinds.index(LLMFullResponseStartFrame) < kinds.index(LLMFullResponseEndFrame)
    return [_text(frame) for frame in down if isinstance(frame, AggregatedTextFrame)], told


def _text(frame: Frame) -> str:
    assert isinstance(frame, AggregatedTextFrame)
    return frame.text


def fallbacks(told: Told) -> list[str]:
    """Stages that fell back."""
    return [event.stage for event in told.events if isinstance(event, FellBack)]


async def test_worded_sentences_are_spoken_one_by_one() -> None:
    """Two good sentences in odd pieces come out whole."""
    pieces = ["You can pay on the 5th,", " the 12th or the 20th of the", " month. The change takes", " 3 working days."]
    said, told = await answer(ScriptedWriter(pieces))
    assert said == [
        "You can pay on the 5th, the 12th or the 20th of the month.",
        "The change takes 3 working days.",
    ]
    assert fallbacks(told) == []


@pytest.mark.parametrize(
    "pieces",
    [
        ["You can pay on the 28th of the month."],
        ["I have changed your payment date."],
        [EngineFailed("gone")],
        [],
        ["An unfinished sentence that goes"],
    ],
)
async def test_the_template_takes_over(pieces: list[str | float | EngineFailed]) -> None:
    """Invented, promised, absent, empty or unfinished words are never spoken."""
    said, told = await answer(ScriptedWriter(pieces))
    assert said == [REPLY.template]
    assert bool(fallbacks(told)) == bool(pieces)


async def test_a_slow_writer_is_not_waited_for() -> None:
    """After the deadline the template is spoken and the writer's stream is closed."""
    writer = ScriptedWriter([5.0, "You can pay on the 5th of the month."])
    said, told = await answer(writer, deadline_s=0.05)
    assert said == [REPLY.template]
    assert fallbacks(told) == ["writer"]
    assert writer.closed


async def test_figures_that_the_writer_left_out_are_added() -> None:
    """A worded reply must not lose an amount, a date or a time."""
    said, _ = await answer(ScriptedWriter(["You can pay on the 5th, the 12th or the 20th of the month."]))
    assert said[-1] == "The change takes 3 working days."


@pytest.mark.parametrize(
    ("worded", "spoken"),
    [
        ("You can pay on the 5th, the 12th or the 20th of the month.", True),
        ("You can choose to pay on the 5th or the 12th of the month.", False),
    ],
)
async def test_a_small_writer_must_follow_the_fact(worded: str, spoken: bool) -> None:
    """What drops a part of the fact is not spoken, even where each of its words is true."""
    said, _ = await answer(ScriptedWriter([worded]), word_for_word=True)
    assert (said[0] == worded) is spoken
    assert (said == [REPLY.template]) is not spoken


async def test_without_a_writer_the_opening_and_the_template_are_spoken() -> None:
    """Opening first, then the template, sentence by sentence."""
    reply = Reply(tone=REPLY.tone, opening="I see, your payment date.", template="It is the 5th. It stays so.")
    said, _ = await answer(None, reply)
    assert said == ["I see, your payment date.", "It is the 5th.", "It stays so."]
