"""How much a call needs somebody's attention: one score from 0 to 1 over its turns. Pure.

This score, not the labels, offers a human and ranks the live board. A turn's *heat* is what its estimate says of anger,
frustration and distress. Heat adds up over turns, so that a caller who stays upset stands out from one hard word; calm
turns let it fade, rising heat weighs more, and a turn that nothing could be read of changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pipelines.emotion.estimate import Emotion, Label
from pipelines.emotion.fusion import shares

HEAT: Final[Mapping[Label, float]] = {
    Label.ANGRY: 1.0,
    Label.FRUSTRATED: 0.8,
    Label.ANXIOUS: 0.8,
    Label.SAD: 0.7,
    Label.CONFUSED: 0.3,
}
"""How much a label, when it is certain, calls for care. Confusion alone wears patience down slowly."""

QUIET: Final = 0.2
"""Heat that every voice has: models are never quite sure of *neutral*. What is below counts as nothing."""

TAKEN: Final = 0.5
"""Share of the missing attention that one turn of full heat adds."""

FADES: Final = 0.75
"""What is left of the attention after a turn without heat."""

RISING: Final = 0.3
"""How much a rise of heat since the turn before weighs on top."""

DEFAULT_THRESHOLD: Final = 0.5
"""From here a call needs attention, unless the agent says otherwise: one furious turn is enough, or two or three of
clear frustration or distress. The model card has precision, recall and false alarms at other thresholds."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Where a call stands.

    Attributes:
        score: 0..1.
        heat: of the newest known turn, 0..1.
    """

    score: float = 0.0
    heat: float = 0.0

    def after(self, emotion: Emotion) -> Attention:
        """One turn later. UNKNOWN changes nothing: a gap is neither calm nor upset."""
        if not emotion.is_known:
            return self
        heat = heat_of(emotion)
        felt = min(1.0, heat + RISING * max(0.0, heat - self.heat) * heat)
        left = self.score * (FADES + (1 - FADES) * min(1.0, heat))
        return Attention(min(1.0, left + TAKEN * felt * (1 - left)), heat)


def heat_of(emotion: Emotion) -> float:
    """Anger, frustration and distress of one turn, 0..1: each label's share times its HEAT, above QUIET."""
    if not emotion.is_known:
        return 0.0
    told = shares(emotion.voice, emotion.words) or {emotion.label: emotion.confidence}
    heat = sum(HEAT.get(label, 0.0) * share for label, share in told.items())
    return min(1.0, max(0.0, (heat - QUIET) / (1 - QUIET)))


def attention(points: Iterable[tuple[int, Emotion]]) -> list[tuple[int, float]]:
    """Turn and score after each turn, in the order of the turns."""
    now = Attention()
    scores: list[tuple[int, float]] = []
    for turn, emotion in sorted(points, key=lambda point: point[0]):
        now = now.after(emotion)
        scores.append((turn, now.score))
    return scores
