"""The colour of voices whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from pipelines.emotion.prosody import prosody
from pipelines.emotion.timbre import NAMES
from pipelines.ports import Pcm
from tests.pipelines.emotion.test_prosody import told, voice

RATE_HZ = 8000


def spoken(pitch_hz: float = 140.0, seconds: float = 2.0) -> Pcm:
    """Syllables of 0.15 s with gaps of 0.1 s between them."""
    syllable = np.concatenate([voice(np.full(1200, pitch_hz), RATE_HZ), np.zeros(800, np.int16)])
    return np.tile(syllable, int(seconds * RATE_HZ / len(syllable)))


def test_names_are_unique_and_stand_for_every_number() -> None:
    """A head is trained on places: names must not drift from them."""
    vector, _ = prosody(spoken(), RATE_HZ)
    assert len(set(told(spoken(), RATE_HZ))) == len(vector)
    assert set(NAMES) <= set(told(spoken(), RATE_HZ))


def test_syllables_are_voiced_stretches() -> None:
    """Four a second, about as long as they were made."""
    found = told(spoken(), RATE_HZ)
    assert found["voiced_stretches_per_s"] == pytest.approx(4, abs=0.7)
    assert found["voiced_stretch_s"] == pytest.approx(0.15, abs=0.05)
    assert found["modulation_0.5_2_hz"] < 0.1  # nothing is slower than the syllables


def test_a_dull_voice_has_a_steeper_spectrum() -> None:
    """A low-pass at 800 Hz: less treble in slope, index and centre."""
    bright = spoken()
    low, high = signal.butter(2, 800, fs=RATE_HZ, output="ba")
    dull = np.asarray(signal.lfilter(low, high, bright), dtype=np.int16)
    before, after = told(bright, RATE_HZ), told(dull, RATE_HZ)
    assert after["hammarberg_db"] > before["hammarberg_db"] + 3
    assert after["centre_hz"] < before["centre_hz"]
    assert after["slope_to_1500_db"] < before["slope_to_1500_db"]


def test_a_gliding_voice_rises_more_than_it_falls() -> None:
    """Steps of pitch keep their direction."""
    found = told(voice(150 * 2 ** np.linspace(0, 1, 16_000), RATE_HZ), RATE_HZ)
    assert found["pitch_rise_st"] == pytest.approx(0.12, abs=0.04)
    assert found["pitch_p80_st"] > found["pitch_p50_st"] > found["pitch_p20_st"]


def test_a_murmur_of_the_line_far_below_the_voice_changes_little() -> None:
    """Noise 60 dB below the voice: bands without voice have a floor."""
    clean = voice(150 + 20 * np.sin(np.linspace(0, 20, 16_000)), RATE_HZ)
    noisy = (clean + 4 * np.random.default_rng(0).standard_normal(len(clean))).astype(np.int16)
    before, after = prosody(clean, RATE_HZ)[0], prosody(noisy, RATE_HZ)[0]
    names = list(told(clean, RATE_HZ))
    for name, one, other in zip(names, before, after, strict=True):
        if name.endswith("_mean"):
            assert other == pytest.approx(one, abs=1.5), name
