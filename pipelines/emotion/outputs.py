"""What the outputs of somebody else's emotion network mean here. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.ports import EngineFailed

LEFT_OUT: Final = "none"
"""Mapped to this, a class has no share in the reading."""


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


def meaning_of(name: str, chosen: Mapping[str, str] | None = None) -> Meaning | None:
    """Our meaning of a checkpoint's class name ('Angry', 'ang', 'Happiness'); None for 'other' and the like.

    Args:
        name: the class.
        chosen: class name -> label of ours or LEFT_OUT, before the table; names are compared without case.

    Raises:
        EngineFailed: a chosen label is none of ours.
    """
    wanted = {key.lower(): value for key, value in (chosen or {}).items()}.get(name.lower())
    if wanted is not None:
        return _chosen(name, wanted)
    plain = re.sub(r"[^a-z]", "", name.lower())
    fits = [stem for stem in MEANINGS if plain.startswith(stem)]
    return MEANINGS[max(fits, key=len)] if fits else None


def _chosen(name: str, wanted: str) -> Meaning | None:
    if wanted == LEFT_OUT:
        return None
    if wanted not in LABELS:
        raise EngineFailed(f"class {name!r} of the voice model cannot mean {wanted!r}: one of {', '.join(LABELS)}")
    label = Label(wanted)
    return Meaning(label, *_ANCHORS[label])


@dataclass(frozen=True, slots=True)
class ClassHead:
    """A classifier's outputs read as labels.

    Attributes:
        meanings: per output; None where it means nothing here (its probability is left out).
        temperature: divides the logits; above 1 makes an overconfident checkpoint honest.
    """

    meanings: tuple[Meaning | None, ...]
    temperature: float = 1.0

    def features(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is kept of an utterance: log shares, shape (outputs,)."""
        return log_shares(outputs)

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

    def features(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is kept of an utterance: the attributes, shape (outputs,)."""
        return outputs

    def read(self, outputs: NDArray[np.float32], model: str) -> Reading:
        """Place on the plane; labels by their distance to it."""
        valence, arousal = (float(np.clip(2 * outputs[i] - 1, -1, 1)) for i in (self.valence, self.arousal))
        gaps = np.array([(valence - v) ** 2 + (arousal - a) ** 2 for v, a in (_ANCHORS[label] for label in LABELS)])
        share = _softmax(-gaps / (2 * _ANCHOR_SPREAD**2))
        return Reading(valence, arousal, dict(zip(LABELS, map(float, share), strict=True)), float(share.max()), model)


Head = ClassHead | AttributeHead


def head_for(names: Sequence[str], temperature: float = 1.0, chosen: Mapping[str, str] | None = None) -> Head:
    """How to read a checkpoint's outputs, by the names of its outputs in order.

    Args:
        names: of the outputs.
        temperature: see `ClassHead`.
        chosen: see `meaning_of`.

    Raises:
        EngineFailed: fewer than two outputs mean anything here, or a chosen name is no output.
    """
    plain = [name.lower() for name in names]
    strange = [name for name in chosen or {} if name.lower() not in plain]
    if strange:
        raise EngineFailed(f"the voice model has no class {', '.join(strange)}: {', '.join(names)}")
    if "valence" in plain and "arousal" in plain:
        return AttributeHead(valence=plain.index("valence"), arousal=plain.index("arousal"))
    meanings = tuple(meaning_of(name, chosen) for name in names)
    if sum(meaning is not None for meaning in meanings) < 2:
        raise EngineFailed(f"no emotions among the outputs of the voice model: {', '.join(names)}")
    return ClassHead(meanings, temperature)


def log_shares(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms of the probabilities behind a classifier's outputs, which may be logits or probabilities already."""
    if np.all(outputs >= 0) and abs(float(outputs.sum()) - 1) < 0.02:
        shares = np.asarray(outputs, dtype=np.float64)  # some published networks end in a softmax
    else:
        shares = _softmax(outputs.astype(np.float64))
    return np.log(np.maximum(shares, 1e-6)).astype(np.float32)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares that sum to 1."""
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum(), dtype=np.float64)
