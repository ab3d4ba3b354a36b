"""What `attune evaluate emotion` shows: tables on the terminal and pictures on disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

from pipelines.emotion.attention import attention
from pipelines.emotion.estimate import Emotion
from pipelines.learning import plots
from pipelines.learning.measures import Figure
from pipelines.learning.trials import LEARNED_TURNS, Alarms, Calm, Judged, Score
from service.cli.emotion_calls import ReadCall


def slug(*names: str) -> str:
    """Names as one file name."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names)


def score_table(title: str, scores: Mapping[str, Score]) -> Table:
    """A row per line; it fits 80 columns, but for a corpus with ratings."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim", padding=(0, 1, 0, 0)
    )
    rated = any(one.valence is not None for one in scores.values())
    columns = ("line", "UAR (95 %)", "F1", "ECE", "at 80 %", "turn 1", "later", "f", "m", "worst")
    for column in (*columns, *(("valence", "arousal") if rated else ())):
        table.add_column(column, no_wrap=True)
    for name, one in scores.items():
        cells = [
            name,
            f"[bold]{one.uar.value:.3f}[/bold] ({one.uar.low:.3f}-{one.uar.high:.3f})",
            *(f"{figure.value:.3f}" for figure in (one.macro_f1, one.ece, one.surest)),
            *(_plain(value) for value in (one.first_turns, one.later_turns)),
            *(_plain(one.by_sex[sex].value if sex in one.by_sex else None) for sex in ("f", "m")),
            _plain(one.by_speaker["worst"]),
        ]
        if rated:
            cells += [_plain(None if rating is None else rating.value) for rating in (one.valence, one.arousal)]
        table.add_row(*cells)
    return table


KEY: Final = (
    "F1: macro-F1. ECE: calibration error. at 80 %: accuracy when the least sure fifth is unsure. turn 1, later: UAR of"
    f" the first turns of simulated calls and after {LEARNED_TURNS}. f, m: UAR by sex. worst: UAR of the worst voice."
    " valence, arousal: concordance with listeners."
)


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def alarm_table(title: str, found: Mapping[str, Alarms]) -> Table:
    """A row per source of the estimates; over turns but for the last columns."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
    columns = ("read by", "precision", "recall", "area", "calm turns", "calm calls", "upset noticed", "at turn")
    for column in columns:
        table.add_column(column)
    for name, one in found.items():
        table.add_row(
            name,
            *(str(figure) for figure in (one.precision, one.recall)),
            f"{one.average_precision:.3f}",
            *(str(figure) for figure in (one.false, one.calm_calls, one.noticed)),
            "-" if one.turns_to_notice is None else f"{one.turns_to_notice:.0f}",
        )
    return table


def calm_table(found: Mapping[str, Calm]) -> Table:
    """A row per kind of calm speech."""
    table = Table("calm speech", "utterances", "unpleasant", "needs attention", box=None, padding=(0, 1, 0, 0))
    for name, one in found.items():
        table.add_row(name, str(one.utterances), *(_percent(share) for share in (one.unpleasant, one.needs_attention)))
    return table


def _percent(share: Figure) -> str:
    told = f"{100 * share.value:.1f} %"
    return told if share.low == share.high else f"{told} ({100 * share.low:.1f}-{100 * share.high:.1f})"


class Pictures:
    """Draws into one folder and remembers what it drew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.drawn: list[str] = []

    def _file(self, *names: str) -> Path:
        file = self._folder / f"{slug(*names)}.png"
        self.drawn.append(file.name)
        return file

    def score(self, name: str, title: str, one: Score) -> None:
        """Confusion and reliability of one trial."""
        plots.confusion(self._file("confusion", name), f"{title}\nUAR {one.uar}", one.classes, one.confusion)
        told = f"{title}\ncalibration error {one.ece}"
        plots.reliability(self._file("reliability", name), told, one.reliability)

    def coverage(self, name: str, title: str, scores: Mapping[str, Score]) -> None:
        """Accuracy over coverage, a curve per line, as many as there are colours."""
        curves = {
            line: [(share, right) for _, share, right in one.coverage]
            for line, one in list(scores.items())[: len(plots.COLOURS)]
        }
        plots.coverage(self._file("coverage", name), title, curves)

    def bars(self, name: str, title: str, figures: Mapping[str, Figure], label: str) -> None:
        """Figures with their intervals."""
        groups = {key: (one.value, one.low, one.high) for key, one in figures.items()}
        plots.bars(self._file(name), title, groups, label)

    def attention(
        self, name: str, title: str, curves: Mapping[str, Sequence[tuple[float, float, float]]], chance: float
    ) -> None:
        """Precision over recall of an alarm."""
        points = {key: [(reached, precise) for _, precise, reached in one] for key, one in curves.items()}
        plots.precision_recall(self._file("attention", name), title, points, chance)

    def learning(self, curves: Mapping[str, Sequence[tuple[int, Sequence[float]]]], title: str, label: str) -> None:
        """A figure over the number of speakers."""
        plots.learning(self._file("learning-curve"), title, curves, label)

    def trajectory(self, name: str, title: str, call: Judged, found: Sequence[Emotion]) -> None:
        """One simulated call beside its truth."""
        self._story(name, title, found, [turn.sample.emotion for turn in call.turns])

    def read_call(self, call: ReadCall) -> None:
        """One recorded call, as far as it could be read."""
        self._story(Path(call.name).stem, call.name, [one for one in call.emotions if one.is_known], ())

    def _story(self, name: str, title: str, found: Sequence[Emotion], truth: Sequence[str]) -> None:
        plots.trajectory(
            self._file("trajectory", name),
            title,
            [one.valence or 0.0 for one in found],
            [one.arousal or 0.0 for one in found],
            labels=[str(one.label) for one in found],
            truth=truth,
            attention=[score for _, score in attention(list(enumerate(found, 1)))],
        )
