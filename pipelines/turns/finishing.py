"""When the caller has finished, carried: asks Smart Turn while silence lasts and ends the turn with its words."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from pipelines.empathy.ahead import Ahead
from pipelines.frames import NothingHeardFrame
from pipelines.ports import Pcm
from pipelines.turns.book import TurnBook
from pipelines.turns.detection import WINDOW_S, CallSmartTurn, CallVad
from pipelines.turns.ending import LOOKS_S, Manner, Verdict, is_dictating, is_upset, judge

LONGEST_S = 8.0
"""What Smart Turn hears of a turn: its end."""

LEAD_S = 0.7
"""Before the voice was confirmed; Pipecat gives as much."""


class CallerFinished(BaseUserTurnStopStrategy):
    """Ends the turn once the silence says so and every word of it has been recognised."""

    def __init__(self, vad: CallVad, smart_turn: CallSmartTurn, book: TurnBook, ahead: Ahead) -> None:
        """Create the strategy of one call.

        Args:
            vad: the call's voice activity.
            smart_turn: the call's end-of-turn model.
            book: of the call.
            ahead: prepares answers that may be wanted.
        """
        super().__init__()
        self._vad = vad
        self._smart_turn = smart_turn
        self._book = book
        self._sound: deque[Pcm] = deque()
        self._samples = self._since_voice = 0
        self._rate_hz = 16_000
        self._in_turn = False
        self._speaking = False
        self._recognised = False
        self._over = False
        self._words: list[str] = []
        self._probability: float | None = None
        self._looks = 0
        self._looking: asyncio.Task[None] | None = None
        self._ahead = ahead
        self._preparing: asyncio.Task[None] | None = None
        self._prepared = ""

    async def cleanup(self) -> None:
        """Leave nothing behind."""
        await self._stop_looking()
        await self._stop_preparing()

    async def handle_user_turn_started(self) -> None:
        """Voice and silence go on as they were: a turn may start after its first words."""
        self._in_turn = True
        self._words = []
        self._recognised = False
        await self._stop_preparing()

    async def handle_user_turn_stopped(self) -> None:
        """The next turn's silence is another one."""
        self._in_turn = self._recognised = False
        self._words = []
        self._prepared = ""
        await self._another_silence()
        self._sound.clear()
        self._samples = self._since_voice = 0

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow voice, words and silence."""
        match frame:
            case InputAudioRawFrame():
                await self._hear(np.frombuffer(frame.audio, np.int16), frame.sample_rate)
            case VADUserStartedSpeakingFrame():
                self._speaking = True
                self._recognised = False
                await self._voice_again()
            case VADUserStoppedSpeakingFrame():
                self._speaking = False
                await self._maybe_end()
            case TranscriptionFrame() if self._in_turn:
                self._words.append(frame.text)
                self._recognised = frame.finalized
                await self._maybe_end()
            case NothingHeardFrame() if self._in_turn:
                self._recognised = not self._speaking
                await self._maybe_end()
            case _:
                pass
        return ProcessFrameResult.CONTINUE

    async def _hear(self, pcm: Pcm, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._sound.append(pcm)
        self._samples += len(pcm)
        longest = int((LONGEST_S if self._in_turn or self._speaking else LEAD_S) * rate_hz)
        while self._sound and self._samples - len(self._sound[0]) >= longest:
            self._samples -= len(self._sound.popleft())
        if self._vad.voiced_windows:
            if self._looks:
                await self._voice_again()
            return
        silent_s = self._vad.quiet_windows * WINDOW_S
        if not self._in_turn or self._over:
            return
        if self._looks < len(LOOKS_S) and silent_s >= LOOKS_S[self._looks] and self._looking is None:
            self._looks = sum(silent_s >= at_s for at_s in LOOKS_S)
            heard = np.concatenate(self._sound)
            self._looking = self.task_manager.create_task(self._look(heard, silent_s), "smart turn")
        if not self._speaking:
            await self._weigh(silent_s)

    async def _look(self, heard: Pcm, silent_s: float) -> None:
        try:
            self._probability = await self._smart_turn.is_complete(heard, self._rate_hz)
        finally:
            self._looking = None
        await self._weigh(silent_s)

    async def _weigh(self, silent_s: float) -> None:
        verdict = judge(silent_s, self._probability, self._book.plan.turn_patience_s, self._manner())
        if verdict is Verdict.END:
            self._over = True
            await self._maybe_end()
        elif verdict is Verdict.EAGER:
            await self._prepare()

    def _manner(self) -> Manner:
        return Manner(
            upset=is_upset(self._book.trajectory.trend.current),
            dictating=is_dictating(self._book.said_last, " ".join(self._words)),
        )

    async def _maybe_end(self) -> None:
        """The silence has to say so, and the words have to be there; a silence taken back counts for nothing."""
        if self._in_turn and self._over and self._recognised and not self._speaking:
            await self.trigger_user_turn_stopped()

    async def _prepare(self) -> None:
        """The turn may be over and its words are there: begin with the answer that would be given."""
        text = " ".join(self._words)
        if text and text != self._prepared and self._in_turn and self._recognised and not self._speaking:
            await self._stop_preparing()
            self._prepared = text
            self._preparing = self.task_manager.create_task(self._ahead.prepare(text), "answer ahead")

    async def _voice_again(self) -> None:
        if self._in_turn:
            await self._stop_preparing()
        await self._another_silence()

    async def _stop_preparing(self) -> None:
        preparing, self._preparing = self._preparing, None
        self._prepared = ""
        self._ahead.forget()
        if preparing is not None:
            await self.task_manager.cancel_task(preparing)

    async def _another_silence(self) -> None:
        self._over = False
        self._probability = None
        self._looks = 0
        await self._stop_looking()

    async def _stop_looking(self) -> None:
        looking, self._looking = self._looking, None
        if looking is not None and looking is not asyncio.current_task():
            await self.task_manager.cancel_task(looking)
