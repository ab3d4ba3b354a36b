"""How the words of an utterance feel: a linear model over hashed terms, VADER's valence and support-line cues."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.emotion.phrases import CueBook
from pipelines.emotion.shipped import Arrays, load
from pipelines.emotion.terms import character_terms, tokens, word_terms
from pipelines.ports import EngineFailed

WEIGHTS: Final = "words.npz"

LONGEST: Final = 2000
"""Characters that are read at most; a longer turn is judged by its end, where callers say what they want."""

VADER_SHARE: Final = 0.4
"""Share of VADER (Hutto and Gilbert 2014) in the valence; the rest is the regression."""

ORDINARY_VALENCE: Final = 0.3
"""What is left of the valence of an ordinary request: "please" and "yes" are manners, not pleasure."""


@dataclass(frozen=True, slots=True)
class WordsModel:
    """A row of weights per known term.

    Attributes:
        hashes: sorted hashes of the known terms, shape (terms,) uint32.
        rarity: inverse document frequency per term, shape (terms,).
        weights: shape (terms, outputs): a column per class, then valence and arousal, as small whole numbers.
        scale: what one step of a column's weights is worth, shape (outputs,).
        bias: shape (outputs,).
        temperature: divides the class scores, so that the probabilities are calibrated.
        classes: names of the classes in the order of the columns.
        version: name of the model.
    """

    hashes: NDArray[np.uint32]
    rarity: NDArray[np.float32]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    classes: tuple[str, ...]
    version: str

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> WordsModel:
        """Take trained arrays.

        Raises:
            EngineFailed: shapes do not fit or numbers are not finite.
        """
        try:
            model = cls(
                arrays["hashes"].astype(np.uint32),
                arrays["rarity"].astype(np.float32),
                arrays["weights"].astype(np.int8),
                arrays["scale"].astype(np.float32),
                arrays["bias"].astype(np.float32),
                float(arrays["temperature"]),
                tuple(str(name) for name in arrays["classes"]),
                str(arrays["version"]),
            )
        except (KeyError, ValueError, TypeError) as broken:
            raise EngineFailed(f"words model: {broken}") from broken
        if model.weights.shape != (len(model.hashes), len(model.bias)) or len(model.bias) != len(model.classes) + 2:
            raise EngineFailed(f"words model: weights have the shape {model.weights.shape}")
        if not (np.isfinite(model.scale).all() and np.isfinite(model.bias).all() and model.temperature > 0):
            raise EngineFailed("words model: numbers are not finite")
        return model

    def arrays(self) -> Arrays:
        """What `from_arrays` reads."""
        return {
            "hashes": self.hashes,
            "rarity": self.rarity.astype(np.float16),
            "weights": self.weights,
            "scale": self.scale,
            "bias": self.bias,
            "temperature": np.array(self.temperature),
            "classes": np.array(self.classes),
            "version": np.array(self.version),
        }

    def outputs(self, text: str) -> tuple[NDArray[np.float32], float, float]:
        """Class scores in nats (calibrated), valence and arousal of one text."""
        total = self.bias + self._block(word_terms(text)) + self._block(character_terms(text))
        count = len(self.classes)
        return total[:count] / self.temperature, float(total[count]), float(total[count + 1])

    def _block(self, terms: Counter[int]) -> NDArray[np.float32]:
        """One group of terms: TF-IDF of length one, times the weights."""
        if not terms or not len(self.hashes):
            return np.zeros_like(self.bias)
        seen = np.fromiter(terms.keys(), np.uint32, len(terms))
        counts = np.fromiter(terms.values(), np.float32, len(terms))
        places = np.minimum(np.searchsorted(self.hashes, seen), len(self.hashes) - 1)
        known = self.hashes[places] == seen
        places = places[known]
        values = (1 + np.log(counts[known])) * self.rarity[places]
        length = float(np.sqrt(values @ values)) or 1.0
        return np.asarray((values / length) @ self.weights[places].astype(np.float32) * self.scale, dtype=np.float32)


class EmbeddedWordsReader:
    """`ports.WordsReader` in this process; a reading takes about a millisecond."""

    def __init__(self, model: WordsModel, cues: CueBook) -> None:
        self._model = model
        self._cues = cues
        self._vader = SentimentIntensityAnalyzer()

    @classmethod
    def load(cls) -> EmbeddedWordsReader:
        """With the shipped weights. Blocks: call it before calls come.

        Raises:
            EngineFailed: the weights are missing or broken.
        """
        model = WordsModel.from_arrays(load(WEIGHTS))
        if model.classes != tuple(LABELS):
            raise EngineFailed(f"words model: classes {model.classes}")
        return cls(model, CueBook.load())

    def read_words(self, text: str) -> Reading | None:
        """See `ports.WordsReader`."""
        text = text[-LONGEST:]
        if not any(token.isalpha() for token in tokens(text)):
            return None
        scores, valence, arousal = self._model.outputs(text)
        by_label = dict(zip(LABELS, (float(score) for score in scores), strict=True))
        valence += VADER_SHARE * (float(self._vader.polarity_scores(text)["compound"]) - valence)
        found = self._cues.found_in(text)
        if found.ordinary:
            valence *= ORDINARY_VALENCE
        for cue in found.cues:
            by_label[cue.label] += cue.strength
            valence += cue.valence
            if found.turned_round:
                by_label[Label.SATISFIED] -= cue.strength
        highest = max(by_label.values())
        weighed = {label: math.exp(score - highest) for label, score in by_label.items()}
        total = sum(weighed.values())
        return Reading(
            valence=max(-1.0, min(1.0, valence)),
            arousal=max(-1.0, min(1.0, arousal)),
            probabilities={label: weight / total for label, weight in weighed.items()},
            confidence=max(weighed.values()) / total,
            model=self._model.version,
        )
