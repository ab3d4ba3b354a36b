"""How an utterance sounds: a linear head on the recogniser's encoder states and the prosody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.baseline import Prior, Vector
from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.emotion.prosody import prosody
from pipelines.emotion.shipped import Arrays, load
from pipelines.ports import EngineFailed, Pcm, VoiceFeatures
from pipelines.speech.pool import Pool

WEIGHTS: Final = "voice.npz"

ACTED: Final = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")
"""The classes of the training corpus, in the order of the shipped head's rows."""

AS_LABEL: Final = {
    "anger": Label.ANGRY,
    "boredom": Label.NEUTRAL,
    "calm": Label.NEUTRAL,
    "contempt": Label.FRUSTRATED,
    "disgust": Label.FRUSTRATED,
    "excitement": Label.SATISFIED,
    "fear": Label.ANXIOUS,
    "frustration": Label.FRUSTRATED,
    "happiness": Label.SATISFIED,
    "neutral": Label.NEUTRAL,
    "sadness": Label.SAD,
    "surprise": Label.CONFUSED,
}
"""What a class of any corpus says in a contact centre. Boredom is a flat voice and no reason to act; acted disgust is
the nearest stand-in for frustration; nobody in ACTED is surprised, so the shipped head never says confused."""

AFFECT: Final = {
    "anger": (-0.7, 0.8),
    "boredom": (-0.2, -0.7),
    "calm": (0.3, -0.6),
    "contempt": (-0.5, 0.1),
    "disgust": (-0.6, 0.1),
    "excitement": (0.7, 0.8),
    "fear": (-0.6, 0.6),
    "frustration": (-0.6, 0.4),
    "happiness": (0.8, 0.6),
    "neutral": (0.1, -0.1),
    "sadness": (-0.7, -0.6),
    "surprise": (0.1, 0.7),
}
"""Valence and arousal anchors per class, after the circumplex of affect (Russell 1980)."""


@dataclass(frozen=True, slots=True)
class VoiceHead:
    """A linear classifier and two linear regressors over normalised features.

    Attributes:
        prior: the population behind the normalisation.
        weights: shape (classes + 2, features): a row per class, then valence and arousal.
        bias: shape (classes + 2,).
        temperature: divides the class scores, so that the probabilities are calibrated.
        version: name of the model.
        classes: names of the rows, each known to AS_LABEL.
    """

    prior: Prior
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    version: str
    classes: tuple[str, ...] = ACTED

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> VoiceHead:
        """Take trained arrays.

        Raises:
            EngineFailed: shapes do not fit or numbers are not finite.
        """
        try:
            head = cls(
                Prior(
                    arrays["prior_mean"].astype(np.float32),
                    arrays["prior_variance"].astype(np.float32),
                    float(arrays["prior_strength"]),
                    arrays["prior_added"].astype(np.float32),
                ),
                arrays["weights"].astype(np.float32),
                arrays["bias"].astype(np.float32),
                float(arrays["temperature"]),
                str(arrays["version"]),
            )
        except (KeyError, ValueError, TypeError) as broken:
            raise EngineFailed(f"voice head: {broken}") from broken
        width = len(head.prior.mean)
        if head.weights.shape != (len(ACTED) + 2, width) or head.prior.variance.shape != (width,):
            raise EngineFailed(f"voice head: weights have the shape {head.weights.shape}")
        if not (np.isfinite(head.weights).all() and np.isfinite(head.prior.mean).all() and head.temperature > 0):
            raise EngineFailed("voice head: numbers are not finite")
        if head.prior.added is None or head.prior.added.shape != (len(LABELS), width):
            raise EngineFailed("voice head: what emotions add does not fit the features")
        if not np.isfinite(head.prior.added).all():
            raise EngineFailed("voice head: numbers are not finite")
        if not (head.prior.variance > 0).all():
            raise EngineFailed("voice head: a variance is not positive")
        return head

    def arrays(self) -> Arrays:
        """What `from_arrays` reads."""
        return {
            "prior_mean": self.prior.mean,
            "prior_variance": self.prior.variance,
            "prior_strength": np.array(self.prior.strength),
            "prior_added": self._added(),
            "weights": self.weights,
            "bias": self.bias,
            "temperature": np.array(self.temperature),
            "version": np.array(self.version),
        }

    def _added(self) -> NDArray[np.float32]:
        nothing = np.zeros((len(LABELS), len(self.prior.mean)), np.float32)
        return nothing if self.prior.added is None else self.prior.added

    def scores(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Class probabilities (..., classes) and valence, arousal (..., 2) of normalised features (..., features)."""
        out = features @ self.weights.T + self.bias
        logits = out[..., : len(self.classes)] / self.temperature
        weighed = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return weighed / weighed.sum(axis=-1, keepdims=True), np.clip(out[..., len(self.classes) :], -1, 1)

    def read(self, features: NDArray[np.float32]) -> Reading:
        """Emotion of one utterance from its normalised features, shape (features,)."""
        shares, affect = self.scores(features)
        probabilities = dict.fromkeys(LABELS, 0.0)
        for acted, share in zip(self.classes, shares, strict=True):
            probabilities[AS_LABEL[acted]] += float(share)
        return Reading(
            valence=float(affect[0]),
            arousal=float(affect[1]),
            probabilities=probabilities,
            confidence=min(1.0, max(probabilities.values())),
            model=self.version,
        )


class EmbeddedVoiceReader:
    """`ports.VoiceReader` on the encoder states that the embedded recogniser already computed."""

    def __init__(self, head: VoiceHead, *, at_once: int = 1, waiting: int = 64, deadline_s: float = 1.0) -> None:
        """Take a head.

        Args:
            head: trained weights.
            at_once: prosody computations at once.
            waiting: computations that may wait.
            deadline_s: longest wait for one.
        """
        self._head = head
        self._deadline_s = deadline_s
        self._pool = Pool("emotion-voice", at_once=at_once, waiting=waiting)

    @classmethod
    def load(cls) -> EmbeddedVoiceReader:
        """With the shipped weights. Blocks: call it before calls come.

        Raises:
            EngineFailed: the weights are missing or broken.
        """
        return cls(VoiceHead.from_arrays(load(WEIGHTS)))

    @property
    def prior(self) -> Prior:
        """The population that `CallerBaseline.normalise` needs."""
        return self._head.prior

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """See `ports.VoiceReader`.

        Raises:
            EngineFailed: the recogniser gave no encoder states, or those of another model than the head was trained on.
        """
        described, speech_s = await self._pool.run(lambda: prosody(pcm, rate_hz), deadline_s=self._deadline_s)
        if encoded is None:
            raise EngineFailed("emotion-voice: the recogniser gives no encoder states")
        vector = voice_vector(encoded, described)
        if vector.shape != self._head.prior.mean.shape:
            raise EngineFailed(f"emotion-voice: {len(encoded)} encoder features, trained on another recogniser")
        if not np.isfinite(vector).all():
            raise EngineFailed("emotion-voice: features are not finite")
        return VoiceFeatures(vector, speech_s)

    def estimate(self, features: NDArray[np.float32]) -> Reading:
        """See `ports.VoiceReader`."""
        return self._head.read(features)

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()


def voice_vector(encoded: NDArray[np.float32], described: Vector) -> Vector:
    """The features of one utterance: pooled encoder states, then prosody."""
    return np.concatenate([encoded, described]).astype(np.float32)
