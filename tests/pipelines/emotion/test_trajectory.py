"""The emotions of a call in order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.emotion.estimate import LABELS, UNKNOWN, Emotion, Label, Trend
from pipelines.emotion.trajectory import Trajectory, turning_points
from tests.pipelines.emotion.readings import emotion

ESTIMATES = st.builds(
    Emotion,
    st.sampled_from([*LABELS, Label.UNSURE]),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.floats(0, 1),
)


def told(*emotions: Emotion) -> Trend:
    """The trend after these turns."""
    trajectory = Trajectory()
    for turn, one in enumerate(emotions, 1):
        trajectory.add(turn, one)
    return trajectory.trend


@given(st.lists(ESTIMATES, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(emotions: list[Emotion], chance: random.Random) -> None:
    """A late result takes its place."""
    numbered = list(enumerate(emotions, 1))
    chance.shuffle(numbered)
    late = Trajectory()
    for turn, one in numbered:
        late.add(turn, one)
    assert late.trend == told(*emotions)


@given(st.lists(ESTIMATES, max_size=8), st.integers(1, 9))
def test_unknown_adds_nothing(emotions: list[Emotion], turn: int) -> None:
    """A failed model is a gap, not a neutral turn."""
    trajectory = Trajectory()
    for number, one in enumerate(emotions, 1):
        trajectory.add(number, one)
    before = trajectory.trend
    assert trajectory.add(turn, UNKNOWN) == before


def test_nothing_known_yet() -> None:
    """The trend of an empty call."""
    assert Trajectory().trend == Trend()


def test_a_hesitant_change_of_label_must_come_twice() -> None:
    """One odd turn does not change how we treat a caller; a sure one does."""
    calm, cross = emotion(Label.NEUTRAL, 0.1), emotion(Label.ANGRY, -0.5, confidence=0.5)
    assert told(calm, cross).current.label is Label.NEUTRAL
    assert told(calm, cross, cross).current.label is Label.ANGRY
    assert told(calm, cross, calm, cross).current.label is Label.NEUTRAL
    assert told(calm, emotion(Label.ANGRY, -0.5, confidence=0.9)).current.label is Label.ANGRY


def test_unsure_stays_unsure_and_does_not_break_a_negative_run() -> None:
    """An unsure turn says nothing either way."""
    cross, unsure = emotion(Label.FRUSTRATED, -0.5), emotion(Label.UNSURE, 0.0, confidence=0.2)
    trend = told(cross, unsure, cross, unsure)
    assert trend.current.label is Label.UNSURE
    assert trend.negative_run == 2
    assert told(cross, cross, emotion(Label.SATISFIED, 0.6)).negative_run == 0


def test_slope_over_the_last_four_known_turns() -> None:
    """Earlier turns do not count; gaps count as distance."""
    falling = told(*(emotion(Label.NEUTRAL, value) for value in (-1.0, 0.6, 0.4, 0.2, 0.0)))
    assert falling.valence_slope == pytest.approx(-0.2)
    gapped = Trajectory()
    gapped.add(1, emotion(Label.NEUTRAL, 0.4))
    gapped.add(5, emotion(Label.NEUTRAL, 0.0))
    assert gapped.trend.valence_slope == pytest.approx(-0.1)
    assert falling.worst_valence == -1.0


def test_turning_points_are_where_the_call_turned_round() -> None:
    """Wobbles below 0.2 are noise."""
    down_and_up = [(1, 0.5), (2, 0.1), (3, -0.6), (4, -0.5), (5, 0.4), (6, 0.3), (7, 0.7), (8, -0.2)]
    assert turning_points(down_and_up) == (3, 7)
    assert turning_points([(1, 0.0), (2, 0.1), (3, 0.0), (4, 0.1)]) == ()


def test_the_worst_turn_and_the_peak_are_kept() -> None:
    """After the storm the trend still says when it was."""
    trend = told(emotion(Label.NEUTRAL, 0.1), emotion(Label.ANGRY, -0.8, confidence=0.9), emotion(Label.NEUTRAL, 0.2))
    assert (trend.worst_turn, trend.worst_valence) == (2, -0.8)
    assert trend.peak is not None
    assert trend.peak[0] == 2
    assert 0 < trend.attention < trend.peak[1] <= 1


def test_a_second_estimate_of_a_turn_replaces_the_first() -> None:
    """The fuller estimate came late."""
    trajectory = Trajectory()
    trajectory.add(1, emotion(Label.NEUTRAL, 0.0))
    trend = trajectory.add(1, emotion(Label.SAD, -0.7))
    assert (trend.turns, trend.current.label, trend.worst_valence) == (1, Label.SAD, -0.7)
