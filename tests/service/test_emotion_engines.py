"""The emotion engine that the settings name, built as the service builds it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import Emotion
from pipelines.ports import EngineFailed, Pcm, Recognition
from service.engines import _emotion, _Loader
from service.settings import EmotionSettings, Settings
from tests.pipelines.gpu.tiny import ODYSSEY, save_odyssey

SOUND: Pcm = np.random.default_rng(3).integers(-8000, 8000, 16_000).astype(np.int16)
STATES = np.random.default_rng(2).standard_normal(1024).astype(np.float32)


async def read(**chosen: object) -> Emotion | None:
    """One utterance, read by what these settings name; None where nothing is analysed."""
    settings = Settings(emotion=EmotionSettings.model_validate(chosen))
    async with AsyncExitStack() as stack:
        source = await _emotion(settings, _Loader(stack, lambda _: None), stack)
        if source is None:
            return None
        heard = Recognition("this is ridiculous", 0.9, STATES, 0.0, 0.0, "test")
        return await source.read(SOUND, 8000, heard, CallerBaseline())


async def test_a_network_reads_in_this_process(tmp_path: Path) -> None:
    """By hub id or path."""
    model = str(save_odyssey(tmp_path, ODYSSEY))
    emotion = await read(engine="transformers", model=model, device="cpu", within_s=10)
    assert emotion is not None
    assert emotion.model.startswith(f"transformers:{model}+attune-words")
    assert emotion.fell_back == ""


async def test_a_server_that_is_not_there_yet_stops_no_service() -> None:
    """The embedded model reads until it answers."""
    emotion = await read(engine="remote", server="http://127.0.0.1:9")
    assert emotion is not None
    assert emotion.model.startswith("attune-voice")
    assert emotion.fell_back == "failed"


async def test_a_network_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(EngineFailed, match="nowhere"):
        await read(engine="transformers", model=str(tmp_path / "nowhere"), device="cpu")


async def test_embedded_and_off() -> None:
    """The default, and nothing at all."""
    emotion = await read()
    assert emotion is not None
    assert emotion.model.startswith("attune-voice")
    assert await read(engine="off") is None
