"""The telephone line that training sends speech through."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.learning.line import LINE_RATE_HZ, Codec, Line, coded
from pipelines.ports import Pcm


def tone(seconds: float = 1.0, rate_hz: int = LINE_RATE_HZ) -> Pcm:
    """A 440 Hz tone."""
    return (8000 * np.sin(np.arange(int(seconds * rate_hz)) * 2 * np.pi * 440 / rate_hz)).astype(np.int16)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_codec_keeps_length_and_level(codec: Codec) -> None:
    """What comes out is the same tone, a little late or rough."""
    sent = tone(1.013)
    heard = coded(sent, codec)
    assert heard.shape == sent.shape
    assert heard.dtype == np.int16
    before, after = (float(np.abs(pcm.astype(float)).mean()) for pcm in (sent, heard))
    assert after == pytest.approx(before, rel=0.25)


def test_a_plain_line_is_nearly_transparent() -> None:
    """mu-law alone at the line's own rate."""
    sent = tone()
    heard = Line().carry(sent, LINE_RATE_HZ, np.random.default_rng(0))
    assert np.corrcoef(sent, heard)[0, 1] > 0.999


def test_noise_has_the_ratio_that_was_asked_for() -> None:
    """Ten decibels below the speech."""
    sent = tone()
    for pink in (False, True):
        heard = Line(noise_db=10, pink=pink).carry(sent, LINE_RATE_HZ, np.random.default_rng(1))
        noise = heard.astype(float) - sent
        assert 10 * np.log10(np.mean(sent.astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(10, abs=1)


def test_a_narrow_loud_line_cuts_bass_and_clips() -> None:
    """100 Hz does not pass; a gain of 20 dB hits the rails."""
    bass = (8000 * np.sin(np.arange(8000) * 2 * np.pi * 100 / LINE_RATE_HZ)).astype(np.int16)
    heard = Line(narrow=True).carry(bass, LINE_RATE_HZ, np.random.default_rng(0))
    assert np.abs(heard[800:].astype(float)).mean() < 0.05 * np.abs(bass.astype(float)).mean()
    assert np.abs(Line(gain_db=20).carry(tone(), LINE_RATE_HZ, np.random.default_rng(0)).astype(int)).max() > 31_000


def test_drawn_lines_differ_and_can_be_drawn_again() -> None:
    """Training is repeatable."""
    lines = [Line.drawn(np.random.default_rng(seed)) for seed in range(20)]
    assert len(set(lines)) == 20
    assert lines == [Line.drawn(np.random.default_rng(seed)) for seed in range(20)]
