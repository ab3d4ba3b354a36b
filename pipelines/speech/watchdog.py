"""Nobody is left in silence: whoever waits for us too long hears that we are still there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from pipecat.frames.frames import (
    AggregatedTextFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    StartFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from pipelines.events import Escalated
from pipelines.speech.clips import Clip
from pipelines.turns.book import TurnBook

STUCK = "stuck"
"""Reason of a hand-off because no answer came."""

HAND_OFF_S = 6.0
"""Longest wait for the words before a hand-off to be spoken."""

_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """What is said to a caller who waits.

    Attributes:
        silent_s: seconds since the caller's last sound.
        working_s: seconds since the stage that is under way began.
        clip: what is said.
    """

    silent_s: float
    working_s: float
    clip: Clip


STEPS = (Step(2.0, 1.5, Clip.WAIT), Step(5.0, 4.0, Clip.STILL), Step(9.0, 8.0, Clip.TRANSFER))


def due(said: int, silent_s: float, working_s: float) -> Step | None:
    """The step that a caller who heard `said` steps should hear now. Pure."""
    if said >= len(STEPS):
        return None
    step = STEPS[said]
    return step if silent_s >= step.silent_s and working_s >= step.working_s else None


class Watchdog(FrameProcessor):
    """Sits before the voice: what passes it is about to be spoken, so the wait is over.

    It says the first step while recognition, emotion, policy, a tool or the LLM keep the caller waiting; at the last
    one it asks for a human. The voice itself watches over its own engine.
    """

    def __init__(self, book: TurnBook) -> None:
        super().__init__()
        self._book = book
        self._watching: asyncio.Task[None] | None = None
        self._hand_off_at: float | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on."""
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame():
                self._watching = self.create_task(self._watch(), "watchdog")
            case AggregatedTextFrame() | TTSSpeakFrame() if direction is FrameDirection.DOWNSTREAM:
                self._book.waiting.over()
            case BotStoppedSpeakingFrame() if self._hand_off_at is not None:
                self._hand_off()
            case EndFrame() | CancelFrame():
                await self._stop()
            case _:
                pass
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """End the watch."""
        await FrameProcessor.cleanup(self)
        await self._stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            waiting = self._book.waiting
            silent_s, working_s = waiting.seconds(time.monotonic())
            step = due(waiting.said, silent_s, working_s)
            if step is not None:
                waiting.said += 1
                await self._say(step)
            if self._hand_off_at is not None and time.monotonic() >= self._hand_off_at:
                self._hand_off()

    async def _say(self, step: Step) -> None:
        self._book.fell_back("waiting", step.clip.name.lower())
        self._book.filler(step.clip)
        await self.push_frame(TTSSpeakFrame(step.clip, append_to_context=False))
        if step is STEPS[-1]:
            self._hand_off_at = time.monotonic() + HAND_OFF_S

    def _hand_off(self) -> None:
        """The words before it were said, or could not be: ask for a human."""
        self._hand_off_at = None
        self._book.tell(Escalated(self._book.now_s, self._book.turn, STUCK, (self._book.turn,)))

    async def _stop(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            await self.cancel_task(watching)
