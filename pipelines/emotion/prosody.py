"""Pitch, rhythm, loudness dynamics and timbre of one utterance: a small vector, pure numpy, a few milliseconds.

Absolute level is not a feature: lines and microphones decide it, not the caller.
Pitch is Boersma's normalised autocorrelation (Proc. IFA 17, 1993) without its path search.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

from pipelines.emotion import timbre
from pipelines.emotion.timbre import Frames
from pipelines.ports import Pcm

RATE_HZ: Final = 8000
HOP_S: Final = 0.02
_HOP: Final = int(RATE_HZ * HOP_S)
_WINDOW: Final = 320
_FFT: Final = 512
_LAGS: Final = np.arange(RATE_HZ // 420, RATE_HZ // 60 + 1)
_FAVOUR: Final = (0.03 * np.log2(_LAGS / _LAGS[0])).astype(np.float32)
_SPEECH_BELOW_LOUD_DB: Final = 30.0
_SILENCE_DB: Final = 65.0
"""Frame energy of noise 70 dB below full scale, which resampling alone can leave in digital silence."""
_VOICED: Final = 0.5
_LONGEST_S: Final = 30

NAMES: Final = (
    "pitch_median_st",
    "pitch_range_st",
    "pitch_slope_st_per_s",
    "pitch_movement_st",
    "voiced_ratio",
    "harmonicity",
    "energy_spread_db",
    "energy_movement_db",
    "peaks_per_s",
    "pause_ratio",
    "tilt_db",
    "tilt_spread_db",
    *timbre.NAMES,
)
"""The vector, in order. Pitch in semitones above 100 Hz; tilt is the level above 1 kHz over the level below it."""


_HANN: Final = np.hanning(_WINDOW + 2)[1:-1].astype(np.float32)


def _autocorrelation(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    spectrum = np.abs(fft.rfft(frames, _FFT, axis=1)) ** 2
    return np.asarray(fft.irfft(spectrum, _FFT, axis=1), dtype=np.float32)


_HANN_LAGS: Final = _autocorrelation(_HANN[None, :])[0] / float(np.sum(_HANN**2))


def prosody(pcm: Pcm, rate_hz: int) -> tuple[NDArray[np.float32], float]:
    """Describe one utterance.

    Args:
        pcm: the audio; only its first 30 s are looked at.
        rate_hz: its rate; it is brought to the telephone's 8 kHz first, so that all lines are alike.

    Returns:
        The vector of NAMES (zeros where there is too little speech to tell) and the seconds of speech in it.
    """
    sound = pcm[: _LONGEST_S * rate_hz]
    if rate_hz != RATE_HZ:
        sound = np.asarray(soxr.resample(sound, rate_hz, RATE_HZ, quality="MQ"), dtype=np.int16)
    if len(sound) < 4 * _WINDOW:
        return np.zeros(len(NAMES), np.float32), 0.0
    frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP].astype(np.float32)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _HANN
    power = np.abs(fft.rfft(frames, _FFT, axis=1)) ** 2
    energy_db = _db(power.sum(axis=1))
    speech = energy_db > max(_SILENCE_DB, float(np.percentile(energy_db, 95)) - _SPEECH_BELOW_LOUD_DB)
    if speech.sum() < 5:
        return np.zeros(len(NAMES), np.float32), 0.0
    correlation = np.asarray(fft.irfft(power, _FFT, axis=1), dtype=np.float32)
    pitch_st, strength = _pitch(correlation)
    voiced = speech & (strength > _VOICED)
    split = int(1000 / RATE_HZ * _FFT)
    tilt_db = _db(power[:, split:].sum(axis=1)) - _db(power[:, :split].sum(axis=1))
    vector = np.array(
        [
            *_pitch_shape(pitch_st, voiced),
            voiced.sum() / speech.sum(),
            strength[speech].mean(),
            *_energy_shape(energy_db, speech),
            tilt_db[speech].mean(),
            tilt_db[speech].std(),
            *timbre.timbre(Frames(RATE_HZ, HOP_S, power, energy_db, speech, pitch_st, strength, voiced)),
        ],
        np.float32,
    )
    return vector, float(speech.sum() * HOP_S)


def _db(power: NDArray[np.float32]) -> NDArray[np.float32]:
    return 10 * np.log10(np.maximum(power, np.float32(1e-6)))


def _pitch(correlation: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Semitones above 100 Hz and strength (0..1) per frame; short lags win ties, against octave errors."""
    zero = np.maximum(correlation[:, :1], 1e-9)
    around = correlation[:, _LAGS[0] - 1 : _LAGS[-1] + 2] / (zero * _HANN_LAGS[_LAGS[0] - 1 : _LAGS[-1] + 2])
    left, middle, right = around[:, :-2], around[:, 1:-1], around[:, 2:]
    peak = (middle >= left) & (middle >= right)
    bend = np.minimum(left - 2 * middle + right, np.float32(-1e-6))
    shift = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)  # the peak lies between samples: a parabola through three
    height = middle - 0.25 * (left - right) * shift
    favoured = np.where(peak, height - _FAVOUR, np.float32(-1))
    best = favoured.argmax(axis=1)
    row = np.arange(len(best))
    period = _LAGS[best] + shift[row, best]
    strength = np.where(favoured[row, best] > -1, np.clip(height[row, best], 0, 1), 0)
    return (12 * np.log2(RATE_HZ / period / 100)).astype(np.float32), strength.astype(np.float32)


def _pitch_shape(pitch_st: NDArray[np.float32], voiced: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Median, 10-90 % range, slope per second, mean step between neighbouring voiced frames."""
    if voiced.sum() < 5:
        return 0.0, 0.0, 0.0, 0.0
    held = pitch_st[voiced]
    median = float(np.median(held))
    kept = voiced & (np.abs(pitch_st - median) < 14)  # farther than that is an octave error
    held = pitch_st[kept]
    if len(held) < 5:
        return median, 0.0, 0.0, 0.0
    at_s = np.flatnonzero(kept) * HOP_S
    centred = at_s - at_s.mean()
    slope = float(centred @ (held - held.mean()) / max(1e-6, float(centred @ centred)))
    steps = np.abs(np.diff(pitch_st))[kept[1:] & kept[:-1]]
    low, high = np.percentile(held, [10, 90])
    return median, float(high - low), slope, float(np.minimum(steps, 6).mean()) if len(steps) else 0.0


def _energy_shape(energy_db: NDArray[np.float32], speech: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Spread, mean step, peaks per second (about the syllable rate), share of pauses inside the utterance."""
    spread = float(energy_db[speech].std())
    steps = np.abs(np.diff(energy_db))[speech[1:] & speech[:-1]]
    smooth = np.convolve(energy_db, np.full(5, 0.2), mode="same")
    inner = smooth[1:-1]
    peaks = (inner > smooth[:-2]) & (inner >= smooth[2:]) & speech[1:-1]
    first, *_, last = np.flatnonzero(speech)
    inside = speech[first : last + 1]
    return (
        spread,
        float(steps.mean()) if len(steps) else 0.0,
        float(peaks.sum() / (speech.sum() * HOP_S)),
        float(1 - inside.mean()),
    )
