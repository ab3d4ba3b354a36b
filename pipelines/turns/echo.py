"""Whether what comes in is our own voice coming back from a loudspeaker. Pure numbers.

The last 0.3 s of the caller's sound are correlated with what we played in the second before, at every delay up to
0.7 s, with all frequencies whitened (Knapp and Carter 1976, "phase transform"): an echo stands out as one sharp peak,
whatever its loudness and its room, and somebody else's speech has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.ports import Pcm

RATE_HZ = 8000
WINDOW_S = 0.3
LONGEST_DELAY_S = 0.7

ECHO_PEAK = 10.0
"""Height of the peak over the spread of the rest, from which it is an echo.

Over 60 simulated echoes (prompts in rooms, 20 and 30 dB down, mu-law) 0.2 s after their onset nine of ten are above 11,
and of 60 callers who cut in 95 in 100 are below 8.6.
"""

_BINS = 8192
_BAND = slice(round(250 / RATE_HZ * _BINS), round(3500 / RATE_HZ * _BINS))
_WINDOW = round(WINDOW_S * RATE_HZ)
_SPAN = round((WINDOW_S + LONGEST_DELAY_S) * RATE_HZ)
_HANN = np.hanning(_WINDOW)


class EchoWatch:
    """Remembers a second of both directions."""

    def __init__(self) -> None:
        """Nothing said, nothing heard."""
        self._heard = np.zeros(_WINDOW)
        self._said = np.zeros(_SPAN)

    def heard(self, pcm: Pcm, rate_hz: int) -> None:
        """The next sound of the caller."""
        self._heard = _slid(self._heard, _narrow(pcm, rate_hz))

    def said(self, pcm: Pcm, rate_hz: int) -> None:
        """What we played in the same time; silence is samples too."""
        self._said = _slid(self._said, _narrow(pcm, rate_hz))

    def peak(self) -> float:
        """How sharply the last sound matches ours at its best delay; callers reach about 5."""
        heard = np.fft.rfft(self._heard * _HANN, _BINS)[_BAND]
        said = np.fft.rfft(self._said, _BINS)[_BAND]
        cross = np.conj(heard) * said
        size = np.abs(cross)
        spectrum = np.zeros(_BINS // 2 + 1, np.complex128)
        spectrum[_BAND] = cross / (size + 1e-3 * size.max() + 1e-9)
        match = np.fft.irfft(spectrum, _BINS)[: _SPAN - _WINDOW + 1]
        return float(match.max() / (match.std() + 1e-12))


def _slid(kept: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([kept, new])[-len(kept) :]


def _narrow(pcm: Pcm, rate_hz: int) -> NDArray[np.float64]:
    """At 8 kHz, roughly: what folds over is small and the same in no two places."""
    step = rate_hz // RATE_HZ
    return np.asarray(pcm[: len(pcm) // step * step].reshape(-1, step).mean(axis=1), np.float64)
