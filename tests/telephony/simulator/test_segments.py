"""Scenes of cutting a recording into utterances."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from telephony.audio import Pcm
from telephony.simulator.segments import cut

RATE_HZ = 8000
DATA = Path(os.environ.get("ATTUNE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def tone(seconds: float, level: int = 8000) -> Pcm:
    """A sound."""
    return (level * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.int16)


def hush(seconds: float) -> Pcm:
    """A quiet line."""
    return np.random.default_rng(1).normal(0, 8, round(seconds * RATE_HZ)).astype(np.int16)


def lengths(pieces: list[Pcm]) -> list[float]:
    """Seconds of each piece."""
    return [len(piece) / RATE_HZ for piece in pieces]


def test_pauses_end_utterances_and_breaths_do_not() -> None:
    """A pause of 1.2 s cuts, one of 0.4 s does not."""
    recording = np.concatenate([hush(1), tone(1), hush(0.4), tone(1), hush(1.2), tone(2), hush(2)])
    assert lengths(cut(recording, RATE_HZ)) == pytest.approx([2.64, 2.24], abs=0.05)


def test_short_sounds_join_or_go() -> None:
    """A click soon after an utterance belongs to it, one far from everything is dropped."""
    recording = np.concatenate([tone(2), hush(1), tone(0.2), hush(4), tone(0.1), hush(4), tone(1), hush(2)])
    assert lengths(cut(recording, RATE_HZ)) == pytest.approx([3.4, 1.24], abs=0.15)


def test_a_long_speech_is_cut_at_its_longest_breath() -> None:
    """Ten seconds with breaths of 0.3 and 0.6 s, at most 7 wanted."""
    recording = np.concatenate([hush(3), tone(3), hush(0.3), tone(2), hush(0.6), tone(4), hush(3)])
    assert lengths(cut(recording, RATE_HZ, longest_s=7)) == pytest.approx([5.54, 4.24], abs=0.05)


@pytest.mark.parametrize("samples", [0, 1, 159])
def test_nothing_gives_nothing(samples: int) -> None:
    """Too short for a frame."""
    assert cut(np.zeros(samples, dtype=np.int16), RATE_HZ) == []


def test_silence_gives_nothing() -> None:
    """Digital silence has no speech."""
    assert cut(np.zeros(RATE_HZ * 3, dtype=np.int16), RATE_HZ) == []


def test_a_real_call_has_its_turns() -> None:
    """The caller's side of a recorded telephone call of four minutes."""
    file = DATA / "calls" / "Auto_Repairs_40_UTC_caller.flac"
    if not file.exists():
        pytest.skip(f"the recorded call is not there: {file.name} (set ATTUNE_DATA)")
    pcm, rate_hz = soundfile.read(file, dtype="int16")
    pieces = cut(pcm, rate_hz)
    assert 10 <= len(pieces) <= 40
    assert all(0.4 <= length <= 13 for length in lengths(pieces))
    assert 90 < sum(lengths(pieces)) < 150
