"""Scenes of telephone audio."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telephony.audio import Upsampler, decode_ulaw, encode_ulaw, pcm_from_bytes


def _code_by_search(sample: int) -> int:
    """G.711 by the book: the segment is searched, bit by bit."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 132
    segment = next(s for s in range(7, -1, -1) if magnitude >= 128 << s)
    return ~(sign | segment << 4 | (magnitude >> (segment + 3)) & 15) & 0xFF


def test_every_sample_has_the_code_of_the_standard() -> None:
    """All 65536 samples against a slow reference."""
    samples = np.arange(-32768, 32768).astype(np.int16)
    assert list(encode_ulaw(samples)) == [_code_by_search(int(s)) for s in samples]


def test_known_codes() -> None:
    """Silence, the loudest samples, and a few from the standard's table."""
    assert encode_ulaw(np.array([0, 32767, -32768, 1000], dtype=np.int16)) == bytes([0xFF, 0x80, 0x00, 0xCE])
    assert list(decode_ulaw(bytes([0xFF, 0x7F, 0x80, 0x00]))) == [0, 0, 32124, -32124]


def test_codes_survive_the_way_there_and_back() -> None:
    """Decoding and encoding gives the same code, save for the two codes of zero."""
    codes = bytes(code for code in range(256) if code != 0x7F)
    assert encode_ulaw(decode_ulaw(codes)) == codes


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    """Any bytes are audio."""
    assert len(Upsampler().upsample(decode_ulaw(data))) == 2 * len(data)
    assert len(pcm_from_bytes(data)) == len(data) // 2


def test_frames_join_seamlessly() -> None:
    """Cut into frames or in one piece: the same samples."""
    noise = np.random.default_rng(1).integers(-8000, 8000, 1600).astype(np.int16)
    by_frames = Upsampler()
    joined = np.concatenate([by_frames.upsample(noise[i : i + 160]) for i in range(0, 1600, 160)])
    assert np.array_equal(joined, Upsampler().upsample(noise))


def test_speech_band_passes_and_images_do_not() -> None:
    """A 1 kHz tone keeps its level; what would mirror at 7 kHz is 45 dB down; the delay is 1.2 ms."""
    tone = (10000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.int16)
    spectrum = np.abs(np.fft.rfft(Upsampler().upsample(tone)[:16000] / 32768))
    tone_db, image_db = 20 * np.log10(spectrum[1000]), 20 * np.log10(spectrum[7000] + 1e-9)
    assert abs(tone_db - 20 * np.log10(10000 / 32768 * 8000)) < 0.1
    assert tone_db - image_db > 45

    click = np.zeros(160, dtype=np.int16)
    click[0] = 10000
    assert int(np.argmax(Upsampler().upsample(click))) == 19
