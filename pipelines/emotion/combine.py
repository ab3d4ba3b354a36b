"""Several stretches of speech in one turn make one estimate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.emotion.estimate import UNKNOWN, Emotion


@dataclass(frozen=True, slots=True)
class Weighed:
    """An estimate and the seconds of speech it rests on."""

    emotion: Emotion
    seconds: float


def combine(parts: Sequence[Weighed]) -> Emotion:
    """One estimate of a turn: label and readings of the weightiest part, valence and arousal averaged by duration.

    The weight of a part is its confidence times its seconds of speech; parts that are unknown count for nothing.
    """
    known = [part for part in parts if part.emotion.is_known]
    if not known:
        return UNKNOWN
    lead = max(known, key=lambda part: (part.emotion.confidence + 1e-6) * part.seconds).emotion
    if len(known) == 1:
        return lead
    total = sum(part.seconds for part in known) or 1.0

    def mean(values: Sequence[float | None]) -> float:
        return sum((value or 0.0) * part.seconds for value, part in zip(values, known, strict=True)) / total

    return replace(
        lead,
        valence=mean([part.emotion.valence for part in known]),
        arousal=mean([part.emotion.arousal for part in known]),
        confidence=mean([part.emotion.confidence for part in known]),
    )
