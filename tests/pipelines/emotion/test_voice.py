"""The shipped voice head on recordings: the whole way from samples to an emotion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import Label
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.reader import EmotionReader
from pipelines.emotion.voice import AS_LABEL, EmbeddedVoiceReader, voice_vector
from pipelines.learning.corpora import clips_of, read_emodb
from pipelines.learning.emotion import Condition, under
from pipelines.models.install import ModelAbsent, locate
from pipelines.speech.whisper import WhisperRecogniser
from service.settings import Settings

CLIPS = ("03a01Wa", "03a01Nc", "08a01Wa", "08a01Na", "14a05Wa", "14a05Na")
"""Anger (W) and neutral (N) of the same sentence by three speakers."""


def test_the_voice_never_says_confused_and_boredom_is_no_reason_to_act() -> None:
    """Nobody acted confusion."""
    reader = EmbeddedVoiceReader.load()
    reading = reader.estimate(np.zeros(len(reader.prior.mean), np.float32))
    assert reading.probabilities[Label.CONFUSED] == 0
    assert sum(reading.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert -1 <= reading.valence <= 1
    assert -1 <= reading.arousal <= 1
    assert AS_LABEL["boredom"] is Label.NEUTRAL
    reader.close()


async def test_features_are_the_encoder_states_and_the_prosody() -> None:
    """In this order, as in training."""
    reader = EmbeddedVoiceReader.load()
    noise = np.random.default_rng(0).integers(-3000, 3000, 16_000).astype(np.int16)
    encoded = np.arange(1024, dtype=np.float32)
    features = await reader.read_voice(noise, 16_000, encoded)
    assert np.array_equal(features.vector[:1024], encoded)
    assert features.vector.shape == voice_vector(encoded, np.zeros(len(NAMES), np.float32)).shape
    assert 0.5 < features.speech_s <= 1.0
    reader.close()


async def test_anger_is_more_excited_than_a_neutral_voice_on_the_telephone(data_dir: Path) -> None:
    """Six recordings through the embedded recogniser and a mu-law line, one call per speaker."""
    try:
        model = locate("whisper-base", Settings().models.cache_dir)
    except ModelAbsent as absent:
        pytest.skip(f"whisper-base is not installed: {absent}")
    recogniser, reader = WhisperRecogniser.load(model, threads=1), EmotionReader.load()
    corpus = read_emodb(data_dir / "emodb")
    assert corpus is not None
    clips = {one.file.stem: clips_of(one)[0] for one in corpus.recordings if one.file.stem in CLIPS}
    arousal: dict[str, float] = {}
    for angry, neutral in zip(CLIPS[::2], CLIPS[1::2], strict=True):
        baseline = CallerBaseline()
        for name in (neutral, angry):
            pcm, rate_hz = under(clips[name], Condition.IN_CALL)
            emotion = await reader.read(pcm, rate_hz, await recogniser.recognise(pcm, rate_hz), baseline)
            assert emotion.voice is not None
            arousal[name] = emotion.voice.arousal
        assert arousal[angry] > arousal[neutral] + 0.3
        assert baseline.turns > 0
    recogniser.close()
    reader.close()
