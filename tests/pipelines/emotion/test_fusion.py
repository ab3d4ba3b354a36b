"""Voice and words are weighed against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.emotion.estimate import UNKNOWN, Label, Reading
from pipelines.emotion.fusion import UNSURE_BELOW, fuse, shares
from tests.pipelines.emotion.readings import reading, readings


@given(st.none() | readings(), st.none() | readings())
def test_a_fused_estimate_keeps_within_its_sources(voice: Reading | None, words: Reading | None) -> None:
    """No valence or arousal beyond what a source said; unsure exactly when confidence is low."""
    sources = [source for source in (voice, words) if source is not None]
    fused = fuse(voice, words)
    if not sources:
        assert fused == UNKNOWN
        return
    assert fused.valence is not None
    assert fused.arousal is not None
    assert min(s.valence for s in sources) - 1e-9 <= fused.valence <= max(s.valence for s in sources) + 1e-9
    assert min(s.arousal for s in sources) - 1e-9 <= fused.arousal <= max(s.arousal for s in sources) + 1e-9
    assert 0 < fused.confidence <= 1 + 1e-9
    assert sum(shares(voice, words).values()) == pytest.approx(1)
    assert 0 <= fused.disagreement <= 1
    assert (fused.label is Label.UNSURE) == (fused.confidence < UNSURE_BELOW)
    assert (fused.voice, fused.words) == (voice, words)


def test_words_lead_the_valence_and_the_voice_the_arousal() -> None:
    """A polite voice with bitter words is unpleasant; calm words shouted are excited."""
    fused = fuse(reading(Label.NEUTRAL, 0.6, 0.2, 0.9), reading(Label.NEUTRAL, 0.6, -0.8, -0.1))
    assert fused.valence == pytest.approx(-0.55)
    assert fused.arousal == pytest.approx(0.65)


def test_agreement_is_sure_and_contradiction_is_not() -> None:
    """Pleasant words in an angry voice are a reason to doubt."""
    agreed = fuse(reading(Label.ANGRY, 0.8), reading(Label.ANGRY, 0.8))
    torn = fuse(reading(Label.ANGRY, 0.8), reading(Label.SATISFIED, 0.6))
    assert agreed.label is Label.ANGRY
    assert agreed.disagreement == pytest.approx(0)
    assert agreed.confidence > 0.8
    assert torn.confidence < agreed.confidence
    assert torn.disagreement > 0.5


def test_one_source_alone_speaks_for_itself() -> None:
    """A short "no!" has no voice reading; a cough has no words."""
    alone = reading(Label.SAD, 0.7, -0.6, -0.4)
    for fused in (fuse(alone, None), fuse(None, alone)):
        assert fused.label is Label.SAD
        assert fused.confidence == pytest.approx(0.7)
        assert (fused.valence, fused.arousal, fused.disagreement) == (-0.6, -0.4, 0.0)


def test_nothing_to_join_has_no_shares() -> None:
    """Not even an even guess: unknown is never a number."""
    assert shares(None, None) == {}
    assert fuse(None, None).valence is None
