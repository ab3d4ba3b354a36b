"""Voice activity and end-of-turn models shared by all calls of the process.

Pipecat loads both ONNX sessions again for every analyzer (about 25 MiB and 60 ms of blocked event loop a call). The
sessions hold no state of a call, so one of each serves all; what belongs to a call stays in its own analyzer.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams

from pipelines.ports import Pcm

VAD_STOP_S = 0.2
"""Silence after which voice activity ends; Smart Turn was trained with it."""


class _SharedSilero(SileroOnnxModel):
    """Silero with its own recurrent state on a session that others use too."""

    def __init__(self, loaded: SileroOnnxModel) -> None:
        self.session = loaded.session
        self.sample_rates = loaded.sample_rates
        SileroOnnxModel.reset_states(self)


WINDOW_S = 0.032
"""Silero judges windows of 512 samples at 16 kHz."""


class CallVad(SileroVADAnalyzer):
    """Voice activity of one call on the shared session and the shared threads.

    Attributes:
        voiced_windows: windows with voice in a row up to now; 0 in silence.
        quiet_windows: windows without voice in a row up to now; 0 in speech.
    """

    def __init__(self, loaded: SileroOnnxModel, threads: ThreadPoolExecutor, params: VADParams) -> None:
        VADAnalyzer.__init__(self, params=params)
        self._executor.shutdown(wait=False)
        self._executor = threads
        self._model = _SharedSilero(loaded)
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self._confidence = 0.0
        self.voiced_windows = 0
        self.quiet_windows = 0

    def voice_confidence(self, buffer: bytes) -> float:
        """Silero's confidence that a window holds voice, 0..1."""
        self._confidence = super().voice_confidence(buffer)
        return self._confidence

    def _get_smoothed_volume(self, audio: bytes) -> float:
        """Pipecat asks for it right after the confidence: both together are its verdict on the window."""
        volume = super()._get_smoothed_volume(audio)
        voiced = self._confidence >= self.params.confidence and volume >= self.params.min_volume
        self.voiced_windows = self.voiced_windows + 1 if voiced else 0
        self.quiet_windows = 0 if voiced else self.quiet_windows + 1
        return volume

    async def cleanup(self) -> None:
        """Leave the shared threads alone."""


class CallSmartTurn(LocalSmartTurnAnalyzerV3):
    """End-of-turn of one call on the shared session and the shared thread."""

    def __init__(self, loaded: LocalSmartTurnAnalyzerV3, threads: ThreadPoolExecutor) -> None:
        super(LocalSmartTurnAnalyzerV3, self).__init__()
        self._log_data = False
        self._session = loaded._session
        self._executor = threads

    async def is_complete(self, pcm: Pcm, rate_hz: int) -> float:
        """Probability that the turn that ends with this sound is over, 0..1.

        Args:
            pcm: the end of the turn and the silence after it; the last eight seconds count.
            rate_hz: its sample rate, 16000 for best results.
        """
        self._sample_rate = rate_hz
        heard = pcm.astype(np.float32) / 32768.0
        found = await asyncio.get_running_loop().run_in_executor(self._model_executor, self._predict_endpoint, heard)
        return float(found["probability"])

    async def cleanup(self) -> None:
        """Leave the shared thread alone."""


class TurnModels:
    """The process-wide models; makes one pair of analyzers per call."""

    def __init__(self) -> None:
        self._silero = SileroVADAnalyzer(sample_rate=16_000)
        self._smart_turn = LocalSmartTurnAnalyzerV3(cpu_count=1)
        self._vad_threads = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self._turn_threads = ThreadPoolExecutor(1, thread_name_prefix="smart-turn")

    def warm_up(self) -> None:
        """Run both models once, so that the first caller does not wait for lazy initialisation. Blocking."""
        self._silero.set_sample_rate(16_000)
        self._silero.voice_confidence(bytes(2 * 512))
        self._smart_turn.set_sample_rate(16_000)
        self._smart_turn._predict_endpoint(np.zeros(16_000, dtype=np.float32))

    def voice_activity(self) -> CallVad:
        """A voice activity analyzer for one call."""
        params = VADParams(confidence=0.7, start_secs=0.2, stop_secs=VAD_STOP_S, min_volume=0.6)
        return CallVad(self._silero._model, self._vad_threads, params)

    def end_of_turn(self) -> CallSmartTurn:
        """An end-of-turn model for one call."""
        return CallSmartTurn(self._smart_turn, self._turn_threads)

    def close(self) -> None:
        """End the threads."""
        self._vad_threads.shutdown(wait=False, cancel_futures=True)
        self._turn_threads.shutdown(wait=False, cancel_futures=True)
