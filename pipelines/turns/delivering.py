"""The last place before the line: speech is let out at its own pace, held while the caller is heard, cut, or taken up.

At most `LEAD_S` of it is ahead of the ear, so that a barge-in finds little to call back. What the line took comes past
`Delivered` behind it; together they know to the word what was heard.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import numpy as np
import soxr
from pipecat.frames.frames import (
    AggregatedTextFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMContextAssistantTurnFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    StartFrame,
    SystemFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.time import time_now_iso8601

from pipelines.frames import NoticeEndFrame, SpeechFrame
from pipelines.ports import Pcm
from pipelines.turns.book import TurnBook
from pipelines.turns.floor import Said
from pipelines.turns.playout import Piece, Playout

PIECE_S = 0.04
"""As long as the transport's own chunks, so that none of them waits to be filled."""

LEAD_S = 0.12
"""Sound that may be on its way to the ear: enough for a busy moment of the event loop, little to take back."""

MOST_QUEUED_S = 60.0
"""The voice waits before it queues more."""

LATELY_S = 3.0
"""An echo brings words that we said within this time."""


class _Finished(Protocol):
    def __call__(self, heard: str, *, interrupted: bool) -> None: ...


class Delivering(FrameProcessor):
    """Lets speech out, and knows what was heard of it."""

    def __init__(self, book: TurnBook, rate_hz: int) -> None:
        """Create the processor.

        Args:
            book: of the call.
            rate_hz: sample rate that the line plays.
        """
        super().__init__()
        self._book = book
        self._playout: Playout[Frame] = Playout(rate_hz)
        self._held = False
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._letting_out: asyncio.Task[None] | None = None
        self._ahead_until_s = 0.0
        self._reply_from: int | None = None
        self._notice_from: int | None = None
        self._played: list[Pcm] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Queue what belongs to speech, in order; pass on the rest."""
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame():
                await self.push_frame(frame, direction)
                self._letting_out = self.create_task(self._let_out(), "delivering")
            case InterruptionFrame() if direction is FrameDirection.DOWNSTREAM:
                await self._cut(frame)
            case SystemFrame():
                if isinstance(frame, CancelFrame):
                    await self._stop()
                await self.push_frame(frame, direction)
            case _ if direction is FrameDirection.UPSTREAM:
                await self.push_frame(frame, direction)
            case AggregatedTextFrame() | LLMAssistantPushAggregationFrame():
                pass  # the words travel with their speech
            case TTSAudioRawFrame():
                await self._queue(frame)
            case _:
                frame.pts = None  # its place is behind the sound before it, not at a time
                self._playout.add_note(frame)
                if isinstance(frame, EndFrame):
                    await self.resume()
                self._more.set()

    async def cleanup(self) -> None:
        """End the delivery."""
        await FrameProcessor.cleanup(self)
        await self._stop()

    # -- what is known ------------------------------------------------------------------------

    @property
    def rate_hz(self) -> int:
        """Sample rate of what is played."""
        return self._playout.rate_hz

    @property
    def sounding(self) -> bool:
        """Whether the agent is saying something or about to: an answer is under way or waits to go on."""
        return self._playout.sounding or self._book.answering

    @property
    def protected(self) -> bool:
        """Whether what it says may not be cut off."""
        return self._playout.protected

    def said(self) -> Said:
        """What is being said, for whoever has to judge what the caller says meanwhile."""
        planned = self._book.saying.planned
        asks = bool(planned) and planned[-1].rstrip().endswith("?")
        return Said(self._playout.upcoming(LATELY_S), self._playout.queued_s, asks)

    def take_played(self) -> list[Pcm]:
        """What the line took since it was last asked."""
        played, self._played = self._played, []
        return played

    # -- hold, go on, cut ---------------------------------------------------------------------

    async def hold(self) -> None:
        """Fall silent at once, with everything kept; nothing happens to what is protected."""
        if self._held or self._playout.protected:
            return
        self._held = True
        if self._playout.sounding:
            await self.push_frame(InterruptionFrame())  # not a barge-in: it only empties the line

    async def resume(self) -> None:
        """Go on from the word that broke off."""
        if self._held:
            self._playout.back_to_word()
            self._held = False
            self._more.set()

    async def _cut(self, frame: Frame) -> None:
        """The caller has the floor: what was heard is told, what was not is dropped, notices go on to their end."""
        protected = self._playout.protected
        if self._reply_from is not None or self._playout.holds(
            lambda note: isinstance(note, LLMFullResponseStartFrame)
        ):
            since = self._playout.written if self._reply_from is None else self._reply_from
            await self._finish(since, self._book.agent_finished, interrupted=True)
        elif self._notice_from is not None and not protected:
            await self._finish(self._notice_from, self._book.notice_finished, interrupted=True)
        self._book.forget_notices(keep=int(protected))
        self._playout.cut(lambda note: not note.interruptible)
        self._held = False
        self._room.set()
        self._more.set()
        if not protected:
            await self.push_frame(frame)

    # -- behind the line ----------------------------------------------------------------------

    def wrote(self, pcm: Pcm) -> None:
        """The line took these samples."""
        self._playout.wrote(len(pcm))
        self._played.append(pcm)
        del self._played[: -round(0.5 / PIECE_S)]

    async def passed(self, frame: Frame) -> None:
        """A frame came out behind the line: all sound before it was written."""
        self._playout.passed(frame)
        match frame:
            case LLMFullResponseStartFrame():
                self._reply_from = self._playout.written
            case LLMFullResponseEndFrame() if self._reply_from is not None:
                await self._finish(self._reply_from, self._book.agent_finished, interrupted=False)
            case TTSStartedFrame() if self._reply_from is None and frame.append_to_context:
                self._notice_from = self._playout.written
            case TTSStoppedFrame() if self._reply_from is None and self._notice_from is not None:
                await self._finish(self._notice_from, self._book.notice_finished, interrupted=False)
            case _:
                pass

    async def _finish(self, since: int, tell: _Finished, *, interrupted: bool) -> None:
        heard = self._playout.heard(since)
        self._reply_from = self._notice_from = None
        self._playout.forget()
        tell(heard, interrupted=interrupted)
        if heard:
            turn = LLMContextAssistantTurnFrame(text=heard, timestamp=time_now_iso8601())
            await self.push_frame(turn, FrameDirection.UPSTREAM)

    # -- in front of the line -----------------------------------------------------------------

    async def _queue(self, frame: TTSAudioRawFrame) -> None:
        while self._playout.queued_s > MOST_QUEUED_S:
            self._room.clear()
            await self._room.wait()
        pcm = np.frombuffer(frame.audio, np.int16)
        if frame.sample_rate != self._playout.rate_hz:
            pcm = soxr.resample(pcm, frame.sample_rate, self._playout.rate_hz)
        words = frame.words if isinstance(frame, SpeechFrame) else []
        self._playout.add_sound(pcm, words, protected=not frame.interruptible)
        self._more.set()

    async def _let_out(self) -> None:
        """One piece after the other, never more than `LEAD_S` ahead of the ear."""
        while True:
            early_s = self._ahead_until_s - time.monotonic() - LEAD_S
            if early_s > 0:
                await asyncio.sleep(early_s)
            item = None if self._held else self._playout.next(round(PIECE_S * self._playout.rate_hz))
            if item is None:
                self._more.clear()
                await self._more.wait()
            elif isinstance(item, Piece):
                self._ahead_until_s = max(time.monotonic(), self._ahead_until_s) + len(item.pcm) / self.rate_hz
                sound = TTSAudioRawFrame(item.pcm.tobytes(), self.rate_hz, 1)
                sound.interruptible = not item.protected
                await self.push_frame(sound)
                self._room.set()
            else:
                await self.push_frame(item)

    async def _stop(self) -> None:
        letting_out, self._letting_out = self._letting_out, None
        if letting_out is not None:
            await self.cancel_task(letting_out)


class Delivered(FrameProcessor):
    """Stands behind the line and counts what it took."""

    def __init__(self, delivering: Delivering, notice_written: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._delivering = delivering
        self._notice_written = notice_written
        self._waiting: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Count; the wait for a notice to reach the ear does not hold up the pipeline."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM and not isinstance(frame, SystemFrame):
            if isinstance(frame, TTSAudioRawFrame):
                self._delivering.wrote(np.frombuffer(frame.audio, np.int16))
                return
            await self._delivering.passed(frame)
            if isinstance(frame, NoticeEndFrame):
                self._waiting = self.create_task(self._wait(), "notice")
        await self.push_frame(frame, direction)

    async def _wait(self) -> None:
        await self._notice_written()

    async def cleanup(self) -> None:
        """Cancel the wait."""
        await FrameProcessor.cleanup(self)
        if self._waiting is not None and not self._waiting.done():
            await self.cancel_task(self._waiting)
