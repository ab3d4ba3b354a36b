"""Readings for tests, by hand and by Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from pipelines.emotion.estimate import LABELS, Emotion, Label, Reading


def reading(label: Label, confidence: float, valence: float = 0.0, arousal: float = 0.0) -> Reading:
    """A reading that gives `confidence` to one label and spreads the rest."""
    rest = (1 - confidence) / (len(LABELS) - 1)
    shares = {one: confidence if one is label else rest for one in LABELS}
    return Reading(valence, arousal, shares, confidence, "test")


def emotion(label: Label, valence: float, confidence: float = 0.8, arousal: float = 0.0) -> Emotion:
    """A fused estimate."""
    return Emotion(label, valence, arousal, confidence)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Any reading that keeps its contract."""
    weights = draw(st.lists(st.floats(0.001, 1), min_size=len(LABELS), max_size=len(LABELS)))
    shares = {label: weight / sum(weights) for label, weight in zip(LABELS, weights, strict=True)}
    unit = st.floats(-1, 1)
    return Reading(draw(unit), draw(unit), shares, max(shares.values()), "test")
