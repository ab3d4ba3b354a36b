"""A caller becomes their own measure, turn by turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipelines.emotion.baseline import CallerBaseline, Prior
from pipelines.emotion.estimate import LABELS, Label

WIDTH = 4
PRIOR = Prior(np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32), 4.0)
VECTORS = arrays.arrays(np.float32, WIDTH, elements=st.floats(-50, 50, width=32))


def test_a_first_turn_is_compared_with_the_population() -> None:
    """Nothing is known of the caller yet."""
    features = np.array([1, -2, 0.5, 3], np.float32)
    assert np.allclose(CallerBaseline().normalise(features, PRIOR), features)


def test_the_mean_shrinks_from_the_population_to_the_caller() -> None:
    """After n turns of the same voice, k / (k + n) of the distance is left."""
    caller = CallerBaseline(longest_memory=1000)
    loud = np.full(WIDTH, 2, np.float32)
    for turns in range(1, 30):
        caller.learn(loud)
        mean_left = 2 * PRIOR.strength / (PRIOR.strength + turns)
        variance = (PRIOR.strength + turns * mean_left**2) / (PRIOR.strength + turns)
        assert caller.normalise(loud, PRIOR)[0] == pytest.approx(mean_left / np.sqrt(variance), rel=1e-5)
    assert caller.normalise(loud, PRIOR)[0] < 0.6


def test_a_naturally_loud_voice_ends_up_usual_and_a_change_stands_out() -> None:
    """What matters is the distance from this caller's own voice."""
    chance = np.random.default_rng(3)
    caller = CallerBaseline()
    for _ in range(12):
        caller.learn((3 + chance.normal(0, 0.5, WIDTH)).astype(np.float32))
    usual = caller.normalise(np.full(WIDTH, 3, np.float32), PRIOR)
    excited = caller.normalise(np.full(WIDTH, 6, np.float32), PRIOR)
    assert np.all(np.abs(usual) < 1.5)
    assert np.all(excited > usual + 2)


def test_someone_angry_all_along_never_becomes_their_own_normal() -> None:
    """The memory is bounded, so the population keeps its say."""
    caller = CallerBaseline(longest_memory=12)
    angry = np.full(WIDTH, 3, np.float32)
    for _ in range(200):
        caller.learn(angry)
    assert caller.turns == pytest.approx(12)
    assert caller.normalise(angry, PRIOR)[0] > 0.4


def test_what_an_emotion_adds_is_taken_off_before_the_baseline_learns() -> None:
    """A caller who is angry from the first turn on still sounds angry in the twelfth, and calm when calm."""
    added = np.zeros((len(LABELS), WIDTH), np.float32)
    added[LABELS.index(Label.ANGRY)] = 3
    prior = replace(PRIOR, added=added)
    caller, voice = CallerBaseline(), np.full(WIDTH, 2, np.float32)
    angry = voice + added[LABELS.index(Label.ANGRY)]
    for _ in range(12):
        caller.learn(prior.usual(angry, {Label.ANGRY: 1.0}))
    assert caller.normalise(angry, prior)[0] > 2
    assert abs(caller.normalise(voice, prior)[0]) < 1


def test_a_turn_of_unsure_emotion_loses_a_share_of_it() -> None:
    """Half angry, half neutral: half of what anger adds; a population that knows nothing of it takes nothing."""
    added = np.zeros((len(LABELS), WIDTH), np.float32)
    added[LABELS.index(Label.ANGRY)] = 3
    features, halves = np.full(WIDTH, 5, np.float32), {Label.ANGRY: 0.5, Label.NEUTRAL: 0.5}
    assert np.allclose(replace(PRIOR, added=added).usual(features, halves), 3.5)
    assert np.array_equal(PRIOR.usual(features, halves), features)


@given(st.lists(VECTORS, max_size=30), VECTORS)
def test_normalised_features_are_finite_and_bounded(learned: list[np.ndarray], features: np.ndarray) -> None:
    """Whatever was heard before."""
    caller = CallerBaseline()
    for one in learned:
        caller.learn(one)
    normal = caller.normalise(features, PRIOR)
    assert np.isfinite(normal).all()
    assert np.abs(normal).max() <= 6


def test_broken_features_and_zero_weight_teach_nothing() -> None:
    """A NaN from a broken frame must not poison the rest of the call."""
    caller = CallerBaseline()
    caller.learn(np.array([1, np.nan, 0, 0], np.float32))
    caller.learn(np.ones(WIDTH, np.float32), 0.0)
    assert caller.turns == 0


def test_another_voice_model_starts_the_baseline_anew() -> None:
    """Features of another length cannot be averaged with the old ones."""
    caller = CallerBaseline()
    caller.learn(np.ones(7, np.float32))
    assert np.allclose(caller.normalise(np.ones(WIDTH, np.float32), PRIOR), 1)
    caller.learn(np.ones(WIDTH, np.float32))
    assert caller.turns == 1
