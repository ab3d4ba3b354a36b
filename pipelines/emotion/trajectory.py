"""The emotions of a call in order, and where they are going. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pipelines.emotion.attention import attention
from pipelines.emotion.estimate import Emotion, Label, Trend

_SLOPE_TURNS: Final = 4
_AT_ONCE: Final = 0.65
"""From this confidence a new label counts at once; below it must come twice."""
_SWING: Final = 0.2
"""Least change of valence that makes a turning point."""

Point = tuple[int, Emotion]


class Trajectory:
    """Keeps the known estimates by turn. A late result takes its place in the order of the turns."""

    def __init__(self) -> None:
        self._known: dict[int, Emotion] = {}

    def add(self, turn: int, emotion: Emotion) -> Trend:
        """Take the estimate of a turn (a second one for the same turn replaces the first) and say the trend.

        UNKNOWN adds nothing: a gap is not a neutral turn.
        """
        if emotion.is_known:
            self._known[turn] = emotion
        return self.trend

    @property
    def points(self) -> tuple[Point, ...]:
        """Turn and estimate, as estimated, in the order of the turns."""
        return tuple(sorted(self._known.items()))

    @property
    def trend(self) -> Trend:
        """Where the call stands; the same for every order in which the estimates came."""
        points = self.points
        if not points:
            return Trend()
        held = held_labels([emotion for _, emotion in points])
        valences = [(turn, emotion.valence or 0.0) for turn, emotion in points]
        arousals = [(turn, emotion.arousal or 0.0) for turn, emotion in points]
        worst_turn, worst = min(valences, key=lambda one: one[1])
        scores = attention(points)
        return Trend(
            current=replace(points[-1][1], label=held[-1]),
            turns=len(points),
            valence_slope=slope(valences[-_SLOPE_TURNS:]),
            arousal_slope=slope(arousals[-_SLOPE_TURNS:]),
            worst_valence=worst,
            negative_run=negative_run(held),
            turning_points=turning_points(valences),
            worst_turn=worst_turn,
            attention=scores[-1][1],
            peak=max(scores, key=lambda one: one[1]),
        )


def held_labels(emotions: Sequence[Emotion]) -> list[Label]:
    """Labels with hysteresis: a hesitant change counts only when the next sure turn says the same.

    UNSURE stays UNSURE and neither confirms nor refutes a change.
    """
    held: Label | None = None
    candidate: Label | None = None
    labels: list[Label] = []
    for emotion in emotions:
        if emotion.label is Label.UNSURE:
            labels.append(Label.UNSURE)
            continue
        if held is None or emotion.label in (held, candidate) or emotion.confidence >= _AT_ONCE:
            held, candidate = emotion.label, None
        else:
            candidate = emotion.label
        labels.append(held)
    return labels


def negative_run(labels: Sequence[Label]) -> int:
    """Latest negative turns in a row; unsure turns neither count nor break the run."""
    run = 0
    for label in reversed(labels):
        if label is Label.UNSURE:
            continue
        if not label.is_negative:
            break
        run += 1
    return run


def slope(values: Sequence[tuple[int, float]]) -> float:
    """Least-squares change per turn; 0 with fewer than two turns."""
    if len(values) < 2:
        return 0.0
    middle = sum(turn for turn, _ in values) / len(values)
    spread = sum((turn - middle) ** 2 for turn, _ in values)
    return sum((turn - middle) * value for turn, value in values) / spread


def turning_points(values: Sequence[tuple[int, float]]) -> tuple[int, ...]:
    """Turns at which the value turned round by at least 0.2 each way; smaller wobbles are noise."""
    turns: list[int] = []
    direction = 0
    extreme = values[0]
    lowest = highest = values[0]
    for point in values[1:]:
        if direction == 0:
            lowest = min(lowest, point, key=lambda one: one[1])
            highest = max(highest, point, key=lambda one: one[1])
            if point[1] - lowest[1] >= _SWING:
                direction, extreme = 1, point
            elif highest[1] - point[1] >= _SWING:
                direction, extreme = -1, point
        elif (point[1] - extreme[1]) * direction >= 0:
            extreme = point
        elif (extreme[1] - point[1]) * direction >= _SWING:
            turns.append(extreme[0])
            direction, extreme = -direction, point
    return tuple(turns)
