"""Emotion from the voice by a WavLM or wav2vec 2.0 checkpoint: the voice reader for a machine with a GPU."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.ports import EngineFailed, Pcm, VoiceFeatures
from pipelines.speech.pool import Pool
from pipelines.speech.torch_device import Device, blamed_on, choose_device, gpu_extra, load_network
from pipelines.speech.waveform import MODEL_RATE_HZ, model_waveform

LONGEST_S = 20.0
"""The end of a longer utterance is read: it is what the reply follows, and the network's time stays bounded."""
SHORTEST_S = 0.25
"""Shorter sounds are padded: the networks need a few frames."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a checkpoint's class means here: our label and its place on the valence-arousal plane, both -1..1."""

    label: Label
    valence: float
    arousal: float


MEANINGS: Mapping[str, Meaning] = {
    "ang": Meaning(Label.ANGRY, -0.7, 0.7),
    "hap": Meaning(Label.SATISFIED, 0.7, 0.4),
    "joy": Meaning(Label.SATISFIED, 0.7, 0.4),
    "exc": Meaning(Label.SATISFIED, 0.6, 0.7),
    "sat": Meaning(Label.SATISFIED, 0.6, 0.1),
    "sad": Meaning(Label.SAD, -0.6, -0.4),
    "neu": Meaning(Label.NEUTRAL, 0.0, 0.0),
    "cal": Meaning(Label.NEUTRAL, 0.2, -0.4),
    "bor": Meaning(Label.NEUTRAL, -0.3, -0.6),
    "fea": Meaning(Label.ANXIOUS, -0.6, 0.6),
    "anx": Meaning(Label.ANXIOUS, -0.6, 0.6),
    "dis": Meaning(Label.FRUSTRATED, -0.6, 0.2),
    "con": Meaning(Label.FRUSTRATED, -0.5, 0.2),
    "fru": Meaning(Label.FRUSTRATED, -0.6, 0.4),
    "sur": Meaning(Label.CONFUSED, 0.1, 0.6),
    "confus": Meaning(Label.CONFUSED, -0.3, 0.2),
}
"""By the beginning of the class name, the longest that fits. Places follow Russell's circumplex, by our judgement."""

_ANCHORS: Mapping[Label, tuple[float, float]] = {
    Label.NEUTRAL: (0.0, 0.0),
    Label.SATISFIED: (0.65, 0.3),
    Label.CONFUSED: (-0.2, 0.3),
    Label.FRUSTRATED: (-0.55, 0.25),
    Label.ANGRY: (-0.7, 0.7),
    Label.ANXIOUS: (-0.5, 0.55),
    Label.SAD: (-0.6, -0.4),
}
_ANCHOR_SPREAD = 0.3
"""Width of the bell around an anchor when only valence and arousal are known."""


