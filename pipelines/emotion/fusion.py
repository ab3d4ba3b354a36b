"""From what the voice and the words say to one estimate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipelines.emotion.estimate import LABELS, UNKNOWN, Emotion, Label, Reading

WORDS_WEIGHT: Final = 0.68
"""Weight of the words in the label, fitted together with SHARPER. On real telephone calls, too, words tell more than
tone about satisfaction."""

VALENCE_WORDS: Final = 0.75
AROUSAL_WORDS: Final = 0.25
"""Words carry pleasantness, the voice carries excitement."""

SHARPER: Final = 1.47
"""Exponent on the mixed probabilities: a mixture is too timid where both sources agree. Fitted so that the confidence
of held-out voices paired with held-out texts is as often right as it says (model card)."""

UNSURE_BELOW: Final = 0.45
"""Least confidence for a label."""


def fuse(voice: Reading | None, words: Reading | None) -> Emotion:
    """Join two readings of one utterance, each weighted by its confidence.

    Returns:
        UNKNOWN when there is nothing to join, UNSURE as the label when the confidence is too low.
    """
    if voice is None and words is None:
        return UNKNOWN
    joined = shares(voice, words)
    label = max(LABELS, key=joined.__getitem__)
    confidence = joined[label]
    return Emotion(
        label=label if confidence >= UNSURE_BELOW else Label.UNSURE,
        valence=_blend(voice, words, "valence", _words_share(voice, words, VALENCE_WORDS)),
        arousal=_blend(voice, words, "arousal", _words_share(voice, words, AROUSAL_WORDS)),
        confidence=confidence,
        voice=voice,
        words=words,
        disagreement=0.0 if voice is None or words is None else _apart(voice.probabilities, words.probabilities),
    )


def shares(
    voice: Reading | None, words: Reading | None, *, weight: float = WORDS_WEIGHT, sharper: float = SHARPER
) -> dict[Label, float]:
    """Probability per label; sums to 1, empty where there is nothing to join. One reading alone speaks for itself.

    Args:
        voice: reading of the sound.
        words: reading of the text.
        weight: of the words, before both are weighed by their confidence.
        sharper: see SHARPER.
    """
    if voice is None or words is None:
        alone = voice if voice is not None else words
        return {label: alone.probabilities.get(label, 0.0) for label in LABELS} if alone is not None else {}
    share = _words_share(voice, words, weight)
    mixed = {label: _mix(voice, words, share, label) ** sharper for label in LABELS}
    total = sum(mixed.values()) or 1.0
    return {label: value / total for label, value in mixed.items()}


def _words_share(voice: Reading | None, words: Reading | None, weight: float) -> float:
    """The words' share, 0..1, from the fixed weight and both confidences."""
    spoken = weight * words.confidence if words is not None else 0.0
    sounded = (1 - weight) * voice.confidence if voice is not None else 0.0
    if spoken + sounded > 0:
        return spoken / (spoken + sounded)
    return weight if voice is not None and words is not None else float(words is not None)


def _mix(voice: Reading, words: Reading, share: float, label: Label) -> float:
    return share * words.probabilities.get(label, 0.0) + (1 - share) * voice.probabilities.get(label, 0.0)


def _blend(voice: Reading | None, words: Reading | None, what: str, share: float) -> float:
    sounded = float(getattr(voice, what)) if voice is not None else 0.0
    spoken = float(getattr(words, what)) if words is not None else 0.0
    return max(-1.0, min(1.0, share * spoken + (1 - share) * sounded))


def _apart(one: Mapping[Label, float], other: Mapping[Label, float]) -> float:
    """Total variation between the two splits into pleasant, neutral and unpleasant, 0..1."""
    first, second = _polarity(one), _polarity(other)
    return min(1.0, sum(abs(a - b) for a, b in zip(first, second, strict=True)) / 2)


def _polarity(probabilities: Mapping[Label, float]) -> tuple[float, float, float]:
    unpleasant = sum(share for label, share in probabilities.items() if label.is_negative)
    return probabilities.get(Label.SATISFIED, 0.0), probabilities.get(Label.NEUTRAL, 0.0), unpleasant
