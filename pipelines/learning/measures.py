"""How good estimates are, with intervals over speakers. Pure.

Every measure is a function of sums that add up over speakers, so that a bootstrap draws speakers and not utterances:
many utterances of one voice are one witness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]
"""Something that adds up, one row per speaker."""

Measure = Callable[[Sums], NDArray[np.float64]]
"""From sums of shape (..., what adds up) to a figure of shape (...)."""

ROUNDS: Final = 1000
_BINS: Final = 10
"""Bins of confidence for the calibration error."""
_FINE: Final = 500
"""Steps of confidence that coverage is counted in."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, bootstrapped over speakers. One speaker has no interval: it is the value."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


def figure(sums: Sums, measure: Measure, seed: int = 7) -> Figure:
    """A measure over all speakers, and its interval when speakers are drawn anew with replacement."""
    drawn = np.random.default_rng(seed).integers(len(sums), size=(ROUNDS, len(sums)))
    times = np.zeros((ROUNDS, len(sums)))
    np.add.at(times, (np.arange(ROUNDS)[:, None], drawn), 1)
    low, high = np.nanpercentile(measure(np.tensordot(times, sums, axes=1)), [2.5, 97.5])
    return Figure(float(measure(sums.sum(axis=0))), float(low), float(high))


def _places(speakers: Sequence[str]) -> tuple[int, NDArray[np.intp]]:
    """How many speakers there are, and each utterance's row."""
    names, rows = np.unique(np.array(speakers, dtype=str), return_inverse=True)
    return len(names), rows


def confusions(speakers: Sequence[str], truth: Sequence[str], said: Sequence[str], classes: Sequence[str]) -> Sums:
    """A confusion matrix per speaker, shape (speakers, true class, said class)."""
    count, rows = _places(speakers)
    place = {name: index for index, name in enumerate(classes)}
    sums = np.zeros((count, len(classes), len(classes)))
    np.add.at(sums, (rows, np.array([place[one] for one in truth]), np.array([place[one] for one in said])), 1)
    return sums


