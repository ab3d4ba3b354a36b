"""A call's events as lines on a terminal, and its trajectory as a picture. Pure: events in, text out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

Json = Mapping[str, Any]

_BAR = 10
_FACES = {
    "neutral": "white",
    "satisfied": "green",
    "confused": "yellow",
    "frustrated": "dark_orange",
    "angry": "red",
    "anxious": "magenta",
    "sad": "blue",
    "unsure": "bright_black",
    "unknown": "bright_black",
}
_STAGES = {
    "endpointing": "endpointing",
    "recognition": "recognition",
    "emotion": "emotion",
    "policy": "policy",
    "llm_first_token": "first token",
    "first_sentence": "first sentence",
    "speech": "speech",
    "transport": "transport",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One estimate of a trajectory; valence and arousal are None where nothing could be read."""

    turn: int
    label: str
    valence: float | None
    arousal: float | None
    confidence: float

    @classmethod
    def of(cls, row: Json) -> Point:
        """From an event's emotion or a row of the record."""
        return cls(row["turn"], row["label"], row["valence"], row["arousal"], row["confidence"])


@dataclass(slots=True)
class Timeline:
    """What was shown so far: the trajectory, the tones, the outcome.

    Attributes:
        points: the newest estimate of each turn, by turn.
        tones: (turn, strategy, tone name) as chosen.
        heard: words of the agent that reached the ear, by the turn they answer.
        ended: 'outcome: reason' of the final event; '' while the call runs.
    """

    points: dict[int, Point] = field(default_factory=dict)
    tones: list[tuple[int, str, str]] = field(default_factory=list)
    heard: dict[int, str] = field(default_factory=dict)
    ended: str = ""

    @property
    def trajectory(self) -> list[Point]:
        """The points in the order of the turns."""
        return [self.points[turn] for turn in sorted(self.points)]

    def take(self, event: Json) -> list[Text]:
        """Take one event; the lines that show it."""
        match event:
            case {"kind": "CallerSpoke", "at_s": at_s, "turn": turn, "text": text}:
                return [_line(f"{at_s:6.1f} s", f"turn {turn}", ""), _line("", "caller", str(text), "bold")]
            case {"kind": "EmotionEstimated", "turn": turn, "emotion": emotion}:
                point = self.points[turn] = Point.of({**emotion, "turn": turn})
                return [emotion_line(point)]
            case {"kind": "ToneChosen", "turn": turn, "tone": tone}:
                self.tones.append((turn, tone["strategy"], tone["name"]))
                why = ", ".join(tone.get("rules", ()))
                return [
                    _line("", "tone", f"{tone['strategy']} · {tone['name']}" + (f"   ({why})" if why else ""), "cyan")
                ]
            case {"kind": "AgentSpoke", "turn": turn, "planned": planned, "heard": heard}:
                self.heard[turn] = heard
                return [reply_line(planned, heard, interrupted=bool(event.get("interrupted")))]
            case {"kind": "TurnTimed", "total_s": total_s, "stages": stages}:
                return [timing_line(total_s, stages)]
            case {"kind": "CallEnded", "outcome": outcome, "reason": reason}:
                self.ended = f"{outcome}: {reason}"
                return [_line(f"{event.get('at_s', 0.0):6.1f} s", "ended", self.ended, "bold")]
            case {"kind": "DisclosureHeard"}:
                return [_line("", "notice", "the disclosure was heard; emotion is estimated from here", "bright_black")]
            case {"kind": "FellBack", "stage": stage, "reason": reason}:
                return [_line("", "fallback", f"{stage}: {reason}", "yellow")]
            case {"kind": "Escalated", "reason": reason}:
                return [_line("", "human", f"a human is needed: {reason}", "bold yellow")]
            case {"kind": "AnalysisStopped", "reason": reason}:
                return [_line("", "notice", f"emotion analysis stopped: {reason}", "bold yellow")]
            case {"kind": "ToolUsed", "name": name, "found": found}:
                return [_line("", "tool", f"{name}: {'found' if found else 'not found'}", "bright_black")]
            case {"kind": "CallerSilent", "seconds": seconds}:
                return [_line("", "notice", f"nothing was said for {seconds:.0f} s", "bright_black")]
            case _:
                return []


