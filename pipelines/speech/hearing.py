"""The recogniser's place in the conversation: one transcription frame per stretch of speech, the last one final."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import numpy as np
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService, STTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from pipelines.frames import NothingHeardFrame, Utterance
from pipelines.ports import EngineFailed, Recogniser, Recognition
from pipelines.turns.book import TurnBook
from pipelines.turns.detection import CallVad

INAUDIBLE = "..."
"""Stands for speech that could not be recognised, so that the turn ends and the caller is asked again."""

RECOGNITION_S = 3.0
"""Longest that a recognition may take, plus a quarter of the speech's length; then the caller is asked again."""

LEAD_S = 0.3
"""Audio kept from before the moment at which voice activity was confirmed."""

AHEAD_WINDOWS = 3
"""Quiet windows of voice activity (32 ms each) after which recognition begins; voice activity itself waits for six."""

PADDING_S = 0.3
"""Silence appended to a stretch of speech: recognisers garble a last word that ends abruptly."""


class Hearing(SegmentedSTTService):
    """Hands each stretch of speech to the recogniser and marks the transcript final when no other is under way.

    Pipecat marks every segment final. With two segments in one turn the first transcript would then close the turn
    and the second interrupt the answer, so a transcript is final only when nothing else is being spoken or recognised.
    """

    def __init__(
        self, recogniser: Recogniser, book: TurnBook, *, vad: CallVad | None = None, within_s: float = RECOGNITION_S
    ) -> None:
        """Create the processor.

        Args:
            recogniser: the engine.
            book: of the call.
            vad: the call's voice activity; with it recognition begins before voice activity has ended for sure.
            within_s: longest that a recognition may take, besides a quarter of the speech's length.
        """
        super().__init__(
            sample_rate=None,
            trailing_silence_secs=PADDING_S,
            ttfs_p99_latency=1.2,
            settings=STTSettings(model="recogniser", language=Language.EN),
        )
        self._recogniser = recogniser
        self._within_s = within_s
        self._book = book
        self._under_way = 0
        self._vad = vad
        self._ahead: asyncio.Task[Recognition] | None = None

    @property
    def wants_wav_segments(self) -> bool:
        """Raw samples are wanted."""
        return False

    def can_generate_metrics(self) -> bool:
        """Processing time is reported."""
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Recognise one stretch of speech.

        Args:
            audio: mono 16-bit samples at the pipeline's input rate, padded with silence.

        Yields:
            One transcription frame, or nothing where there were no words.
        """
        began = time.monotonic()
        pcm = np.frombuffer(audio, dtype=np.int16)
        rate_hz = self.sample_rate
        try:
            async with asyncio.timeout(self._within_s + 0.25 * len(pcm) / rate_hz):
                ahead, self._ahead = self._ahead, None
                recognition = await (ahead or self._recogniser.recognise(pcm, rate_hz))
        except EngineFailed as failed:
            self._book.fell_back("recognition", str(failed))
            recognition = None
        except TimeoutError:
            self._book.fell_back("recognition", "late")
            recognition = None
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._book.waiting.pauses()
        self._book.clock.recognition_s = time.monotonic() - began
        if recognition is None:
            yield TranscriptionFrame(INAUDIBLE, self._user_id, time_now_iso8601(), Language.EN)
        elif recognition.text:
            self._book.confidence = recognition.confidence
            spoken = pcm[: max(1, len(pcm) - int(PADDING_S * rate_hz))]
            yield TranscriptionFrame(
                recognition.text,
                self._user_id,
                time_now_iso8601(),
                Language.EN,
                result=Utterance(spoken, rate_hz, recognition),
            )
        else:
            yield NothingHeardFrame()

    async def process_audio_frame(self, frame: InputAudioRawFrame, direction: FrameDirection) -> None:
        """Keep the sound; recognise early what may be the end, and throw that away if the voice goes on."""
        await super().process_audio_frame(frame, direction)
        if self._vad is None or not self._user_speaking:
            return
        if self._vad.voiced_windows:
            await self._forget_ahead()
        elif self._ahead is None and self._vad.quiet_windows >= AHEAD_WINDOWS:
            pcm = np.frombuffer(bytes(self._audio_buffer) + self._trailing_silence(), np.int16)
            self._ahead = self.create_task(self._recogniser.recognise(pcm, self.sample_rate), "recognition ahead")

    async def _forget_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await self.cancel_task(ahead)

    async def stop(self, frame: EndFrame) -> None:
        """Leave no recognition behind."""
        await self._forget_ahead()
        await super().stop(frame)

    async def cleanup(self) -> None:
        """Leave no task behind either where the call was ended while it began: then no cancel comes this way."""
        await SegmentedSTTService._cancel_segment_task(self)
        await self._forget_ahead()
        await STTService.cleanup(self)

    async def cancel(self, frame: CancelFrame) -> None:
        """Leave no recognition behind."""
        await self._forget_ahead()
        await super().cancel(frame)

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Mark a transcript final only when no other segment is being spoken or recognised."""
        if isinstance(frame, TranscriptionFrame):
            frame.finalized = self._under_way == 0 and not self._user_speaking
        await STTService.push_frame(self, frame, direction)

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        await super()._handle_user_started_speaking(frame)
        self._book.caller_started()
        keep = int((frame.start_secs + LEAD_S) * self.sample_rate) * 2
        if len(self._audio_buffer) > keep:
            del self._audio_buffer[:-keep]

    async def _handle_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._book.caller_paused(time.time() - frame.timestamp + frame.stop_secs)
        if self.is_usable:
            self._under_way += 1
            self._book.waiting.begins(time.monotonic(), self._book.clock.last_sound)
        await super()._handle_user_stopped_speaking(frame)
