"""Speech is let out, held, taken up and cut; what was heard is told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextAssistantTurnFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.tests.utils import SleepFrame, run_test

from pipelines.emotion.baseline import CallerBaseline
from pipelines.events import AgentSpoke
from pipelines.frames import NoticeEndFrame, SpeechFrame
from pipelines.plan import ConversationPlan
from pipelines.ports import SpokenWord
from pipelines.turns.book import Saying, TurnBook
from pipelines.turns.delivering import Delivered, Delivering
from service.examples import example_agent
from tests.pipelines.empathy.test_answering import Told

RATE = 8000
TEXT = "one two three four"


class Line(FrameProcessor):
    """Takes sound at its own pace, as the transport does, and drops what waits when it is interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.cleared = 0
        self.taken_s = 0.0
        self.took = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Play."""
        await super().process_frame(frame, direction)
        self.cleared += isinstance(frame, InterruptionFrame)
        if isinstance(frame, TTSAudioRawFrame):
            seconds = len(frame.audio) / 2 / RATE
            await asyncio.sleep(seconds)
            self.taken_s += seconds
            self.took.set()
        await self.push_frame(frame, direction)


class Stage:
    """A delivery between a voice and a line."""

    def __init__(self) -> None:
        self.told = Told()
        self.book = TurnBook(ConversationPlan(call_id="c", agent=example_agent()), self.told, CallerBaseline())
        self.delivering = Delivering(self.book, RATE)
        self.line = Line()
        self.notices_written = 0

    async def play(self, frames: list[Frame], *meanwhile: tuple[float, str]) -> list[Frame]:
        """Send frames through, do something once the line has taken so many seconds; what went upstream."""

        async def act() -> None:
            for taken_s, what in meanwhile:
                async with asyncio.timeout(10):
                    while self.line.taken_s < taken_s:
                        self.line.took.clear()
                        await self.line.took.wait()
                match what:
                    case "hold":
                        await self.delivering.hold()
                    case "resume":
                        await asyncio.sleep(0.2)
                        await self.delivering.resume()
                    case _:
                        await self.delivering.process_frame(InterruptionFrame(), FrameDirection.DOWNSTREAM)

        async with asyncio.TaskGroup() as both:
            both.create_task(act())
            pipeline = Pipeline([self.delivering, self.line, Delivered(self.delivering, self._written)])
            running = both.create_task(run_test(pipeline, frames_to_send=frames))
        return list(running.result()[1])

    async def _written(self) -> None:
        self.notices_written += 1

    def spoken(self) -> list[tuple[str, bool]]:
        """What is on record as heard, and whether it was interrupted."""
        return [(event.heard, event.interrupted) for event in self.told.events if isinstance(event, AgentSpoke)]


def sentence(*, protected: bool = False, each_s: float = 0.2) -> SpeechFrame:
    """Four words of equal length at the voice's own rate."""
    words = [SpokenWord(word, each_s * place) for place, word in enumerate(TEXT.split())]
    pcm = np.full(int(24_000 * each_s * len(words)), 3000, np.int16)
    frame = SpeechFrame(pcm.tobytes(), 24_000, 1, words=words)
    frame.interruptible = not protected
    return frame


def answer(book: TurnBook) -> list[Frame]:
    """An answer of one sentence."""
    book.saying = Saying(1, "template", [TEXT])
    return [LLMFullResponseStartFrame(), TTSStartedFrame(), sentence(), TTSStoppedFrame(), LLMFullResponseEndFrame()]


async def test_an_answer_is_heard_to_its_end() -> None:
    """Every word, told once and sent upstream for the dialogue's memory."""
    stage = Stage()
    up = await stage.play(answer(stage.book))
    assert stage.spoken() == [(TEXT, False)]
    assert [frame.text for frame in up if isinstance(frame, LLMContextAssistantTurnFrame)] == [TEXT]
    assert stage.line.taken_s == pytest.approx(0.8, abs=0.05)


async def test_a_held_answer_goes_on_from_its_word() -> None:
    """Held in the second word: the line is emptied, the word is said again, and the record has each word once."""
    stage = Stage()
    await stage.play([*answer(stage.book), SleepFrame(sleep=3.0)], (0.3, "hold"), (0.3, "resume"))
    assert stage.line.cleared == 1
    assert stage.spoken() == [(TEXT, False)]
    assert 0.8 <= stage.line.taken_s <= 1.2


async def test_an_interruption_keeps_what_was_heard() -> None:
    """Cut in mid-answer: the first words, not the rest, and nothing comes after."""
    stage = Stage()
    await stage.play([*answer(stage.book), SleepFrame(sleep=2.0)], (0.4, "cut"))
    ((heard, interrupted),) = stage.spoken()
    assert interrupted
    assert TEXT.startswith(heard)
    assert 0 < len(heard) < len(TEXT)
    assert stage.line.taken_s < 0.8


async def test_a_notice_is_not_held_and_not_cut() -> None:
    """Neither a hold nor an interruption stops it; the greeting behind it falls."""
    stage = Stage()
    stage.book.notice(TEXT)
    stage.book.notice("greeting")
    start, stop, end = TTSStartedFrame(), TTSStoppedFrame(), NoticeEndFrame()
    for frame in (start, stop, end):
        frame.interruptible = False
    await stage.play([start, sentence(protected=True), stop, end, SleepFrame(sleep=2.0)], (0.2, "hold"), (0.4, "cut"))
    assert stage.spoken() == [(TEXT, False)]
    assert stage.line.cleared == 0
    assert stage.notices_written == 1


async def test_an_answer_that_waits_behind_a_notice_keeps_its_own_words() -> None:
    """The notice that ends is not taken for the answer that is already planned."""
    stage = Stage()
    stage.book.notice("notice")
    notice = [TTSStartedFrame(), sentence(each_s=0.05), TTSStoppedFrame()]
    await stage.play([*notice, *answer(stage.book)])
    planned = [event.planned for event in stage.told.events if isinstance(event, AgentSpoke)]
    assert planned == ["notice", TEXT]
