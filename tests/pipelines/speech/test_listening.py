"""Hold music is not listened to, speech always is, and a secret being typed keeps everything out."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.ports import Pcm
from pipelines.speech.listening import HoldMusic

RATE_HZ = 16_000


def chords(seconds: float, level: float = 0.1) -> Pcm:
    """Held chords that change every second, as a synthesiser plays them."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    root = 220 * 2 ** (np.floor(time_s) % 5 / 12)
    sound = sum(np.sin(2 * np.pi * root * ratio * time_s) for ratio in (1.0, 1.25, 1.5))
    return np.asarray(32767 * level * sound / 3, np.int16)


def noise(seconds: float, level: float = 0.05) -> Pcm:
    """A fan, a car, a street."""
    return np.asarray(32767 * level * np.random.default_rng(1).normal(0, 1, int(seconds * RATE_HZ)), np.int16)


def quiet(seconds: float) -> Pcm:
    """Nothing."""
    return np.zeros(int(seconds * RATE_HZ), np.int16)


def heard(pcm: Pcm, music: HoldMusic | None = None) -> list[bool]:
    """Whether music was taken to play, every 20 ms."""
    music = music or HoldMusic()
    step = RATE_HZ // 50
    return [music.hear(pcm[at : at + step], RATE_HZ) for at in range(0, len(pcm), step)]


def test_held_chords_are_music_after_six_seconds() -> None:
    """Not before: somebody may hum."""
    playing = heard(chords(10.0))
    assert not any(playing[: 50 * 5])
    assert all(playing[50 * 7 :])


@pytest.mark.parametrize("sound", [noise(20.0), quiet(20.0)], ids=["noise", "silence"])
def test_noise_and_silence_are_no_music(sound: Pcm) -> None:
    """A caller in a car must not be kept out."""
    assert not any(heard(sound))


def test_a_voice_with_pauses_is_no_music(spoken_16k: Pcm) -> None:
    """Real speech over and over, as tonal as a voice is, with the short pauses that it has."""
    speech = np.concatenate([np.concatenate([spoken_16k, quiet(0.3)]) for _ in range(12)])
    assert not any(heard(speech))


def test_quiet_ends_it_and_so_does_somebody_over_it() -> None:
    """The caller is back."""
    music = HoldMusic()
    heard(chords(8.0), music)
    assert music.playing
    assert not heard(quiet(0.6), music)[-1]
    heard(chords(8.0), music)
    assert not heard(chords(0.4, level=0.6), music)[-1]
