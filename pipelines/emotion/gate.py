"""Emotion's two places in the conversation: started beside the transcript, joined just before the policy.

The tap starts an estimate the moment a stretch of speech has been recognised, while the end of the turn is still being
decided. The gate waits for it at most a deadline, so emotion never holds up the words; a late estimate still
reaches the trajectory.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from pipecat.frames.frames import Frame, LLMContextFrame, LLMContextUserTurnFrame, TranscriptionFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from pipelines.emotion.combine import Weighed, combine
from pipelines.emotion.estimate import UNKNOWN, Emotion
from pipelines.frames import TurnFrame, Utterance
from pipelines.ports import EmotionSource
from pipelines.speech.hearing import INAUDIBLE
from pipelines.turns.book import TurnBook

LATEST_S = 5.0
"""An estimate that comes later than this after its turn is given up."""


@dataclass(slots=True)
class Estimates:
    """Estimates under way for the turn that is being spoken, each with the seconds of speech behind it."""

    running: list[tuple[asyncio.Task[Emotion], float]]

    def take(self) -> list[tuple[asyncio.Task[Emotion], float]]:
        """Hand over what belongs to the turn that just ended."""
        taken, self.running = self.running, []
        return taken

    async def so_far(self, within_s: float) -> Emotion:
        """The estimate of what is under way, without handing it over; what is late is left out."""
        running = list(self.running)
        if running:
            await asyncio.wait([task for task, _ in running], timeout=within_s)
        return _combined(running)

    def drop(self) -> None:
        """What was under way belongs to no turn."""
        for task, _ in self.take():
            task.cancel()


class EmotionTap(FrameProcessor):
    """Starts an estimate for each recognised stretch of the caller's speech."""

    def __init__(self, reader: EmotionSource | None, book: TurnBook, estimates: Estimates) -> None:
        super().__init__()
        self._reader = reader
        self._book = book
        self._estimates = estimates

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on; start an estimate beside a transcript."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame) and isinstance(frame.result, Utterance):
            self._start(self._reader, frame.result)
        await self.push_frame(frame, direction)

    def _start(self, reader: EmotionSource | None, utterance: Utterance) -> None:
        if reader is None or not self._book.analysing:
            return
        reading = reader.read(utterance.pcm, utterance.rate_hz, utterance.recognition, self._book.baseline)
        self._estimates.running.append((self.create_task(reading, "emotion"), utterance.seconds))

    async def cleanup(self) -> None:
        """Cancel what is still under way."""
        await FrameProcessor.cleanup(self)
        for task, _ in self._estimates.take():
            await self.cancel_task(task)


class EmotionGate(FrameProcessor):
    """Joins the estimates of a turn with its words and sends the turn to the policy."""

    def __init__(self, book: TurnBook, estimates: Estimates) -> None:
        super().__init__()
        self._book = book
        self._estimates = estimates
        self._late: set[asyncio.Task[None]] = set()
        self._unanswered: list[str] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn a context frame into a turn frame; pass everything else on."""
        await super().process_frame(frame, direction)
        match frame:
            case LLMContextUserTurnFrame() if direction is FrameDirection.DOWNSTREAM:
                self._book.turn_ended(frame.text)
                self._unanswered.append(frame.text)
            case LLMContextFrame() if direction is FrameDirection.DOWNSTREAM:
                await self._join()
            case _:
                await self.push_frame(frame, direction)

    async def _join(self) -> None:
        """Wait for the estimates within the deadline and send the turn on.

        A context frame without words behind it is Pipecat's recovery from a turn that nobody could make out.
        """
        turn = self._book.turn
        text = " ".join(self._unanswered) or INAUDIBLE
        running = self._estimates.take()
        tasks = [task for task, _ in running]
        if tasks:
            await asyncio.wait(tasks, timeout=self._book.plan.emotion_deadline_s)
        emotion = _combined(running)
        if self._book.analysing and self._unanswered:
            if tasks and not all(task.done() for task in tasks):
                self._book.fell_back("emotion", "late")
                self._keep_late(turn, running)
            else:
                self._book.emotion_known(turn, emotion)
            for reason in _fallen_back(running):
                self._book.fell_back("emotion", reason)
        self._book.clock.emotion = time.monotonic()
        self._unanswered = []
        await self.push_frame(TurnFrame(turn, text, emotion, self._book.trajectory.trend))

    def _keep_late(self, turn: int, running: list[tuple[asyncio.Task[Emotion], float]]) -> None:
        async def wait() -> None:
            try:
                await asyncio.wait([task for task, _ in running], timeout=LATEST_S)
                self._book.emotion_known(turn, _combined(running))
            finally:
                for reading, _ in running:
                    reading.cancel()  # one that hangs would outlive its call

        task = self.create_task(wait(), "late-emotion")
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def cleanup(self) -> None:
        """Cancel the wait for late estimates."""
        await FrameProcessor.cleanup(self)
        for task in list(self._late):
            await self.cancel_task(task)


def _results(running: list[tuple[asyncio.Task[Emotion], float]]) -> list[tuple[Emotion, float]]:
    """The estimates that are there, each with its seconds of speech."""
    return [
        (task.result(), seconds)
        for task, seconds in running
        if task.done() and not task.cancelled() and task.exception() is None
    ]


def _fallen_back(running: list[tuple[asyncio.Task[Emotion], float]]) -> list[str]:
    """Why simpler models read the voice, each reason once."""
    return sorted({emotion.fell_back for emotion, _ in _results(running)} - {""})


def _combined(running: list[tuple[asyncio.Task[Emotion], float]]) -> Emotion:
    done = [Weighed(emotion, seconds) for emotion, seconds in _results(running)]
    return combine(done) if done else UNKNOWN
