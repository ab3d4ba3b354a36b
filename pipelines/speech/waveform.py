"""From the line's samples to the waveform that speech models were trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipelines.ports import Pcm

MODEL_RATE_HZ = 16_000
"""Whisper, WavLM and wav2vec 2.0 all hear 16 kHz."""


def model_waveform(pcm: Pcm, rate_hz: int) -> NDArray[np.float32]:
    """Samples in -1..1 at MODEL_RATE_HZ, shape (samples,)."""
    wave = pcm.astype(np.float32) / 32768.0
    if rate_hz == MODEL_RATE_HZ or not len(wave):
        return wave
    return np.asarray(resample_poly(wave, MODEL_RATE_HZ, rate_hz), dtype=np.float32)
