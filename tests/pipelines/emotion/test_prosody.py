"""Pitch and rhythm of synthetic voices whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.emotion.prosody import NAMES, prosody
from pipelines.ports import Pcm


def voice(pitch_hz: NDArray[np.float64], rate_hz: int, level: float = 6000) -> Pcm:
    """Harmonics of a pitch curve, one value per sample."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    tones = [np.sin(k * phase) / k for k in range(1, 12) if k * pitch_hz.max() < rate_hz / 2.2]
    return np.asarray(level * np.sum(tones, axis=0) / 2, dtype=np.int16)


def told(pcm: Pcm, rate_hz: int) -> dict[str, float]:
    """The vector by name."""
    return dict(zip(NAMES, prosody(pcm, rate_hz)[0].tolist(), strict=True))


@pytest.mark.parametrize("pitch_hz", [85, 120, 200, 310, 390])
@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_a_steady_pitch_is_found(pitch_hz: float, rate_hz: int) -> None:
    """No octave errors between a low man and a high child."""
    found = told(voice(np.full(2 * rate_hz, float(pitch_hz)), rate_hz), rate_hz)
    assert found["pitch_median_st"] == pytest.approx(12 * np.log2(pitch_hz / 100), abs=0.2)
    assert found["pitch_range_st"] < 0.5
    assert found["voiced_ratio"] > 0.95


def test_a_rising_pitch_has_a_slope_and_a_range() -> None:
    """An octave in two seconds is six semitones a second."""
    found = told(voice(150 * 2 ** np.linspace(0, 1, 16_000), 8000), 8000)
    assert found["pitch_slope_st_per_s"] == pytest.approx(6, abs=0.5)
    assert found["pitch_range_st"] == pytest.approx(9.6, abs=1)


def test_level_is_no_feature() -> None:
    """A loud line is not an angry caller."""
    pitch = 150 + 20 * np.sin(np.linspace(0, 20, 16_000))
    quiet, loud = (prosody(voice(pitch, 8000, level), 8000)[0] for level in (1500, 12_000))
    assert np.allclose(quiet, loud, atol=0.6)


def test_pauses_and_syllables_are_counted() -> None:
    """Four bursts a second with a second of silence in the middle."""
    burst = np.concatenate([voice(np.full(1200, 140.0), 8000), np.zeros(800, np.int16)])
    speech = np.concatenate([np.tile(burst, 4), np.zeros(8000, np.int16), np.tile(burst, 4)])
    found = told(speech, 8000)
    assert found["pause_ratio"] > 0.4
    assert 3 <= found["peaks_per_s"] <= 9


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(0, np.int16),
        np.zeros(100, np.int16),
        np.zeros(16_000, np.int16),
        np.full(16_000, -32768, np.int16),
    ],
    ids=["nothing", "a click", "digital silence", "a stuck line"],
)
def test_no_speech_gives_zeros_and_no_seconds(pcm: Pcm) -> None:
    """Nothing is read into nothing."""
    vector, speech_s = prosody(pcm, 8000)
    assert speech_s == 0
    assert not vector.any()


def test_noise_and_clipping_stay_finite() -> None:
    """Hostile audio is still audio."""
    noise = np.random.default_rng(1).integers(-32768, 32767, 48_000).astype(np.int16)
    for rate_hz in (8000, 16_000, 48_000, 96_000):
        vector, speech_s = prosody(noise, rate_hz)
        assert np.isfinite(vector).all()
        assert speech_s > 0
