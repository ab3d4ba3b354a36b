"""The trajectory of a call as a PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from service.cli.timeline import Point


def draw(path: Path, points: Sequence[Point], title: str) -> None:
    """Write valence and arousal by turn, with the labels; estimates that are unsure are pale.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(figsize=(max(6.0, 0.55 * len(points) + 2), 4.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color="0.8", linewidth=1)
    turns = [point.turn for point in points]
    for name, colour, values in (
        ("valence", "#c2452d", [point.valence for point in points]),
        ("arousal", "#2c7fb8", [point.arousal for point in points]),
    ):
        heights = [math.nan if value is None else value for value in values]
        axes.plot(turns, heights, color=colour, label=name, linewidth=1.6)
        axes.scatter(turns, heights, s=42, c=[to_rgba(colour, 0.25 + 0.75 * point.confidence) for point in points])
    for point in points:
        axes.annotate(point.label, (point.turn, -1.0), rotation=60, fontsize=8, ha="center", va="bottom", color="0.35")
    axes.set_ylim(-1.05, 1.05)
    axes.set_xticks(turns)
    axes.set_xlabel("turn of the caller")
    axes.set_title(title, fontsize=10)
    axes.legend(loc="upper right", frameon=False)
    figure.savefig(path)
