"""Emotion from the voice through transformers: loading, the label table, attributes, own code."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.emotion.estimate import LABELS, Label
from pipelines.emotion.transformers_reader import (
    AttributeHead,
    TransformersVoiceReader,
    head_for,
    log_shares,
    meaning_of,
)
from pipelines.ports import EngineFailed, Pcm, VoiceReader
from tests.pipelines.gpu.tiny import safetensors, save_wavlm, transformers

ODYSSEY = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")


def noise(seconds: float, rate_hz: int = 8000) -> Pcm:
    """A stretch of noise."""
    return np.random.default_rng(3).integers(-8000, 8000, int(seconds * rate_hz)).astype(np.int16)


async def test_an_utterance_becomes_logits_and_logits_a_reading(tmp_path: Path) -> None:
    """A telephone utterance goes through a real WavLM classifier to labels, valence and arousal."""
    reader = TransformersVoiceReader.load(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")
    as_port: VoiceReader = reader
    await reader.warm_up()
    features = await as_port.read_voice(noise(1.5), 8000, None)
    reading = as_port.estimate(features.vector)
    assert features.vector.shape == (8,)
    assert np.exp(features.vector).sum() == pytest.approx(1.0, abs=1e-3)
    assert features.speech_s == pytest.approx(1.5)
    assert set(reading.probabilities) == set(LABELS)
    assert sum(reading.probabilities.values()) == pytest.approx(1.0)
    assert -1 <= reading.valence <= 1
    assert -1 <= reading.arousal <= 1
    reader.close()


@pytest.mark.parametrize("seconds", [0.0, 0.01, 30.0])
async def test_very_short_and_very_long_utterances_are_read(tmp_path: Path, seconds: float) -> None:
    """Nothing at all is padded, a monologue is cut to its end."""
    reader = TransformersVoiceReader.load(str(save_wavlm(tmp_path, ODYSSEY)), "cpu")
    features = await reader.read_voice(noise(seconds), 8000, None)
    assert np.isfinite(features.vector).all()
    reader.close()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Angry", Label.ANGRY),
        ("ang", Label.ANGRY),
        ("Happiness", Label.SATISFIED),
        ("sadness", Label.SAD),
        ("neutral", Label.NEUTRAL),
        ("calm", Label.NEUTRAL),
        ("fearful", Label.ANXIOUS),
        ("disgust", Label.FRUSTRATED),
        ("Contempt", Label.FRUSTRATED),
        ("confused", Label.CONFUSED),
        ("surprised", Label.CONFUSED),
    ],
)
def test_class_names_map_to_our_labels(name: str, label: Label) -> None:
    """The names that public checkpoints use find their label."""
    meaning = meaning_of(name)
    assert meaning is not None
    assert meaning.label is label


def test_the_leading_class_leads_the_reading() -> None:
    """A clear 'Angry' is angry, unpleasant and excited; 'other' takes no share."""
    reading = head_for(["other", "Angry", "Neutral"]).read(np.array([9.0, 6.0, 0.0], dtype=np.float32), "m")
    assert max(reading.probabilities, key=lambda label: reading.probabilities[label]) is Label.ANGRY
    assert reading.confidence > 0.95
    assert reading.valence < -0.5
    assert reading.arousal > 0.5
    cooler = head_for(["other", "Angry", "Neutral"], temperature=4.0)
    assert cooler.read(np.array([9.0, 6.0, 0.0], dtype=np.float32), "m").confidence < reading.confidence


def test_attributes_are_read_as_a_place() -> None:
    """Arousal, dominance, valence in 0..1: low valence and high arousal are angry, the middle is neutral."""
    head = head_for(["arousal", "dominance", "valence"])
    assert head == AttributeHead(valence=2, arousal=0)
    angry = head.read(np.array([0.9, 0.8, 0.1], dtype=np.float32), "m")
    assert angry.valence == pytest.approx(-0.8)
    assert angry.arousal == pytest.approx(0.8)
    assert max(angry.probabilities, key=lambda label: angry.probabilities[label]) is Label.ANGRY
    calm = head.read(np.array([0.5, 0.5, 0.5], dtype=np.float32), "m")
    assert max(calm.probabilities, key=lambda label: calm.probabilities[label]) is Label.NEUTRAL


def test_logits_and_probabilities_become_the_same_shares() -> None:
    """A network that ends in a softmax is not softened twice."""
    logits = np.array([8.0, 12.0, -3.0], dtype=np.float32)
    shares = np.exp(log_shares(logits)).astype(np.float32)
    assert shares.sum() == pytest.approx(1.0, abs=1e-4)
    assert log_shares(shares) == pytest.approx(log_shares(logits), abs=1e-2)


async def test_an_attribute_checkpoint_loads_by_its_output_names(tmp_path: Path) -> None:
    """A regression head is recognised by the names of its outputs."""
    reader = TransformersVoiceReader.load(str(save_wavlm(tmp_path, ("arousal", "dominance", "valence"))), "cpu")
    features = await reader.read_voice(noise(1.0), 8000, None)
    assert sum(reader.estimate(features.vector).probabilities.values()) == pytest.approx(1.0)
    reader.close()


def test_a_classifier_of_something_else_is_refused(tmp_path: Path) -> None:
    """A keyword spotter is no emotion model."""
    with pytest.raises(EngineFailed, match="no emotions among the outputs"):
        TransformersVoiceReader.load(str(save_wavlm(tmp_path, ("yes", "no", "stop"))), "cpu")


def test_a_checkpoint_without_its_head_is_refused(tmp_path: Path) -> None:
    """A bare encoder would get a random head: loading says so instead of guessing emotions."""
    save_wavlm(tmp_path, ODYSSEY)
    classifier = transformers.WavLMForSequenceClassification.from_pretrained(tmp_path)
    classifier.wavlm.save_pretrained(tmp_path)
    with pytest.raises(EngineFailed, match=r"no weights for classifier"):
        TransformersVoiceReader.load(str(tmp_path), "cpu")


async def test_a_checkpoint_of_older_days_loads(tmp_path: Path) -> None:
    """Weight norm under its old names, and no mask embedding, which only training reads."""
    path = save_wavlm(tmp_path, ODYSSEY) / "model.safetensors"
    older = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): weights
        for key, weights in safetensors.load_file(path).items()
        if "masked_spec_embed" not in key
    }
    assert any(key.endswith("weight_g") for key in older)
    safetensors.save_file(older, path, metadata={"format": "pt"})
    reader = TransformersVoiceReader.load(str(tmp_path), "cpu")
    assert (await reader.read_voice(noise(1.0), 8000, None)).vector.shape == (8,)
    reader.close()


OWN_CODE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel


class OwnConfig(PretrainedConfig):
    model_type = "own-ser"

    def __init__(self, mean=0.0, std=1.0, **kwargs):
        super().__init__(**kwargs)
        self.mean, self.std = mean, std


class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.out = torch.nn.Linear(1, config.num_labels)
        self.post_init()

    def forward(self, waves, mask):
        loudness = ((waves * mask) ** 2).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        return torch.softmax(self.out(loudness), dim=1)
"""


