"""How the words of an utterance feel: a small text encoder with a linear head, in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.encoder import TextEncoder
from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.emotion.shipped import Arrays, load
from pipelines.ports import EngineFailed

WEIGHTS: Final = "words.npz"

LONGEST: Final = 2000
"""Characters that are looked at; the encoder reads the last 48 word pieces, where callers say what they want."""

AFFECT: Final[Mapping[Label, tuple[float, float]]] = {
    Label.NEUTRAL: (0.0, -0.1),
    Label.SATISFIED: (0.7, 0.2),
    Label.CONFUSED: (-0.2, 0.1),
    Label.FRUSTRATED: (-0.5, 0.3),
    Label.ANGRY: (-0.8, 0.8),
    Label.ANXIOUS: (-0.5, 0.6),
    Label.SAD: (-0.7, -0.3),
}
"""Valence and arousal of a label, after the circumplex of affect (Russell 1980). A reading's are their mean, each label
weighted by its probability: no corpus here rates them."""


@dataclass(frozen=True, slots=True)
class WordsModel:
    """An encoder and a classifier over its vector.

    Attributes:
        encoder: text to a vector, shape (width,).
        weights: shape (width, classes).
        bias: shape (classes,).
        temperature: divides the class scores, so that the probabilities are calibrated.
        classes: names of the classes in the order of the columns.
        version: name of the model.
    """

    encoder: TextEncoder
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    classes: tuple[str, ...]
    version: str

    @classmethod
    def from_arrays(cls, arrays: Arrays, head: str = "product") -> WordsModel:
        """Take trained arrays.

        Args:
            arrays: of the file.
            head: which classifier: 'product' reads calls; see `pipelines/learning/words.py` for the others.

        Raises:
            EngineFailed: shapes do not fit or numbers are not finite.
        """
        encoder = TextEncoder.from_arrays(arrays)
        try:
            model = cls(
                encoder,
                arrays[f"{head}.weights"].astype(np.float32),
                arrays[f"{head}.bias"].astype(np.float32),
                float(arrays[f"{head}.temperature"]),
                tuple(str(name) for name in arrays[f"{head}.classes"]),
                str(arrays["version"]),
            )
        except (KeyError, ValueError, TypeError) as broken:
            raise EngineFailed(f"words model: {broken}") from broken
        if model.weights.shape != (len(encoder.scale), len(model.classes)) or model.bias.shape != (len(model.classes),):
            raise EngineFailed(f"words model: weights have the shape {model.weights.shape}")
        if not (np.isfinite(model.weights).all() and np.isfinite(model.bias).all() and model.temperature > 0):
            raise EngineFailed("words model: numbers are not finite")
        return model

    def scores(self, text: str) -> NDArray[np.float32]:
        """Class scores of one text in nats, calibrated, shape (classes,)."""
        return np.asarray((self.encoder.vector(text) @ self.weights + self.bias) / self.temperature, np.float32)


class EmbeddedWordsReader:
    """`ports.WordsReader` in this process; a reading takes a few milliseconds."""

    def __init__(self, model: WordsModel) -> None:
        self._model = model

    @classmethod
    def load(cls) -> EmbeddedWordsReader:
        """With the shipped weights. Blocks: call it before calls come.

        Raises:
            EngineFailed: the weights are missing or broken.
        """
        model = WordsModel.from_arrays(load(WEIGHTS))
        if model.classes != tuple(LABELS):
            raise EngineFailed(f"words model: classes {model.classes}")
        return cls(model)

    def read_words(self, text: str) -> Reading | None:
        """See `ports.WordsReader`."""
        text = text[-LONGEST:]
        if not any(character.isalpha() for character in text):
            return None
        scores = self._model.scores(text)
        weighed = np.exp(scores - scores.max())
        shares = dict(zip(LABELS, (float(share) for share in weighed / weighed.sum()), strict=True))
        return Reading(
            valence=sum(AFFECT[label][0] * share for label, share in shares.items()),
            arousal=sum(AFFECT[label][1] * share for label, share in shares.items()),
            probabilities=shares,
            confidence=max(shares.values()),
            model=self._model.version,
        )
