"""Whisper through transformers, from a directory to words and encoder states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.ports import EngineFailed, Pcm, Recogniser
from pipelines.speech.transformers_recogniser import TransformersRecogniser
from tests.pipelines.gpu.tiny import save_whisper


@pytest.fixture(scope="module")
def whisper_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Whisper on disk."""
    return save_whisper(tmp_path_factory.mktemp("whisper"))


def noise(seconds: float, rate_hz: int) -> Pcm:
    """A stretch of noise."""
    return np.random.default_rng(3).integers(-8000, 8000, int(seconds * rate_hz)).astype(np.int16)


async def test_words_and_states_come_from_one_encoder_pass(whisper_directory: Path) -> None:
    """A telephone utterance is encoded once; both the pooled states and the words rest on it."""
    recogniser = TransformersRecogniser.load(str(whisper_directory), "cpu")
    as_port: Recogniser = recogniser
    await recogniser.warm_up()
    passes: list[tuple[int, ...]] = []
    encoder: Any = recogniser._parts.network.get_encoder()
    encoder.register_forward_hook(lambda _module, _args, out: passes.append(tuple(out.last_hidden_state.shape)))

    heard = await as_port.recognise(noise(2.0, 8000), 8000)

    assert passes == [(1, 1500, 16)]
    assert heard.encoded is not None
    assert heard.encoded.shape == (32,)
    assert heard.encoded.dtype == np.float32
    assert np.isfinite(heard.encoded).all()
    assert 0.0 < heard.confidence <= 1.0
    assert heard.text
    assert heard.engine == f"transformers:{whisper_directory}"
    assert heard.encode_s > 0
    assert heard.decode_s > 0
    recogniser.close()


async def test_speech_beyond_the_window_is_a_batch_of_windows(whisper_directory: Path) -> None:
    """Thirty-one seconds become two windows, and their words are joined."""
    recogniser = TransformersRecogniser.load(str(whisper_directory), "cpu")
    passes: list[int] = []
    encoder: Any = recogniser._parts.network.get_encoder()
    encoder.register_forward_hook(lambda _module, _args, out: passes.append(out.last_hidden_state.shape[0]))
    heard = await recogniser.recognise(noise(31.0, 16000), 16000)
    assert passes == [2]
    assert heard.encoded is not None
    assert heard.encoded.shape == (32,)
    assert heard.text
    recogniser.close()


async def test_nothing_said_is_no_words(whisper_directory: Path) -> None:
    """No samples give no words and no states."""
    recogniser = TransformersRecogniser.load(str(whisper_directory), "cpu")
    heard = await recogniser.recognise(np.zeros(0, dtype=np.int16), 16000)
    assert (heard.text, heard.encoded, heard.confidence) == ("", None, 0.0)
    recogniser.close()


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """A directory without a model fails with the name of the engine and the place."""
    with pytest.raises(EngineFailed, match=r"recogniser .*nowhere"):
        TransformersRecogniser.load(str(tmp_path / "nowhere"), "cpu")