@pytest.fixture
def own_code_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that ships its own network: called with waves and a mask, answering with bare probabilities."""
    cache = tmp_path / "modules"
    monkeypatch.setattr(importlib.import_module("transformers.dynamic_module_utils"), "HF_MODULES_CACHE", str(cache))
    monkeypatch.syspath_prepend(str(cache))
    directory = tmp_path / "own"
    directory.mkdir()
    (directory / "own_ser.py").write_text(OWN_CODE)
    described = {
        "model_type": "own-ser",
        "auto_map": {
            "AutoConfig": "own_ser.OwnConfig",
            "AutoModelForAudioClassification": "own_ser.OwnModel",
        },
        "mean": 0.0,
        "std": 0.1,
        "id2label": dict(enumerate(ODYSSEY)),
        "label2id": {name: index for index, name in enumerate(ODYSSEY)},
    }
    (directory / "config.json").write_text(json.dumps(described))
    made: Any = transformers.AutoModelForAudioClassification.from_config(
        transformers.AutoConfig.from_pretrained(directory, trust_remote_code=True), trust_remote_code=True
    )
    made.save_pretrained(tmp_path / "weights")
    shutil.copy(tmp_path / "weights" / "model.safetensors", directory)
    return directory


async def test_own_code_runs_only_when_it_is_trusted(own_code_directory: Path) -> None:
    """Code from a checkpoint is refused by default, and runs by an explicit choice."""
    with pytest.raises(EngineFailed, match="trust_remote_code"):
        TransformersVoiceReader.load(str(own_code_directory), "cpu")
    reader = TransformersVoiceReader.load(str(own_code_directory), "cpu", trust_remote_code=True)
    features = await reader.read_voice(noise(1.0), 8000, None)
    reading = reader.estimate(features.vector)
    assert np.exp(features.vector).sum() == pytest.approx(1.0, abs=1e-3), "probabilities are not softened twice"
    assert sum(reading.probabilities.values()) == pytest.approx(1.0)
    reader.close()