def recalls(confusion: Sums) -> NDArray[np.float64]:
    """Recall per true class, shape (..., classes); NaN where a class does not occur."""
    seen = confusion.sum(axis=-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.asarray(np.divide(right, seen, out=np.full(seen.shape, np.nan), where=seen > 0))


def uar(confusion: Sums) -> NDArray[np.float64]:
    """Unweighted average recall over the classes that occur."""
    return np.asarray(np.nanmean(recalls(confusion), axis=-1))


def macro_f1(confusion: Sums) -> NDArray[np.float64]:
    """Mean F1 over the classes that occur."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    seen, said = confusion.sum(axis=-1), confusion.sum(axis=-2)
    each = np.divide(2 * right, seen + said, out=np.zeros(seen.shape), where=seen + said > 0)
    return np.asarray(np.nanmean(np.where(seen > 0, each, np.nan), axis=-1))


def accuracy(confusion: Sums) -> NDArray[np.float64]:
    """Share that is right."""
    return np.asarray(np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1)))


def recall(truth: Sequence[str], said: Sequence[str]) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(uar(confusions([""] * len(truth), truth, said, sorted({*truth, *said}))[0]))


def recall_interval(truth: Sequence[str], said: Sequence[str], speakers: Sequence[str]) -> tuple[float, float]:
    """The 95 % interval of `recall` over speakers."""
    found = figure(confusions(speakers, truth, said, sorted({*truth, *said})), uar)
    return found.low, found.high


def counts(speakers: Sequence[str], among: NDArray[np.bool_], hits: NDArray[np.bool_]) -> Sums:
    """How many are looked at, and how many of them are hits, shape (speakers, 2)."""
    count, rows = _places(speakers)
    sums = np.zeros((count, 2))
    np.add.at(sums, rows, np.column_stack([among, hits & among]))
    return sums


def share(sums: Sums) -> NDArray[np.float64]:
    """Hits among those that are looked at; 0 where there are none."""
    among, hits = np.moveaxis(sums, -1, 0)
    return np.asarray(np.divide(hits, among, out=np.zeros(np.shape(among)), where=among > 0))


def calibrations(speakers: Sequence[str], confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Sums:
    """(count, confidence, right) per bin of confidence, shape (speakers, bins, 3)."""
    return _levels(speakers, confidence, np.column_stack([np.ones(len(confidence)), confidence, right]), _BINS)


def _levels(speakers: Sequence[str], confidence: NDArray[np.float64], values: NDArray[np.float64], levels: int) -> Sums:
    """Values added up by speaker and level of confidence."""
    count, rows = _places(speakers)
    sums = np.zeros((count, levels, values.shape[1]))
    np.add.at(sums, (rows, np.clip((confidence * levels).astype(int), 0, levels - 1)), values)
    return sums


def expected_calibration_error(bins: Sums) -> NDArray[np.float64]:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by what is in them."""
    gaps = np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1)
    return np.asarray(gaps / bins[..., 0].sum(axis=-1))


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over bins of equal width."""
    return float(expected_calibration_error(calibrations([""] * len(right), confidence, right)[0]))


def coverages(speakers: Sequence[str], confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Sums:
    """(count, right) per level of confidence, surest first, shape (speakers, levels, 2)."""
    return _levels(speakers, 1 - confidence, np.column_stack([np.ones(len(confidence)), right]), _FINE)


def accuracy_at(coverage: float) -> Measure:
    """Accuracy on the surest utterances (of `coverages`): at least that share is answered, the rest is *unsure*."""

    def measure(levels: Sums) -> NDArray[np.float64]:
        answered, right = np.moveaxis(np.cumsum(levels, axis=-2), -1, 0)
        least = coverage * answered[..., -1:] - 1e-9
        place = np.argmax(answered >= least, axis=-1)[..., None]
        return np.asarray(
            (np.take_along_axis(right, place, -1) / np.take_along_axis(answered, place, -1))[..., 0], np.float64
        )

    return measure


def coverage_curve(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """(least confidence, share answered, accuracy on it), from all utterances to the surest twentieth."""
    order = np.argsort(-confidence, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    counts = sorted({max(1, round(len(order) * step / 20)) for step in range(1, 21)}, reverse=True)
    return [(float(confidence[order[count - 1]]), count / len(order), float(shares[count - 1])) for count in counts]


def moments(speakers: Sequence[str], truth: NDArray[np.float64], said: NDArray[np.float64]) -> Sums:
    """What `concordance` needs, shape (speakers, 6)."""
    count, rows = _places(speakers)
    sums = np.zeros((count, 6))
    np.add.at(sums, rows, np.column_stack([np.ones(len(truth)), truth, said, truth**2, said**2, truth * said]))
    return sums


def concordance(sums: Sums) -> NDArray[np.float64]:
    """Lin's concordance correlation coefficient (Biometrics 45, 1989); 0 where nothing varies."""
    count, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    mean_x, mean_y = x / count, y / count
    spread = xx / count - mean_x**2 + yy / count - mean_y**2 + (mean_x - mean_y) ** 2
    shared = 2 * (xy / count - mean_x * mean_y)
    return np.asarray(np.divide(shared, spread, out=np.zeros(np.shape(spread)), where=spread > 1e-12))


def precision_recall(scores: NDArray[np.float64], wanted: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """(threshold, precision, recall) at every score that occurs, highest threshold first."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(wanted[order])
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    total = max(1, int(wanted.sum()))
    return [(float(ranked[place]), float(hits[place] / (place + 1)), float(hits[place] / total)) for place in last]


def average_precision(curve: Sequence[tuple[float, float, float]]) -> float:
    """Area under the precision-recall curve, as steps."""
    area = before = 0.0
    for _, precision, reached in curve:
        area += precision * (reached - before)
        before = reached
    return area
