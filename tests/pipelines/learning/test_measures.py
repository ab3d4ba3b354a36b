"""Measures of estimates and their intervals over speakers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.learning.measures import (
    accuracy,
    accuracy_at,
    average_precision,
    calibration_error,
    calibrations,
    concordance,
    confusions,
    counts,
    coverage_curve,
    coverages,
    expected_calibration_error,
    figure,
    macro_f1,
    moments,
    precision_recall,
    recall,
    recalls,
    share,
    uar,
)

TRUTH = ["a", "a", "a", "b", "b", "c"]
SAID = ["a", "a", "b", "b", "a", "c"]


def test_recall_counts_classes_and_not_utterances() -> None:
    """A class that does not occur counts for nothing."""
    confusion = confusions(["one"] * 6, TRUTH, SAID, "abcd")[0]
    assert recall(["a", "a", "a", "b"], ["a", "a", "a", "a"]) == 0.5
    assert np.allclose(recalls(confusion), [2 / 3, 1 / 2, 1, np.nan], equal_nan=True)
    assert float(uar(confusion)) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert float(macro_f1(confusion)) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert float(accuracy(confusion)) == pytest.approx(4 / 6)


def test_calibration_counts_the_gap() -> None:
    """Ninety-five per cent sure and half right is wrong by forty-five."""
    right = np.array([True] * 5 + [False] * 5)
    assert calibration_error(np.array([0.95] * 10), right) == pytest.approx(0.45)
    assert calibration_error(np.array([0.5] * 10), right) == pytest.approx(0)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == pytest.approx(0)


def test_the_surest_are_answered_first() -> None:
    """With the unsure fifth left out, all that is answered is right."""
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.2])
    right = np.array([True, True, True, True, False])
    levels = coverages(["one"] * 5, confidence, right)[0]
    assert float(accuracy_at(0.8)(levels)) == 1
    assert float(accuracy_at(1.0)(levels)) == pytest.approx(0.8)
    curve = coverage_curve(confidence, right)
    assert curve[0] == pytest.approx((0.2, 1.0, 0.8))
    assert curve[-1] == (0.9, 0.2, 1.0)


def test_concordance_punishes_shift_and_scale() -> None:
    """It is 1 for the same values and falls where correlation would not."""
    truth = np.linspace(-1, 1, 50)

    def ccc(said: NDArray[np.float64]) -> float:
        return float(concordance(moments(["one"] * 50, truth, said)[0]))

    assert ccc(truth) == pytest.approx(1)
    assert ccc(-truth) == pytest.approx(-1)
    assert ccc(truth + 1) < 0.5
    assert ccc(0.2 * truth) < 0.5
    assert ccc(np.zeros(50)) == 0


def test_a_share_is_of_those_that_are_looked_at() -> None:
    """Nothing of nothing is nothing."""
    sums = counts(["a", "a", "a", "b"], np.array([True, True, False, False]), np.array([True, False, True, True]))
    assert share(sums).tolist() == [0.5, 0]
    assert figure(sums, share).value == 0.5


def test_an_interval_rests_on_speakers() -> None:
    """Ten copies of each utterance make no interval narrower; more speakers do."""

    def width(speakers: int, copies: int) -> float:
        chance = np.random.default_rng(1)
        good = chance.uniform(0.4, 1, speakers)
        names = [str(one) for one in range(speakers) for _ in range(20 * copies)]
        truth = ["a", "b"] * (10 * speakers * copies)
        said = [
            one if (place // copies) % 10 < 10 * good[int(name)] else "c"
            for place, (one, name) in enumerate(zip(truth, names, strict=True))
        ]
        found = figure(confusions(names, truth, said, "abc"), uar)
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(8, 10) > 0.8 * width(8, 1)
    assert width(80, 1) < 0.6 * width(8, 1)


def test_every_measure_takes_drawn_sums() -> None:
    """One call measures all draws of the bootstrap."""
    confidence, right = np.linspace(0, 1, 6), np.array([True, False] * 3)
    speakers = list("xxyyzz")
    for sums, measure in (
        (confusions(speakers, TRUTH, SAID, "abc"), uar),
        (confusions(speakers, TRUTH, SAID, "abc"), macro_f1),
        (confusions(speakers, TRUTH, SAID, "abc"), accuracy),
        (calibrations(speakers, confidence, right), expected_calibration_error),
        (coverages(speakers, confidence, right), accuracy_at(0.8)),
        (moments(speakers, confidence, confidence**2), concordance),
        (counts(speakers, np.arange(6) > 0, right), share),
    ):
        assert np.allclose(measure(sums), [float(measure(one)) for one in sums])
        found = figure(sums, measure)
        assert found.low <= found.high
        assert str(found).startswith(f"{found.value:.3f} (")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_precision_and_recall_run_from_strict_to_lenient(pairs: list[tuple[float, bool]]) -> None:
    """Thresholds fall, recall never falls, and the last one alarms at everything."""
    scores, wanted = np.array([score for score, _ in pairs]), np.array([want for _, want in pairs])
    curve = precision_recall(scores, wanted)
    thresholds, _, reached = zip(*curve, strict=True)
    assert list(thresholds) == sorted(set(thresholds), reverse=True)
    assert list(reached) == sorted(reached)
    assert curve[-1][1] == pytest.approx(wanted.mean())
    assert 0 <= average_precision(curve) <= 1


def test_a_perfect_ranking_has_the_whole_area() -> None:
    """All alarms before all others."""
    assert average_precision(precision_recall(np.array([0.9, 0.8, 0.1]), np.array([True, True, False]))) == 1