def meaning_of(name: str) -> Meaning | None:
    """Our meaning of a checkpoint's class name ('Angry', 'ang', 'Happiness'); None for 'other' and the like."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    fits = [stem for stem in MEANINGS if plain.startswith(stem)]
    return MEANINGS[max(fits, key=len)] if fits else None


@dataclass(frozen=True, slots=True)
class ClassHead:
    """A classifier's outputs read as labels.

    Attributes:
        meanings: per output; None where it means nothing here (its probability is left out).
        temperature: divides the logits; above 1 makes an overconfident checkpoint honest.
    """

    meanings: tuple[Meaning | None, ...]
    temperature: float = 1.0

    def read(self, outputs: NDArray[np.float32], model: str) -> Reading:
        """Softmax over the outputs that mean something; valence and arousal are their expected places."""
        held = [(meaning, float(outputs[index])) for index, meaning in enumerate(self.meanings) if meaning is not None]
        share = _softmax(np.array([logit / self.temperature for _, logit in held]))
        probabilities = dict.fromkeys(LABELS, 0.0)
        for (meaning, _), part in zip(held, share, strict=True):
            probabilities[meaning.label] += float(part)
        places = np.array([(meaning.valence, meaning.arousal) for meaning, _ in held])
        valence, arousal = share @ places
        return Reading(float(valence), float(arousal), probabilities, max(probabilities.values()), model)


@dataclass(frozen=True, slots=True)
class AttributeHead:
    """A regression of attributes in 0..1, 0.5 in the middle (as MSP-Podcast's 1..7 scale, normalised).

    Attributes:
        valence: index of valence among the outputs.
        arousal: index of arousal.
    """

    valence: int
    arousal: int

    def read(self, outputs: NDArray[np.float32], model: str) -> Reading:
        """Place on the plane; labels by their distance to it."""
        valence, arousal = (float(np.clip(2 * outputs[i] - 1, -1, 1)) for i in (self.valence, self.arousal))
        gaps = np.array([(valence - v) ** 2 + (arousal - a) ** 2 for v, a in (_ANCHORS[label] for label in LABELS)])
        share = _softmax(-gaps / (2 * _ANCHOR_SPREAD**2))
        return Reading(valence, arousal, dict(zip(LABELS, map(float, share), strict=True)), float(share.max()), model)


Head = ClassHead | AttributeHead


def head_for(names: Sequence[str], temperature: float = 1.0) -> Head:
    """How to read a checkpoint's outputs, by the names of its outputs in order.

    Raises:
        EngineFailed: fewer than two outputs mean anything here.
    """
    plain = [name.lower() for name in names]
    if "valence" in plain and "arousal" in plain:
        return AttributeHead(valence=plain.index("valence"), arousal=plain.index("arousal"))
    meanings = tuple(meaning_of(name) for name in names)
    if sum(meaning is not None for meaning in meanings) < 2:
        raise EngineFailed(f"no emotions among the outputs of the voice model: {', '.join(names)}")
    return ClassHead(meanings, temperature)


@dataclass(frozen=True, slots=True)
class VoiceParts:
    """A loaded checkpoint.

    Attributes:
        network: the model.
        extractor: its feature extractor, None where it ships its own code and no extractor.
        head: how to read its outputs.
        device: where it runs.
        name: hub id or path.
        own_code: whether the network is the checkpoint's own code, called as (waves, mask).
    """

    network: Any
    extractor: Any
    head: Head
    device: Device
    name: str
    own_code: bool = False


class TransformersVoiceReader:
    """`ports.VoiceReader` over a checkpoint; its features are what the network says: log shares or attributes.

    They are to be read as they are, without a caller's baseline: `EmotionReader(voice, words, prior=None)`.
    """

    def __init__(self, parts: VoiceParts, *, at_once: int = 1, waiting: int = 32, deadline_s: float = 5.0) -> None:
        """Take loaded parts (see `load`); `waiting` utterances may wait, each for `deadline_s` at most."""
        self._parts = parts
        self._deadline_s = deadline_s
        self._pool = Pool(f"transformers-voice {parts.name}", at_once=at_once, waiting=waiting)

    @classmethod
    def load(
        cls,
        model: str,
        device: str = "auto",
        at_once: int = 1,
        *,
        trust_remote_code: bool = False,
        temperature: float = 1.0,
    ) -> TransformersVoiceReader:
        """Load a checkpoint. It blocks for seconds to minutes: call it in a thread, before calls come.

        Args:
            model: hub id or directory of an audio classifier.
            device: see `choose_device`.
            at_once: utterances at once.
            trust_remote_code: run Python code that the checkpoint ships (3loi/SER-Odyssey-* need it): only for
                a checkpoint whose code was read.
            temperature: see `ClassHead`.

        Raises:
            EngineFailed: a package, the model or the device is missing; weights are missing from the checkpoint
                (its head needs other code, and would be random); or its outputs are not emotions.
        """
        transformers = gpu_extra("transformers")
        place = choose_device(device)
        with blamed_on(f"voice reader {model}"):
            network = load_network(
                transformers.AutoModelForAudioClassification, model, place, trust_remote_code=trust_remote_code
            )
            config = network.config
            own_code = trust_remote_code and bool(getattr(config, "auto_map", None))
            extractor = None if own_code else transformers.AutoFeatureExtractor.from_pretrained(model)
            head = head_for([str(config.id2label[index]) for index in range(len(config.id2label))], temperature)
        return cls(VoiceParts(network, extractor, head, place, model, own_code), at_once=at_once)

    async def warm_up(self) -> None:
        """Read a second of silence.

        Raises:
            EngineFailed: the model does not run.
        """
        silence = np.zeros(MODEL_RATE_HZ, dtype=np.int16)
        await self._pool.run(lambda: _outputs(self._parts, silence, MODEL_RATE_HZ), deadline_s=120.0)

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """See `ports.VoiceReader`; the recogniser's states are not used.

        Raises:
            EngineFailed: the model broke or the deadline passed.
        """
        vector = await self._pool.run(lambda: _outputs(self._parts, pcm, rate_hz), deadline_s=self._deadline_s)
        return VoiceFeatures(vector=vector, speech_s=len(pcm) / rate_hz)

    def estimate(self, features: NDArray[np.float32]) -> Reading:
        """Emotion from the features of `read_voice`, shape (outputs,)."""
        return self._parts.head.read(features, f"transformers:{self._parts.name}")

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()


def _outputs(parts: VoiceParts, pcm: Pcm, rate_hz: int) -> NDArray[np.float32]:
    """Features of one utterance, shape (outputs,). Blocks."""
    torch = gpu_extra("torch")
    with blamed_on(f"voice reader {parts.name}"), torch.inference_mode():
        wave = model_waveform(pcm[-int(LONGEST_S * rate_hz) :], rate_hz)
        wave = np.pad(wave, (0, max(0, int(SHORTEST_S * MODEL_RATE_HZ) - len(wave))))
        outputs = _run_own_code(parts, wave) if parts.own_code else _run(parts, wave)
        vector = np.asarray(outputs.float().cpu().numpy()[0], dtype=np.float32)
    return log_shares(vector) if isinstance(parts.head, ClassHead) else vector


def log_shares(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms of the probabilities behind a classifier's outputs, which may be logits or probabilities already."""
    if np.all(outputs >= 0) and abs(float(outputs.sum()) - 1) < 0.02:
        shares = np.asarray(outputs, dtype=np.float64)  # some checkpoints' own code ends in a softmax
    else:
        shares = _softmax(outputs.astype(np.float64))
    return np.log(np.maximum(shares, 1e-6)).astype(np.float32)


def _run(parts: VoiceParts, wave: NDArray[np.float32]) -> Any:
    """Outputs of a transformers classifier, shape (1, outputs)."""
    inputs = parts.extractor(wave, sampling_rate=MODEL_RATE_HZ, return_tensors="pt")
    values = inputs["input_values"].to(parts.device.name, parts.device.dtype)
    return parts.network(values).logits


def _run_own_code(parts: VoiceParts, wave: NDArray[np.float32]) -> Any:
    """Outputs of a checkpoint's own network, called with the waveform normalised by its config and a mask of ones."""
    torch = gpu_extra("torch")
    mean, std = (float(getattr(parts.network.config, name, neutral)) for name, neutral in (("mean", 0), ("std", 1)))
    values = torch.from_numpy((wave - mean) / (std + 1e-6))[None].to(parts.device.name, parts.device.dtype)
    out = parts.network(values, torch.ones_like(values))
    return getattr(out, "logits", out)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares that sum to 1."""
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum(), dtype=np.float64)