def emotion_line(point: Point) -> Text:
    """Label, a bar of confidence, valence and arousal."""
    filled = round(point.confidence * _BAR)
    bar = "█" * filled + "░" * (_BAR - filled)
    line = _line("", "emotion", f"{point.label:<11}", _FACES.get(point.label, "white"))
    line.append(f"{bar} {point.confidence:4.0%}", style="bright_black")
    if point.valence is not None and point.arousal is not None:
        line.append(f"   valence {point.valence:+.2f}   arousal {point.arousal:+.2f}", style="bright_black")
    return line


def reply_line(planned: str, heard: str, *, interrupted: bool) -> Text:
    """The reply; what did not reach the ear is struck through."""
    line = _line("", "agent", heard, "green")
    missed = planned[len(heard) :].strip() if planned.startswith(heard) else planned
    if interrupted and missed:
        line.append(" " if heard else "")
        line.append(missed, style="strike bright_black")
        line.append("  (interrupted)", style="yellow")
    return line


def timing_line(total_s: float, stages: Mapping[str, float]) -> Text:
    """Milliseconds of the turn by stage, in the order of the conversation."""
    parts = [f"{name} {stages[key] * 1000:.0f}" for key, name in _STAGES.items() if stages.get(key, 0.0) >= 0.0005]
    return _line("", "answer in", f"{total_s * 1000:.0f} ms = {' + '.join(parts)}", "bright_black")


def differences(shown: Sequence[Point], recorded: Sequence[Point], tolerance: float = 1e-6) -> list[str]:
    """Where the trajectory that was shown is not the one on record; empty where they are equal."""
    found = []
    by_turn = {point.turn: point for point in recorded}
    for point in shown:
        other = by_turn.pop(point.turn, None)
        if other is None:
            found.append(f"turn {point.turn}: shown but not on record")
        elif point.label != other.label or any(
            not _close(one, two, tolerance)
            for one, two in (
                (point.valence, other.valence),
                (point.arousal, other.arousal),
                (point.confidence, other.confidence),
            )
        ):
            found.append(f"turn {point.turn}: shown {point}, on record {other}")
    return found + [f"turn {turn}: on record but not shown" for turn in by_turn]


def plot(points: Sequence[Point], height: int = 9) -> list[Text]:
    """The trajectory on a terminal: valence and arousal from +1 (top) to -1 by turn."""
    lines = []
    for row in range(height):
        value = 1 - 2 * row / (height - 1)
        line = Text(f"{value:+5.2f} ┤ " if row % 2 == 0 else "      │ ", style="bright_black")
        for point in points:
            line.append(*_cell(point, row, height))
        lines.append(line)
    turns = "".join(f"{point.turn:^4}" for point in points)
    legend = Text("        ", style="bright_black")
    legend.append("●", style="red").append(" valence  ", style="bright_black")
    legend.append("○", style="cyan").append(" arousal", style="bright_black")
    return [*lines, Text(f"  turn  {turns}", style="bright_black"), legend]


def _cell(point: Point, row: int, height: int) -> tuple[str, str]:
    def at(value: float | None) -> bool:
        return value is not None and round((1 - max(-1.0, min(1.0, value))) / 2 * (height - 1)) == row

    zero = row == (height - 1) // 2
    match at(point.valence), at(point.arousal):
        case True, True:
            return " ◉  ", "bold magenta"
        case True, False:
            return " ●  ", "red"
        case False, True:
            return " ○  ", "cyan"
        case _:
            return ("┈┈┈┈" if zero else "    "), "bright_black"


def _close(one: float | None, two: float | None, tolerance: float) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, abs_tol=tolerance)


def _line(at: str, what: str, text: str, style: str = "") -> Text:
    line = Text(f"{at:>8}  ", style="bright_black")
    line.append(f"{what:<10}", style="bright_black")
    line.append(text, style=style)
    return line
