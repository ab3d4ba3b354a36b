"""Voice and words of one utterance, whatever fails."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.emotion.baseline import CallerBaseline, Prior
from pipelines.emotion.estimate import LABELS, UNKNOWN, Label, Reading
from pipelines.emotion.reader import EmotionReader
from pipelines.ports import EngineFailed, Pcm, Recognition, VoiceFeatures

SPEECH: Pcm = (6000 * np.sin(np.arange(32_000) * 2 * np.pi * 150 / 16_000)).astype(np.int16)
STATES = np.random.default_rng(2).standard_normal(1024).astype(np.float32)


def heard(text: str, encoded: NDArray[np.float32] | None = STATES) -> Recognition:
    """What the recogniser made of it."""
    return Recognition(text, 0.9, encoded, 0.0, 0.0, "test")


@pytest.fixture
async def reader() -> AsyncIterator[EmotionReader]:
    """The shipped readers, warmed up."""
    embedded = EmotionReader.load()
    await embedded.warm_up()
    yield embedded
    embedded.close()


async def test_voice_and_words_are_joined_and_the_baseline_learns(reader: EmotionReader) -> None:
    """The usual case."""
    baseline = CallerBaseline()
    emotion = await reader.read(SPEECH, 16_000, heard("this is ridiculous, I am furious"), baseline)
    assert emotion.voice is not None
    assert emotion.words is not None
    assert sum(emotion.voice.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert set(emotion.voice.probabilities) == set(LABELS)
    assert baseline.turns > 0
    assert re.fullmatch(r"attune-voice-\d+\+attune-words-\d+", emotion.model)


async def test_a_short_no_is_read_by_its_words(reader: EmotionReader) -> None:
    """Less than half a second tells nothing by its sound."""
    baseline = CallerBaseline()
    emotion = await reader.read(SPEECH[:6000], 16_000, heard("no, that's wrong"), baseline)
    assert emotion.voice is None
    assert emotion.words is not None
    assert baseline.turns == 0


async def test_a_recogniser_without_states_leaves_the_words(reader: EmotionReader) -> None:
    """A cloud recogniser gives no encoder states: counted, not invented."""
    emotion = await reader.read(SPEECH, 16_000, heard("thank you so much", None), CallerBaseline())
    assert emotion.voice is None
    assert emotion.label is Label.SATISFIED
    assert emotion.fell_back == "failed"
    assert reader.failures["voice"] == 1


@pytest.mark.parametrize(
    "encoded",
    [np.full(1024, np.nan, np.float32), np.zeros(1280, np.float32)],
    ids=["broken states", "states of another model"],
)
async def test_states_that_cannot_be_used_are_left_out(reader: EmotionReader, encoded: NDArray[np.float32]) -> None:
    """The baseline stays clean."""
    baseline = CallerBaseline()
    emotion = await reader.read(SPEECH, 16_000, heard("hello", encoded), baseline)
    assert emotion.voice is None
    assert baseline.turns == 0
    assert reader.failures["voice"] == 1


@pytest.mark.parametrize("pcm", [SPEECH[:0], np.zeros(32_000, np.int16)], ids=["no audio", "digital silence"])
async def test_nothing_at_all_is_unknown(reader: EmotionReader, pcm: Pcm) -> None:
    """Never zero, never neutral."""
    assert await reader.read(pcm, 16_000, heard(""), CallerBaseline()) == UNKNOWN
    assert await reader.read(pcm, 16_000, None, CallerBaseline()) == UNKNOWN


class Broken:
    """A voice and words reader that always fails."""

    prior: Prior | None = None

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """Fail as an engine does."""
        raise EngineFailed("out of memory")

    def estimate(self, features: NDArray[np.float32]) -> Reading:
        """Never reached."""
        raise EngineFailed("never asked")

    def read_words(self, text: str) -> Reading | None:
        """Fail as code does."""
        raise ValueError("broken")


async def test_when_everything_fails_the_answer_is_unknown() -> None:
    """The call goes on."""
    reader = EmotionReader(Broken(), Broken())
    assert await reader.read(SPEECH, 16_000, heard("hello there"), CallerBaseline()) == UNKNOWN
    assert reader.failures == {"voice": 1, "words": 1}
    reader.close()


class Slow(Broken):
    """A voice reader that hangs."""

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise EngineFailed("unreachable")


async def test_hanging_up_cancels_the_reading() -> None:
    """Cancellation passes through."""
    reader = EmotionReader(Slow(), None)
    task = asyncio.create_task(reader.read(SPEECH, 16_000, heard("hello"), CallerBaseline()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    reader.close()
