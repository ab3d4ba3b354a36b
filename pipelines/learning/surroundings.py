"""What is heard besides the caller: noise, music on hold, a room, a handset. Pure numbers from a given chance.

Nothing is a recording: all of it is made anew from chance, so that no file and no licence stands behind it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Sound = NDArray[np.float64]


class Colour(StrEnum):
    """How noise spreads over the band."""

    WHITE = "white"
    PINK = "pink"
    """Falls by 3 dB an octave: hiss of a room, traffic."""
    BROWN = "brown"
    """Falls by 6 dB an octave: wind, engines."""
    BABBLE = "babble"
    """The spectrum of speech in the rhythm of syllables: people at the other desks."""


def noise(count: int, colour: Colour, rate_hz: int, chance: np.random.Generator) -> Sound:
    """Noise of mean power 1, shape (count,)."""
    sound = chance.standard_normal(count)
    match colour:
        case Colour.WHITE:
            pass
        case Colour.PINK:
            sound = _falling(sound, rate_hz, 0.5)
        case Colour.BROWN:
            sound = _falling(sound, rate_hz, 1.0)
        case Colour.BABBLE:
            low, high = signal.butter(1, (120, 700), btype="bandpass", fs=rate_hz, output="ba")
            sound = np.asarray(signal.lfilter(low, high, sound), dtype=np.float64)
            sound *= 0.3 + _syllables(count, rate_hz, chance)
    return np.asarray(sound / np.sqrt(max(1e-12, float(np.mean(sound**2)))))


def _falling(sound: Sound, rate_hz: int, exponent: float) -> Sound:
    """With an amplitude that falls with frequency to that power, level below 30 Hz."""
    spectrum = np.fft.rfft(sound)
    at_hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    return np.fft.irfft(spectrum / np.maximum(30.0, at_hz) ** exponent, len(sound))


def tilted(sound: Sound, db_per_octave: float, rate_hz: int) -> Sound:
    """As through a dull or a tinny handset: so many dB more with every octave above 1 kHz, less below it."""
    octaves = np.log2(np.maximum(100.0, np.fft.rfftfreq(len(sound), 1 / rate_hz)) / 1000)
    return np.fft.irfft(np.fft.rfft(sound) * 10 ** (db_per_octave * octaves / 20), len(sound))


def _syllables(count: int, rate_hz: int, chance: np.random.Generator) -> Sound:
    """Loudness of several voices together: three random swings of 2 to 6 a second."""
    at_s = np.arange(count) / rate_hz
    swings = [np.sin(2 * np.pi * (chance.uniform(2, 6) * at_s + chance.random())) for _ in range(3)]
    return np.asarray(np.abs(np.sum(swings, axis=0)) / 3)


_SCALE: Final = (0, 2, 4, 7, 9)
"""Semitones of the pentatonic scale: whatever follows whatever, it sounds like music on hold."""


def hold_music(count: int, rate_hz: int, chance: np.random.Generator) -> Sound:
    """Plucked notes over held chords, of mean power 1, shape (count,)."""
    at_s = np.arange(count) / rate_hz
    beat_s = float(chance.uniform(0.25, 0.5))
    root_hz = 110 * 2 ** (chance.integers(12) / 12)
    sound = np.zeros(count)
    for beat in range(int(count / rate_hz / beat_s) + 1):
        began = round(beat * beat_s * rate_hz)
        since_s = at_s[: count - began]
        if not len(since_s):
            break
        pitches_hz = [_pitch_hz(root_hz, int(chance.integers(15))) * 2]
        if beat % 4 == 0:
            step = int(chance.integers(5))
            pitches_hz += [_pitch_hz(root_hz, step + third) for third in (0, 2, 4)]
        for place, pitch_hz in enumerate(pitches_hz):
            fading = np.exp(-since_s / (0.25 if place == 0 else 4 * beat_s))
            overtones = [np.sin(2 * np.pi * k * pitch_hz * since_s) / k**1.5 for k in (1, 2, 3, 4)]
            sound[began:] += np.sum(overtones, axis=0) * fading
    return np.asarray(sound / np.sqrt(max(1e-12, float(np.mean(sound**2)))))


def _pitch_hz(root_hz: float, step: int) -> float:
    return float(root_hz * 2 ** ((_SCALE[step % 5] + 12 * (step // 5)) / 12))


def in_a_room(sound: Sound, rate_hz: int, chance: np.random.Generator) -> Sound:
    """Speech from across a room: the direct sound and a reverberation of 0.3 to 0.8 s that is nearly as strong.

    The room is noise that dies away exponentially and loses its treble (Polack's model of late reverberation).
    """
    dying_s = float(chance.uniform(0.3, 0.8))
    size = int(dying_s * rate_hz)
    echo = chance.standard_normal(size) * 10 ** (-3 * np.arange(size) / size)
    low, high = signal.butter(1, 2500, fs=rate_hz, output="ba")
    echo = np.asarray(signal.lfilter(low, high, echo), dtype=np.float64)
    share = 10 ** (chance.uniform(-6, 3) / 10)
    response = echo * np.sqrt(share / max(1e-12, float(np.sum(echo**2))))
    response[0] += 1.0
    return np.asarray(signal.fftconvolve(sound, response)[: len(sound)] / np.sqrt(1 + share), dtype=np.float64)
