"""The words for an emotion: labels, one model's reading, and the fused estimate of one utterance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Label(StrEnum):
    """The product's emotion labels (see GLOSSARY.md).

    UNSURE is an honest answer of a working model; UNKNOWN says that nothing could be read
    (no audio, a failed model, analysis switched off). Neither is ever averaged as zero.
    """

    NEUTRAL = "neutral"
    SATISFIED = "satisfied"
    CONFUSED = "confused"
    FRUSTRATED = "frustrated"
    ANGRY = "angry"
    ANXIOUS = "anxious"
    SAD = "sad"
    UNSURE = "unsure"
    UNKNOWN = "unknown"

    @property
    def is_negative(self) -> bool:
        """Whether the label asks for care."""
        return self in _NEGATIVE


_NEGATIVE = frozenset({Label.CONFUSED, Label.FRUSTRATED, Label.ANGRY, Label.ANXIOUS, Label.SAD})

LABELS: tuple[Label, ...] = tuple(label for label in Label if label not in (Label.UNSURE, Label.UNKNOWN))
"""The labels that a model can give a probability to, in a fixed order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source (voice or words) says about one utterance.

    Attributes:
        valence: unpleasant -1 .. pleasant +1.
        arousal: calm -1 .. excited +1.
        probabilities: calibrated probability per label of LABELS; sums to 1.
        confidence: probability that the leading label is right, 0..1.
        model: name and version of the model that read it.
    """

    valence: float
    arousal: float
    probabilities: Mapping[Label, float]
    confidence: float
    model: str


@dataclass(frozen=True, slots=True)
class Emotion:
    """The fused estimate for one utterance of the caller.

    Attributes:
        label: leading label, or UNSURE / UNKNOWN.
        valence: -1..1; None when UNKNOWN.
        arousal: -1..1; None when UNKNOWN.
        confidence: 0..1; 0 when UNKNOWN.
        voice: the reading of the voice, None where it could not be had.
        words: the reading of the words, None where it could not be had.
        disagreement: 0 (both sources agree) .. 1 (they contradict each other).
        fell_back: why something simpler than the chosen model read the voice, or nothing could; else empty.
    """

    label: Label
    valence: float | None = None
    arousal: float | None = None
    confidence: float = 0.0
    voice: Reading | None = None
    words: Reading | None = None
    disagreement: float = 0.0
    fell_back: str = field(default="", compare=False)

    @property
    def is_known(self) -> bool:
        """Whether anything was read at all."""
        return self.label is not Label.UNKNOWN

    @property
    def model(self) -> str:
        """Names of the models behind the estimate, joined by '+'."""
        return "+".join(reading.model for reading in (self.voice, self.words) if reading is not None) or "none"


UNKNOWN = Emotion(Label.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Trend:
    """What the trajectory says so far: the input of the response policy.

    Attributes:
        current: newest estimate with hysteresis applied to its label.
        turns: number of known estimates.
        valence_slope: change of valence per turn over the last turns; 0 with fewer than two.
        arousal_slope: the same for arousal.
        worst_valence: lowest valence so far, None before the first known estimate.
        negative_run: number of latest turns in a row with a negative label (unsure turns do not break it).
        turning_points: turn indexes where the valence changed direction.
        worst_turn: the turn of the lowest valence.
        attention: how much the call needs somebody's attention by now, 0..1 (see `attention`).
        peak: turn and attention where it was highest, None before the first known estimate.
    """

    current: Emotion = field(default_factory=lambda: UNKNOWN)
    turns: int = 0
    valence_slope: float = 0.0
    arousal_slope: float = 0.0
    worst_valence: float | None = None
    negative_run: int = 0
    turning_points: tuple[int, ...] = ()
    worst_turn: int | None = None
    attention: float = 0.0
    peak: tuple[int, float] | None = None
