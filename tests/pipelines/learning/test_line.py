"""The telephone line that training sends speech through."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.learning.line import LINE_RATE_HZ, Codec, Line, coded, concealed, lost_packets
from pipelines.learning.surroundings import Colour, hold_music, in_a_room, noise, tilted
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
    for colour in Colour:
        heard = Line(noise_db=10, colour=colour).carry(sent, LINE_RATE_HZ, np.random.default_rng(1))
        noise = heard.astype(float) - sent
        assert 10 * np.log10(np.mean(sent.astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(10, abs=1)


def test_a_narrow_loud_line_cuts_bass_and_clips() -> None:
    """100 Hz does not pass; a gain of 20 dB hits the rails."""
    bass = (8000 * np.sin(np.arange(8000) * 2 * np.pi * 100 / LINE_RATE_HZ)).astype(np.int16)
    heard = Line(narrow=True).carry(bass, LINE_RATE_HZ, np.random.default_rng(0))
    assert np.abs(heard[800:].astype(float)).mean() < 0.05 * np.abs(bass.astype(float)).mean()
    assert np.abs(Line(gain_db=20).carry(tone(), LINE_RATE_HZ, np.random.default_rng(0)).astype(int)).max() > 31_000


def test_a_tinny_handset_lifts_the_treble() -> None:
    """Three decibels an octave between 500 Hz and 2 kHz are six."""
    at_s = np.arange(8000) / LINE_RATE_HZ
    low, high = (np.sin(2 * np.pi * pitch_hz * at_s) for pitch_hz in (500, 2000))
    heard_low, heard_high = (np.std(tilted(sound, 3.0, LINE_RATE_HZ)) for sound in (low, high))
    assert 20 * np.log10(heard_high / heard_low) == pytest.approx(6, abs=0.2)


def test_drawn_lines_differ_and_can_be_drawn_again() -> None:
    """Training is repeatable."""
    lines = [Line.drawn(np.random.default_rng(seed)) for seed in range(20)]
    assert len(set(lines)) == 20
    assert lines == [Line.drawn(np.random.default_rng(seed)) for seed in range(20)]


def test_losses_come_in_bursts_and_as_often_as_asked_for() -> None:
    """Ten per cent of ten thousand packets; most are alone, many are not."""
    lost = lost_packets(10_000, 0.1, np.random.default_rng(3))
    assert lost.mean() == pytest.approx(0.1, abs=0.015)
    bursts = np.count_nonzero(np.diff(lost.astype(int)) == 1)
    assert 1.3 < lost.sum() / bursts < 1.7


def test_a_lost_packet_of_a_tone_is_hardly_missed_and_a_long_gap_falls_silent() -> None:
    """The pitch period goes on and fades."""
    sent = tone(1.0)
    one = np.zeros(50, bool)
    one[20] = True
    assert np.corrcoef(sent, concealed(sent, one))[0, 1] > 0.99
    many = np.zeros(50, bool)
    many[20:30] = True
    gap = concealed(sent, many)[20 * 160 : 30 * 160].astype(float)
    assert np.abs(gap[:160]).mean() > 3000
    assert not gap[8 * 60 :].any()


def test_a_clipped_microphone_flattens_the_peaks() -> None:
    """As many samples lie on the rail as were asked for."""
    sent = (3000 * np.random.default_rng(5).standard_normal(16_000)).clip(-32_000, 32_000).astype(np.int16)
    heard = np.abs(Line(codec=None, clipped=0.05).carry(sent, LINE_RATE_HZ, np.random.default_rng(0)).astype(int))
    assert np.mean(heard >= heard.max() - 1) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("colour", list(Colour))
def test_noise_has_power_one_and_its_colour(colour: Colour) -> None:
    """White is level, the others lie low."""
    sound = noise(16_000, colour, LINE_RATE_HZ, np.random.default_rng(2))
    power = np.abs(np.fft.rfft(sound)) ** 2
    assert np.mean(sound**2) == pytest.approx(1)
    low = power[:4000].sum() / power.sum()
    assert (0.45 < low < 0.55) if colour is Colour.WHITE else low > 0.7


def test_music_on_hold_is_tonal_and_never_the_same() -> None:
    """Most of its power lies in few tones; another seed is another piece."""
    first, second = (hold_music(24_000, LINE_RATE_HZ, np.random.default_rng(seed)) for seed in (1, 2))
    power = np.sort(np.abs(np.fft.rfft(first)) ** 2)
    assert power[-600:].sum() > 0.7 * power.sum()
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.5
    assert np.mean(first**2) == pytest.approx(1)


def test_a_room_smears_a_click_and_keeps_the_level() -> None:
    """The echo of a click lasts for tenths of a second."""
    click = np.zeros(8000)
    click[100] = 1000.0
    heard = in_a_room(click, LINE_RATE_HZ, np.random.default_rng(4))
    assert np.abs(heard[101:2000]).sum() > 0
    assert not np.abs(heard[:99]).max() > 1
    speech = np.random.default_rng(1).standard_normal(16_000)
    assert np.std(in_a_room(speech, LINE_RATE_HZ, np.random.default_rng(4))) == pytest.approx(1, rel=0.3)


@pytest.mark.parametrize("count", [0, 1, 7, 161])
def test_scraps_of_sound_come_through_every_trouble(count: int) -> None:
    """An utterance of a few samples is still an utterance."""
    line = Line(far=True, narrow=True, noise_db=10, colour=Colour.BABBLE, music_db=10, clipped=0.05, loss=0.5)
    heard = line.carry(np.full(count, 500, np.int16), LINE_RATE_HZ, np.random.default_rng(0))
    assert heard.shape == (count,)
