"""Pictures of results as PNG. Each function draws one file and leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS: Final = ("#2c7fb8", "#c2452d", "#4d9a4d", "#8a5fa8", "#c98a1b", "#5f6b76", "#2aa198", "#b0487f")
_GREY: Final = "0.55"
_READABLE: Final = 22
"""Turns whose labels can be read side by side."""

Curve = Sequence[tuple[float, float]]
"""Points (x, y)."""


def _axes(title: str, width: float = 5.6, height: float = 4.4) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def confusion(file: Path, title: str, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
    """True class by said class, as shares of the true class; classes that nobody acted or said are left out."""
    table = np.array(counts, np.float64)
    kept = np.flatnonzero(table.sum(axis=0) + table.sum(axis=1)).tolist()
    names, table = [classes[place] for place in kept], table[np.ix_(kept, kept)]
    seen = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, seen, out=np.zeros(table.shape), where=seen > 0)
    size = 1.9 + 0.62 * len(names)
    figure, axes = _axes(title, size + 0.6, size)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(
        range(len(names)), [f"{name} ({int(count)})" for name, count in zip(names, seen.ravel(), strict=True)]
    )
    axes.set_xlabel("said", fontsize=9)
    axes.set_ylabel("true (turns)", fontsize=9)
    for row, column in np.ndindex(shares.shape):
        if (share := shares[row, column]) >= 0.005:
            colour = "white" if share > 0.55 else "0.2"
            axes.text(
                column, row, f"{share:.2f}"[1 if share < 1 else 0 :], ha="center", va="center", color=colour, fontsize=8
            )
    figure.savefig(file)


def reliability(file: Path, title: str, bins: Sequence[tuple[float, float, int]]) -> None:
    """How often an estimate is right that says how sure it is; the size of a point is the number of turns."""
    figure, axes = _axes(title)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="perfectly calibrated")
    sure, right, counts = (np.array(column, np.float64) for column in zip(*bins, strict=True))
    axes.plot(sure, right, color=COLOURS[0], linewidth=1.2)
    axes.scatter(sure, right, s=18 + 500 * counts / counts.sum(), color=COLOURS[0], alpha=0.75, label="turns in a bin")
    for x, y, count in bins:
        axes.annotate(str(count), (x, y), xytext=(6, -10), textcoords="offset points", fontsize=7, color="0.35")
    _square(axes, "confidence", "share that is right")
    axes.legend(loc="upper left", frameon=False, fontsize=8, markerscale=0.5)
    figure.savefig(file)


def coverage(file: Path, title: str, curves: Mapping[str, Curve]) -> None:
    """Accuracy on what is answered when the least sure turns are *unsure*."""
    figure, axes = _axes(title)
    axes.axvline(0.8, color="0.85", linewidth=1)
    _draw(axes, curves)
    axes.set_xlim(0, 1.02)
    low = min(y for curve in curves.values() for _, y in curve)
    axes.set_ylim(max(0.0, math.floor(low * 20 - 1) / 20), 1.005)
    axes.set_xlabel("share of turns that is answered", fontsize=9)
    axes.set_ylabel("accuracy on them", fontsize=9)
    axes.legend(loc="lower left", frameon=False, fontsize=8)
    figure.savefig(file)


def precision_recall(file: Path, title: str, curves: Mapping[str, Curve], chance: float | None = None) -> None:
    """Precision over recall; `chance` is the precision of alarming at everything."""
    figure, axes = _axes(title)
    if chance is not None:
        axes.axhline(chance, color=_GREY, linewidth=1, linestyle="--", label=f"alarming at everything ({chance:.2f})")
    _draw(axes, curves, steps=True)
    _square(axes, "recall: share of what needs attention", "precision: share of alarms that are right")
    axes.legend(loc="lower left", frameon=False, fontsize=8)
    figure.savefig(file)


def learning(file: Path, title: str, curves: Mapping[str, Sequence[tuple[int, Sequence[float]]]], label: str) -> None:
    """A figure over the number of speakers: every head as a point, their mean as a line."""
    figure, axes = _axes(title)
    sizes: set[int] = set()
    for (name, points), colour in zip(curves.items(), COLOURS, strict=False):
        held = [(size, found) for size, found in points if found]
        sizes |= {size for size, _ in held}
        means = [sum(found) / len(found) for _, found in held]
        axes.plot([size for size, _ in held], means, color=colour, linewidth=1.6, marker="o", markersize=4, label=name)
        spread = [(size, one) for size, found in held for one in found]
        axes.scatter([x for x, _ in spread], [y for _, y in spread], s=14, color=colour, alpha=0.35, linewidths=0)
    axes.set_xticks(sorted(sizes))
    axes.set_xlabel("acting speakers in the training", fontsize=9)
    axes.set_ylabel(label, fontsize=9)
    axes.grid(axis="y", color="0.92")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    figure.savefig(file)


def bars(file: Path, title: str, groups: Mapping[str, tuple[float, float, float]], label: str) -> None:
    """A figure with its interval per line or group."""
    figure, axes = _axes(title, 5.6, 1.2 + 0.34 * len(groups))
    names = list(groups)
    values = np.array([groups[name] for name in names])
    rows = range(len(names))
    reach = np.abs(values[:, 1:].T - values[:, 0])
    axes.barh(rows, values[:, 0], color=COLOURS[0], alpha=0.8, height=0.66)
    axes.errorbar(values[:, 0], rows, xerr=reach, fmt="none", ecolor="0.25", elinewidth=1, capsize=2)
    for row, (value, low, _) in zip(rows, values, strict=True):
        axes.text(0.01, row, f"{value:.3f}", va="center", color="white", fontsize=8) if low > 0.1 else None
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(label, fontsize=9)
    figure.savefig(file)


def trajectory(
    file: Path,
    title: str,
    valence: Sequence[float],
    arousal: Sequence[float],
    *,
    labels: Sequence[str],
    truth: Sequence[str] = (),
    attention: Sequence[float] = (),
) -> None:
    """A call turn by turn: valence and arousal, what was said of each turn, what it was, and the need for attention."""
    figure, axes = _axes(title, min(14.0, max(6.4, 0.62 * len(valence) + 2.2)), 4.4)
    small = 8 if len(valence) <= _READABLE else 6
    turns = range(1, len(valence) + 1)
    axes.axhline(0, color="0.85", linewidth=1)
    if attention:
        axes.fill_between(turns, -1, [2 * one - 1 for one in attention], color=COLOURS[4], alpha=0.18, linewidth=0)
    axes.plot(turns, valence, color=COLOURS[1], marker="o", markersize=4, linewidth=1.6, label="valence")
    axes.plot(turns, arousal, color=COLOURS[0], marker="o", markersize=4, linewidth=1.6, label="arousal")
    if attention:
        named = "needs attention: 0 at the bottom, 1 at the top"
        axes.plot([], [], color=COLOURS[4], alpha=0.4, linewidth=7, label=named)
    for turn, label in zip(turns, labels, strict=True):
        axes.text(turn, -1.08, label, rotation=40, ha="right", va="top", rotation_mode="anchor", fontsize=small)
    for turn, acted in zip(turns, truth, strict=False):
        axes.text(
            turn, 1.06, acted, rotation=40, ha="left", va="bottom", rotation_mode="anchor", fontsize=small, color=_GREY
        )
    axes.set_title(title, fontsize=10, loc="left", pad=52 if truth else 6)
    axes.set_xlim(0.5, len(valence) + 0.5)
    axes.set_ylim(-1.02, 1.02)
    axes.set_xticks([])
    axes.set_xlabel(
        "turns of the call: estimate below, truth above" if truth else "turns of the call", labelpad=46, fontsize=9
    )
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(file)


def _draw(axes: Axes, curves: Mapping[str, Curve], *, steps: bool = False) -> None:
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        style = "steps-post" if steps else "default"
        axes.plot(
            [x for x, _ in curve], [y for _, y in curve], color=colour, linewidth=1.6, drawstyle=style, label=name
        )


def _square(axes: Axes, across: str, up: str) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
