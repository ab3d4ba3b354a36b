"""What can be wrong with the sound, the models and the server: an honest answer, and the call goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.emotion import shipped
from pipelines.emotion.baseline import CallerBaseline, Prior
from pipelines.emotion.batching import Busy, Why
from pipelines.emotion.estimate import UNKNOWN, Emotion, Label, Reading
from pipelines.emotion.reader import LONGEST_S, EmotionReader
from pipelines.emotion.voice import EmbeddedVoiceReader
from pipelines.ports import EngineFailed, Pcm, Recognition, VoiceFeatures
from tests.pipelines.emotion.readings import reading

STATES = np.random.default_rng(2).standard_normal(1024).astype(np.float32)


def speech(seconds: float, rate_hz: int = 16_000) -> Pcm:
    """A hum with some life in it."""
    at_s = np.arange(int(seconds * rate_hz)) / rate_hz
    hum: Pcm = (6000 * np.sin(2 * np.pi * 150 * at_s) * (1 + 0.5 * np.sin(2 * np.pi * 3 * at_s))).astype(np.int16)
    return hum


def heard(text: str, encoded: NDArray[np.float32] | None = STATES) -> Recognition:
    """What the recogniser made of it."""
    return Recognition(text, 0.9, encoded, 0.0, 0.0, "test")


class Listening:
    """A voice reader that notes how much it hears, and is what the test says: whole, busy, broken, slow."""

    prior: Prior | None = None

    def __init__(self, trouble: Exception | None = None, seconds: float = 0.0) -> None:
        self.trouble = trouble
        self.seconds = seconds
        self.lengths_s: list[float] = []

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """Hear."""
        self.lengths_s.append(len(pcm) / rate_hz)
        await asyncio.sleep(self.seconds)
        if self.trouble is not None:
            raise self.trouble
        return VoiceFeatures(np.zeros(3, np.float32), len(pcm) / rate_hz)

    def estimate(self, features: NDArray[np.float32]) -> Reading:
        """Angry."""
        return reading(Label.ANGRY, 0.9, -0.7, 0.7)


@pytest.fixture
async def embedded() -> AsyncIterator[EmotionReader]:
    """The shipped readers."""
    reader = EmotionReader.load()
    yield reader
    reader.close()


def whole(emotion: Emotion) -> bool:
    """Whether an estimate holds numbers, and none of them broken."""
    assert emotion.valence is not None
    assert emotion.arousal is not None
    values = [emotion.valence, emotion.arousal, emotion.confidence]
    return bool(np.isfinite(values).all()) and emotion.is_known


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 48_000, 96_000])
async def test_sound_of_any_rate_is_read(embedded: EmotionReader, rate_hz: int) -> None:
    """96 kHz too."""
    emotion = await embedded.read(speech(2.0, rate_hz), rate_hz, heard("I am waiting"), CallerBaseline())
    assert emotion.voice is not None
    assert whole(emotion)
    assert not embedded.failures


async def test_half_an_hour_costs_no_more_than_its_last_seconds() -> None:
    """The work is bounded: the end of a turn is what the reply follows."""
    listening = Listening()
    reader = EmotionReader(listening, None)
    monologue = np.resize(speech(2.0, 8000), 30 * 60 * 8000)
    emotion = await reader.read(monologue, 8000, heard(""), CallerBaseline())
    assert emotion.voice is not None
    assert listening.lengths_s == [LONGEST_S]
    reader.close()


async def test_sound_that_is_no_number_leaves_the_words(embedded: EmotionReader) -> None:
    """NaN from a broken decoder: no voice, a clean baseline, never a zero."""
    baseline = CallerBaseline()
    emotion = await embedded.read(np.full(32_000, np.nan), 16_000, heard("this is ridiculous"), baseline)
    assert emotion.voice is None
    assert emotion.words is not None
    assert baseline.turns == 0
    nothing = await embedded.read(np.full(32_000, np.nan), 16_000, heard(""), baseline)
    assert nothing == UNKNOWN
    assert nothing.valence is None
    assert embedded.failures["voice"] == 2


async def test_a_cut_head_file_stops_the_start_with_its_name(tmp_path: Path) -> None:
    """Neither half a file nor another one is read; the file that was sealed is."""
    head = tmp_path / "head.npz"
    head.write_bytes(Path(shipped.__file__).with_name("weights").joinpath("voice.npz").read_bytes())
    with pytest.raises(EngineFailed, match=r"head\.npz.*manifest"):
        EmotionReader.load(head)
    shipped.seal(head, origin="here", licence="ours", trained_with="a test")
    reader = EmotionReader.load(head)
    assert (await reader.read(speech(2.0), 16_000, heard(""), CallerBaseline())).voice is not None
    reader.close()
    head.write_bytes(head.read_bytes()[:-1000])
    with pytest.raises(EngineFailed, match=r"head\.npz: wrong checksum"):
        EmotionReader.load(head)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(Busy("gpu", Why.FULL), "full"), (Busy("gpu", Why.MEMORY), "memory"), (EngineFailed("gone"), "failed")],
    ids=["full", "memory", "gone"],
)
async def test_the_embedded_model_takes_over_and_it_is_told(trouble: Exception, reason: str) -> None:
    """The caller gets the simpler estimate; the record says why."""
    reader = EmotionReader(Listening(trouble), None, spare=EmbeddedVoiceReader.load())
    emotion = await reader.read(speech(2.0), 16_000, heard(""), CallerBaseline())
    assert emotion.fell_back == reason
    assert emotion.voice is not None
    assert emotion.voice.model.startswith("attune-voice")
    assert reader.failures == {"voice": 1}
    reader.close()


async def test_a_reader_that_is_late_is_replaced_in_time() -> None:
    """Not waited for beyond what a reply can wait."""
    reader = EmotionReader(Listening(seconds=3600), None, spare=Listening(), within_s=0.05)
    async with asyncio.timeout(20):
        emotion = await reader.read(speech(1.0), 16_000, heard(""), CallerBaseline())
    assert (emotion.label, emotion.fell_back) == (Label.ANGRY, "late")
    reader.close()


async def test_a_reader_that_keeps_failing_is_left_alone() -> None:
    """After three failures in a row nobody waits for it; a full queue is no failure."""
    first = Listening(Busy("gpu", Why.FULL))
    reader = EmotionReader(first, None, spare=Listening())
    for _ in range(5):
        await reader.read(speech(1.0), 16_000, heard(""), CallerBaseline())
    assert len(first.lengths_s) == 5
    first.trouble = EngineFailed("gone")
    reasons = [(await reader.read(speech(1.0), 16_000, heard(""), CallerBaseline())).fell_back for _ in range(5)]
    assert reasons == ["failed", "failed", "failed", "away", "away"]
    assert len(first.lengths_s) == 8
    reader.close()


async def test_without_any_voice_the_words_remain_and_without_words_nothing_is_made_up() -> None:
    """Both voice readers fail."""
    reader = EmotionReader(Listening(EngineFailed("gone")), None, spare=Listening(EngineFailed("too")))
    emotion = await reader.read(speech(1.0), 16_000, heard(""), CallerBaseline())
    assert emotion == UNKNOWN
    assert (emotion.label, emotion.valence, emotion.confidence) == (Label.UNKNOWN, None, 0.0)
    assert emotion.fell_back == "failed"
    assert reader.failures == {"voice": 1, "spare": 1}
    reader.close()
