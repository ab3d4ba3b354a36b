"""A caller's own baseline: how this voice usually sounds, learned over the call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.estimate import LABELS, Label

Vector = NDArray[np.float32]

_FURTHEST: Final = 6.0
"""Normalised features are cut here: one broken frame must not decide an emotion."""


@dataclass(frozen=True, slots=True)
class Prior:
    """The population that a caller is compared with until their own turns tell more. It belongs to a voice model.

    Attributes:
        mean: shape (features,).
        variance: within one speaker, shape (features,), positive.
        strength: the prior counts as much as this many turns.
        added: what each label of LABELS adds to a voice, shape (labels, features); None where it is not known.
    """

    mean: Vector
    variance: Vector
    strength: float
    added: Vector | None = None

    def usual(self, features: Vector, probabilities: Mapping[Label, float]) -> Vector:
        """Features without what the emotion adds, as far as it is known: how this voice sounds when it is itself.

        Args:
            features: not normalised, shape (features,).
            probabilities: of the labels.
        """
        if self.added is None:
            return features
        shares = np.array([probabilities.get(label, 0.0) for label in LABELS], np.float32)
        return np.asarray(features - shares @ self.added, dtype=np.float32)


class CallerBaseline:
    """Mean and variance of one caller's features, shrunk towards a population (empirical Bayes).

    After n turns the mean is `(k * prior + sum of turns) / (k + n)`, the variance likewise around that mean. One object
    lives as long as one call; nothing of it is kept afterwards. It is to learn what is left of a turn when its emotion
    is taken off (`Prior.usual`): else a caller who is angry all along would become their own normal.
    """

    def __init__(self, *, longest_memory: float = 12.0) -> None:
        """Start without any turn.

        Args:
            longest_memory: turns that weigh at most; older ones fade and the prior never vanishes: a caller who
                is angry all along does not become their own normal.
        """
        self._longest = longest_memory
        self._weight = 0.0
        self._sum = np.zeros(0)
        self._squares = np.zeros(0)

    @property
    def turns(self) -> float:
        """How many turns the baseline rests on (weights summed)."""
        return self._weight

    def learn(self, features: Vector, weight: float = 1.0) -> None:
        """Take one utterance into the baseline.

        Args:
            features: not normalised, shape (features,). Where anything is not finite, all is left out; features of
                another length (another voice model took over) start the baseline anew.
            weight: 0..1, less for an utterance that should not count as this caller's usual voice.
        """
        if weight <= 0 or not np.isfinite(features).all():
            return
        if len(features) != len(self._sum):
            self._weight, self._sum, self._squares = 0.0, np.zeros(len(features)), np.zeros(len(features))
        fade = min(1.0, max(0.0, self._longest - weight) / self._weight) if self._weight else 1.0
        wide = features.astype(np.float64)
        self._weight = self._weight * fade + weight
        self._sum = self._sum * fade + weight * wide
        self._squares = self._squares * fade + weight * wide**2

    def normalise(self, features: Vector, prior: Prior) -> Vector:
        """Features in standard deviations from this caller's usual voice, cut at +-6."""
        if len(features) != len(self._sum):
            mean, variance = prior.mean.astype(np.float64), prior.variance.astype(np.float64)
        else:
            total = prior.strength + self._weight
            mean = (prior.strength * prior.mean.astype(np.float64) + self._sum) / total
            spread = self._squares - 2 * mean * self._sum + self._weight * mean**2
            variance = (prior.strength * prior.variance.astype(np.float64) + np.maximum(spread, 0)) / total
        return np.clip((features - mean) / np.sqrt(variance), -_FURTHEST, _FURTHEST).astype(np.float32)
