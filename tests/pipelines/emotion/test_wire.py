"""What goes between call workers and the emotion server."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.emotion.wire import LONGEST_REQUEST, answer, answered, ask, asked
from pipelines.ports import EngineFailed, VoiceFeatures


def test_sound_and_features_arrive_as_they_were_sent() -> None:
    """Sample for sample, number for number."""
    pcm = np.random.default_rng(1).integers(-32768, 32767, 9000).astype(np.int16)
    back, rate_hz = asked(ask(pcm, 8000))
    assert (back.tolist(), rate_hz) == (pcm.tolist(), 8000)
    features = VoiceFeatures(np.linspace(-1, 1, 7, dtype=np.float32), 1.125)
    again = answered(answer(features))
    assert (again.vector.tolist(), again.speech_s) == (features.vector.tolist(), 1.125)


def test_a_monologue_is_cut_to_its_end() -> None:
    """No request is longer than the server takes."""
    pcm = (np.arange(96_000 * 30) % 1000).astype(np.int16)
    body = ask(pcm, 96_000)
    assert len(body) <= LONGEST_REQUEST
    assert asked(body)[0].tolist() == pcm[-96_000 * 20 :].tolist()


@given(st.binary(max_size=64) | st.binary(max_size=60).map(lambda rest: b"AVQ1" + rest))
def test_anything_else_is_no_request(body: bytes) -> None:
    """Refused or read, never anything else."""
    try:
        pcm, rate_hz = asked(body)
    except EngineFailed:
        return
    assert ask(pcm, rate_hz) == body


@given(st.binary(max_size=64) | st.binary(max_size=60).map(lambda rest: b"AVA1" + rest))
def test_anything_else_is_no_answer(body: bytes) -> None:
    """Numbers that arrive are finite."""
    try:
        features = answered(body)
    except EngineFailed:
        return
    assert np.isfinite(features.vector).all()
    assert answer(features) == body


def test_nan_is_no_answer() -> None:
    """A server that computed nonsense is not believed."""
    with pytest.raises(EngineFailed, match="finite"):
        answered(answer(VoiceFeatures(np.array([np.nan], np.float32), 1.0)))
