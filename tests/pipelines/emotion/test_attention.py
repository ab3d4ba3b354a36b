"""How much a call needs somebody's attention."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.emotion.attention import DEFAULT_THRESHOLD, Attention, attention, heat_of
from pipelines.emotion.estimate import LABELS, UNKNOWN, Emotion, Label
from pipelines.emotion.fusion import fuse
from tests.pipelines.emotion.readings import emotion, reading, readings

TURNS = st.lists(st.builds(fuse, st.none() | readings(), st.none() | readings()), max_size=12)


def scores(*turns: Emotion) -> list[float]:
    """The score after each turn."""
    return [score for _, score in attention(enumerate(turns, start=1))]


def clear(label: Label, confidence: float = 0.9) -> Emotion:
    """Voice and words say the same."""
    return fuse(reading(label, confidence), reading(label, confidence))


@given(TURNS, st.randoms(use_true_random=False))
def test_scores_keep_their_range_and_do_not_depend_on_arrival(turns: list[Emotion], chance: random.Random) -> None:
    """A late estimate takes its place."""
    points = list(enumerate(turns, start=1))
    told = attention(points)
    assert all(0 <= score <= 1 for _, score in told)
    chance.shuffle(points)
    assert attention(points) == told


@given(TURNS)
def test_unknown_turns_add_nothing(turns: list[Emotion]) -> None:
    """A failed model neither calms nor alarms."""
    gapped = [one for turn in turns for one in (UNKNOWN, turn)]
    assert [score for _, score in attention(enumerate(gapped))][1::2] == scores(*turns)
    assert Attention(0.4, 0.2).after(UNKNOWN) == Attention(0.4, 0.2)


def test_calm_calls_stay_at_nothing() -> None:
    """Ten neutral and pleasant turns, none of them certain."""
    assert max(scores(*(clear(label, 0.8) for label in (Label.NEUTRAL, Label.SATISFIED) * 5))) < 0.05


def test_one_furious_turn_is_enough_and_frustration_must_last() -> None:
    """Duration counts."""
    assert scores(clear(Label.NEUTRAL), clear(Label.ANGRY, 0.95))[-1] >= DEFAULT_THRESHOLD
    assert scores(clear(Label.FRUSTRATED, 0.8))[-1] < DEFAULT_THRESHOLD
    assert scores(*[clear(Label.FRUSTRATED, 0.8)] * 3)[-1] >= DEFAULT_THRESHOLD
    assert scores(*[clear(Label.CONFUSED)] * 6)[-1] < DEFAULT_THRESHOLD


def test_doubt_and_disagreement_weigh_less() -> None:
    """An angry voice with pleasant words is a smaller reason than both alike."""
    torn = fuse(reading(Label.ANGRY, 0.8), reading(Label.SATISFIED, 0.8))
    assert heat_of(torn) < heat_of(clear(Label.ANGRY, 0.8))
    assert heat_of(clear(Label.ANGRY, 0.5)) < heat_of(clear(Label.ANGRY, 0.9))


def test_calm_turns_let_it_fade() -> None:
    """A caller who was helped needs nobody."""
    told = scores(clear(Label.ANGRY), *[clear(Label.NEUTRAL)] * 5)
    assert told == sorted(told, reverse=True)
    assert told[-1] < DEFAULT_THRESHOLD / 2


def test_rising_heat_weighs_more_than_the_same_heat() -> None:
    """Out of the blue it is worse than as ever."""
    before = Attention(0.3, 0.0)
    as_ever = Attention(0.3, heat_of(clear(Label.ANGRY, 0.6)))
    assert before.after(clear(Label.ANGRY, 0.6)).score > as_ever.after(clear(Label.ANGRY, 0.6)).score


def test_an_estimate_without_readings_counts_by_label_and_confidence() -> None:
    """One that was taken up again after its process was lost has only these."""
    assert heat_of(emotion(Label.ANGRY, -0.8, 0.9)) > heat_of(emotion(Label.ANGRY, -0.8, 0.5)) > 0
    assert heat_of(emotion(Label.NEUTRAL, 0.0)) == 0
    assert heat_of(UNKNOWN) == 0
    assert {label for label in LABELS if heat_of(emotion(label, 0.0, 1.0)) == 0} == {Label.NEUTRAL, Label.SATISFIED}
    assert heat_of(clear(Label.SAD, 1.0)) == pytest.approx(heat_of(emotion(Label.SAD, -0.5, 1.0)), abs=0.01)
