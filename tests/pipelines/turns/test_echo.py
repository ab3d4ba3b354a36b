"""Our own voice from a loudspeaker is told from somebody else's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from pipelines.ports import Pcm
from pipelines.turns.echo import ECHO_PEAK, EchoWatch

RATE = 8000


def speech_like(seed: int, seconds: float = 2.0) -> Pcm:
    """Coloured noise in the rhythm of syllables."""
    chance = np.random.default_rng(seed)
    count = int(seconds * RATE)
    low, high = signal.butter(2, (200, 2500), btype="bandpass", fs=RATE, output="ba")
    sound = signal.lfilter(low, high, chance.normal(0, 1, count))
    rhythm = 0.3 + np.abs(np.sin(2 * np.pi * (3.3 * np.arange(count) / RATE + chance.random())))
    return np.asarray(3000 * sound * rhythm / np.abs(sound).max(), np.int16)


def peak(heard: Pcm, said: Pcm) -> float:
    """After both were heard in steps of 20 ms."""
    watch = EchoWatch()
    for at in range(0, len(said) - 160, 160):
        watch.heard(np.repeat(heard[at : at + 160], 2), 2 * RATE)
        watch.said(said[at : at + 160], RATE)
    return watch.peak()


@pytest.mark.parametrize("delay_s", [0.05, 0.3, 0.6])
def test_an_echo_stands_out_at_every_delay(delay_s: float) -> None:
    """Late, 26 dB weaker, with a second reflection and the line's noise."""
    said = speech_like(1)
    delay = int(delay_s * RATE)
    heard = np.zeros(len(said))
    heard[delay:] += 0.05 * said[: len(said) - delay]
    heard[delay + 90 :] += 0.02 * said[: len(said) - delay - 90]
    heard += np.random.default_rng(2).normal(0, 8, len(heard))
    assert peak(heard.astype(np.int16), said) > ECHO_PEAK


def test_somebody_else_does_not() -> None:
    """Other speech in the same rhythm."""
    assert peak(speech_like(5), speech_like(1)) < ECHO_PEAK


def test_a_caller_over_an_echo_does_not() -> None:
    """Both at once: the caller is louder."""
    said, caller = speech_like(1), speech_like(7)
    heard = caller.astype(np.float64)
    heard[800:] += 0.02 * said[:-800]
    assert peak(heard.astype(np.int16), said) < ECHO_PEAK


def test_silence_is_no_echo() -> None:
    """Nothing said, nothing heard."""
    nothing = np.zeros(RATE, np.int16)
    assert peak(nothing, nothing) < ECHO_PEAK
