"""Scenes of a call on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.cli.timeline import Point, Timeline, differences, plot
from service.cli.trajectory_picture import draw

STORY: list[dict[str, Any]] = [
    {"seq": 1, "kind": "CallStarted", "at_s": 0.0},
    {"seq": 2, "kind": "DisclosureHeard", "at_s": 5.0, "text": "Hello"},
    {"seq": 3, "kind": "CallerSpoke", "at_s": 8.0, "turn": 1, "text": "It is down again!", "confidence": 0.9},
    {
        "seq": 4,
        "kind": "EmotionEstimated",
        "at_s": 8.1,
        "turn": 1,
        "emotion": {"label": "angry", "valence": -0.6, "arousal": 0.7, "confidence": 0.72},
    },
    {
        "seq": 5,
        "kind": "ToneChosen",
        "at_s": 8.2,
        "turn": 1,
        "tone": {"strategy": "apologise", "name": "calm", "rules": ["R3"]},
    },
    {
        "seq": 6,
        "kind": "TurnTimed",
        "at_s": 8.9,
        "turn": 1,
        "total_s": 0.9,
        "stages": {"speech": 0.4, "endpointing": 0.5, "policy": 0.0},
    },
    {"seq": 7, "kind": "AgentSays", "at_s": 9.0, "turn": 1, "text": "I am sorry."},
    {
        "seq": 8,
        "kind": "AgentSpoke",
        "at_s": 11.0,
        "turn": 1,
        "planned": "I am sorry. Let us restart it.",
        "heard": "I am sorry.",
        "interrupted": True,
        "source": "template",
    },
    {"seq": 9, "kind": "SomethingNew", "at_s": 12.0},
    {"seq": 10, "kind": "CallEnded", "at_s": 20.0, "outcome": "resolved", "reason": "the caller hung up"},
]


def test_the_story_as_lines() -> None:
    """Words, emotion with a bar, strategy and tone, stages in order, and the end; unknown events pass silently."""
    timeline = Timeline()
    lines = [line.plain for event in STORY for line in timeline.take(event)]
    assert [line.split(None, 1)[0] for line in lines if not line.strip()[0].isdigit()] == [
        *("notice", "caller", "emotion", "tone", "answer", "agent"),
    ]
    emotion = next(line for line in lines if "emotion " in line and "angry" in line)
    assert "███████░░░  72%" in emotion
    assert "valence -0.60   arousal +0.70" in emotion
    assert any("apologise · calm   (R3)" in line for line in lines)
    assert any("900 ms = endpointing 500 + speech 400" in line for line in lines)
    assert timeline.ended == "resolved: the caller hung up"
    assert timeline.tones == [(1, "apologise", "calm")]


def test_what_was_not_heard_is_struck_through() -> None:
    """Only the end of the interrupted reply."""
    (line,) = Timeline().take(STORY[7])
    struck = [line.plain[span.start : span.end] for span in line.spans if "strike" in str(span.style)]
    assert struck == ["Let us restart it."]


def test_an_unknown_emotion_has_no_numbers() -> None:
    """Nothing is shown as zero."""
    emotion = {"label": "unknown", "valence": None, "arousal": None, "confidence": 0.0}
    event = {"kind": "EmotionEstimated", "turn": 2, "emotion": emotion}
    (line,) = Timeline().take(event)
    assert "unknown" in line.plain
    assert "valence" not in line.plain


def test_differences_from_the_record_are_named() -> None:
    """Equal, another value, missing on either side."""
    one, two = Point(1, "angry", -0.6, 0.7, 0.72), Point(2, "unknown", None, None, 0.0)
    assert differences([one, two], [two, one]) == []
    assert differences([one], [Point(1, "angry", -0.6, 0.7, 0.72 + 1e-9)]) == []
    assert len(differences([one], [Point(1, "angry", -0.5, 0.7, 0.72)])) == 1
    assert len(differences([two], [Point(2, "unknown", 0.0, None, 0.0)])) == 1
    assert differences([one], []) == ["turn 1: shown but not on record"]
    assert differences([], [one]) == ["turn 1: on record but not shown"]


def test_the_plot_has_its_points_where_they_belong() -> None:
    """Valence at the bottom, arousal on top; both in one place; nothing for an unknown."""
    rows = [line.plain for line in plot([Point(1, "angry", -1.0, 1.0, 0.9), Point(2, "sad", 0.0, 0.0, 0.5)])]
    assert "○" in rows[0]
    assert "◉" in rows[4]
    assert "●" in rows[8]
    assert "1   2" in rows[9]
    assert "●" not in "".join(line.plain for line in plot([Point(1, "unknown", None, None, 0.0)])[:9])


@pytest.mark.parametrize("turns", [1, 30])
def test_the_picture_is_a_png(tmp_path: Path, turns: int) -> None:
    """With a gap where an estimate is unknown."""
    points = [Point(turn, "angry", -0.5, 0.5, 0.8) for turn in range(1, turns + 1)]
    draw(tmp_path / "call.png", [*points, Point(turns + 1, "unknown", None, None, 0.0)], "a call")
    assert (tmp_path / "call.png").read_bytes().startswith(b"\x89PNG")
