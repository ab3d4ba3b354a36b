"""Voice and words put together from readings whose truth is known."""

from __future__ import annotations

import random

import pytest

from pipelines.emotion.estimate import LABELS, Label
from pipelines.learning.joined import (
    THRESHOLDS,
    UPSET,
    Known,
    fit,
    judged,
    noticed,
    pair_up,
    score_joined,
    simulate,
)
from tests.pipelines.emotion.readings import reading


def known(right: float, *, seed: int, speakers: int = 4, each: int = 12) -> list[Known]:
    """Readings that are right with the given share, and say so."""
    chance = random.Random(seed)
    made: list[Known] = []
    for label in LABELS:
        for number in range(each):
            said = label if chance.random() < right else chance.choice(LABELS)
            made.append(Known(reading(said, right), label, f"speaker {number % speakers}"))
    return made


VOICES = [one for one in known(0.8, seed=1) if one.label is not Label.CONFUSED]
TEXTS = known(0.8, seed=2)


def test_pairs_are_drawn_evenly_and_repeat_with_the_seed() -> None:
    """Every label is felt about as often; confused words have a voice beside them all the same."""
    pairs = pair_up(VOICES, TEXTS, 1400)
    assert pairs == pair_up(VOICES, TEXTS, 1400)
    counts = [sum(pair.label is label for pair in pairs) for label in LABELS]
    assert min(counts) > 140


def test_two_timid_readings_that_agree_are_sharpened() -> None:
    """The fit makes the joined confidence as often right as it says."""
    pairs = pair_up(VOICES, TEXTS, 1500, seed=3)
    weight, sharper = fit(pairs)
    assert 0.05 <= weight <= 0.95
    fitted, right = judged(pairs, weight, sharper)
    blunt, _ = judged(pairs, weight, 0.4)
    assert abs(fitted.mean() - right.mean()) < abs(blunt.mean() - right.mean())


def test_calls_that_turn_are_noticed_and_quiet_ones_are_not() -> None:
    """Certain readings leave no doubt."""
    voices = [Known(reading(one, 0.97), one, "a") for one in LABELS if one is not Label.CONFUSED]
    texts = [Known(reading(one, 0.97), one) for one in LABELS]
    calls = simulate(voices, texts, 60)
    assert sum(call.upset_from is not None for call in calls) == 30
    told = noticed(calls, 0.5)
    assert (told.precision, told.false_turns) == (1.0, 0.0)
    assert told.recall > 0.8
    assert 1 <= told.turns <= 4
    assert noticed(calls, 1.01).recall == 0
    for call in calls:
        assert len(call.scores) == len(call.turns)
        assert call.upset_from is not None or not any(turn.label in UPSET for turn in call.turns)


def test_a_report_measures_on_other_speakers() -> None:
    """Higher thresholds notice less and disturb less."""
    score = score_joined(VOICES, TEXTS, known(0.8, seed=5), pairs=400, calls=80)
    assert 0 <= score.ece < 0.3
    assert score.accuracy > 0.5
    assert [one.threshold for one in score.attention] == list(THRESHOLDS)
    recalls = [one.recall for one in score.attention]
    false_turns = [one.false_turns for one in score.attention_voice]
    assert recalls == sorted(recalls, reverse=True)
    assert false_turns == sorted(false_turns, reverse=True)
    assert score.attention[0].threshold == pytest.approx(0.3)
