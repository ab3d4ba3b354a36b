"""Who has the floor, carried: feeds `Floor` with what is heard and does what it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import assert_never

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from pipelines.frames import NothingHeardFrame, Utterance
from pipelines.ports import Pcm
from pipelines.turns.book import TurnBook
from pipelines.turns.delivering import Delivering
from pipelines.turns.detection import WINDOW_S, CallVad
from pipelines.turns.echo import EchoWatch
from pipelines.turns.floor import ONSET_S, Floor, Moment, Move


class FloorTaken(BaseUserTurnStartStrategy):
    """A turn of the caller starts when the caller takes the floor; until that is sure the agent holds its breath."""

    def __init__(self, vad: CallVad, delivering: Delivering, book: TurnBook, forget: Callable[[], None]) -> None:
        """Create the strategy of one call.

        Args:
            vad: the call's voice activity.
            delivering: lets the agent's speech out.
            book: of the call.
            forget: drops what was made of an utterance that was no turn.
        """
        super().__init__()
        self._vad = vad
        self._delivering = delivering
        self._book = book
        self._forget = forget
        self._floor = Floor()
        self._echo = EchoWatch()
        self._in_turn = False
        self._cut_in = False
        self._worded = False
        self._level_db = 0.0

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Listen."""
        now_s = time.monotonic()
        match frame:
            case InputAudioRawFrame():
                self._hear(np.frombuffer(frame.audio, np.int16), frame.sample_rate)
                if not self._in_turn:
                    await self._do(self._floor.listen(self._moment(now_s)))
            case VADUserStartedSpeakingFrame() if not self._in_turn:
                self._worded = False
                began_s = now_s - frame.start_secs
                await self._do(self._floor.speech_began(now_s, began_s, sounding=self._delivering.sounding))
            case VADUserStoppedSpeakingFrame():
                self._floor.speech_ended(now_s, self._level_db)
            case TranscriptionFrame() if not self._in_turn:
                sure = frame.result.recognition.confidence if isinstance(frame.result, Utterance) else 1.0
                await self._judge(frame.text, sure)
            case TranscriptionFrame():
                self._worded = True
            case NothingHeardFrame() if not self._in_turn:
                await self._judge("", 0.0)
            case _:
                pass
        return ProcessFrameResult.CONTINUE

    async def handle_user_turn_started(self) -> None:
        """The caller has the floor."""
        self._in_turn = True
        self._book.answering = False
        self._floor.over()

    async def handle_user_turn_stopped(self) -> None:
        """The floor is ours. Who cut us off without a word that could be made out is asked to say it again."""
        self._in_turn = False
        self._floor.over()
        if self._cut_in and not self._worded:
            await self.push_frame(LLMContextFrame(LLMContext()))

    def _hear(self, pcm: Pcm, rate_hz: int) -> None:
        power = float(np.mean(pcm.astype(np.float64) ** 2)) if len(pcm) else 0.0
        level_db = 10 * np.log10(power + 1.0)
        if self._vad.voiced_windows:
            self._level_db = float(max(level_db, 0.9 * self._level_db + 0.1 * level_db))
        self._echo.heard(pcm, rate_hz)
        played = self._delivering.take_played()
        if played:
            self._echo.said(np.concatenate(played), self._delivering.rate_hz)
        elif not self._delivering.sounding:
            silent = round(len(pcm) * self._delivering.rate_hz / rate_hz)
            self._echo.said(np.zeros(silent, np.int16), self._delivering.rate_hz)

    def _moment(self, now_s: float) -> Moment:
        sounding = self._delivering.sounding
        voiced_s = self._vad.voiced_windows * WINDOW_S
        return Moment(
            now_s=now_s,
            voiced_s=voiced_s,
            quiet_s=self._vad.quiet_windows * WINDOW_S,
            level_db=self._level_db,
            echo=self._echo.peak() if sounding and voiced_s >= ONSET_S else 0.0,
            sounding=sounding,
            protected=self._delivering.protected,
        )

    async def _judge(self, text: str, confidence: float) -> None:
        move = self._floor.words(text, confidence, self._delivering.said())
        self._worded = move is Move.YIELD
        if move is not Move.YIELD:
            await self._call_event_handler("on_reset_aggregation")
            self._book.caller_took_no_turn()
            self._forget()
        await self._do(move)

    async def _do(self, move: Move) -> None:
        match move:
            case Move.NOTHING:
                pass
            case Move.HOLD:
                await self._delivering.hold()
            case Move.RESUME:
                await self._delivering.resume()
            case Move.YIELD:
                self._cut_in = self._delivering.sounding
                await self.trigger_user_turn_started()
            case _:
                assert_never(move)
