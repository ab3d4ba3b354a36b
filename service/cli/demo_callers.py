"""Synthetic callers of the example agent, one per mood: what they say and how their voice is styled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipelines.empathy.tone import Style


class Mood(StrEnum):
    """How a synthetic caller feels."""

    ANGRY = "angry"
    HAPPY = "happy"
    SAD = "sad"
    ANXIOUS = "anxious"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class DemoCaller:
    """A synthetic caller.

    Attributes:
        style: of the voice throughout the call.
        lines: one per turn.
    """

    style: Style
    lines: tuple[str, ...]


CALLERS: dict[Mood, DemoCaller] = {
    Mood.ANGRY: DemoCaller(
        Style(rate=1.14, pitch_st=2.5, range=1.7, volume_db=5.0, pause=0.3),
        (
            "My internet is down again, for the third time this month, and I am absolutely fed up with it!",
            "The engineer never turned up! I took a day off work for nothing. This is ridiculous!",
            "So what do I get for it? I want compensation for all these days without internet.",
            "That is not good enough. I am furious, nobody ever calls me back!",
        ),
    ),
    Mood.HAPPY: DemoCaller(
        Style(rate=1.06, pitch_st=2.0, range=1.5, volume_db=1.0, pause=0.35),
        (
            "Hello! The internet works perfectly since your engineer was here, thank you so much, that was brilliant.",
            "I would love to get a smart meter now. How does that work?",
            "That is wonderful, thank you! And when are you open on Saturday?",
            "Great, you have been really helpful. I am very happy with you.",
        ),
    ),
    Mood.SAD: DemoCaller(
        Style(rate=0.84, pitch_st=-2.5, range=0.55, volume_db=-4.0, pause=0.4, breath_db=4.0),
        (
            "Hello. My mother has died, and I need to close her account.",
            "It has been a very sad time. I do not really know where to begin.",
            "And there is a bill of hers that I can't afford right now.",
            "Thank you. It is all a bit much at the moment.",
        ),
    ),
    Mood.ANXIOUS: DemoCaller(
        Style(rate=1.16, pitch_st=1.5, range=0.95, volume_db=-1.0, pause=0.3, breath_db=2.0),
        (
            "Hello, I am really worried, I got a letter about a price increase and I don't know if I can pay that.",
            "I am so nervous about this. What happens when my contract ends?",
            "I can't pay this month, I am scared that you will cut me off.",
            "Are you sure? I am still worried about it.",
        ),
    ),
    Mood.NEUTRAL: DemoCaller(
        Style(),
        (
            "Hello, I want to give a meter reading.",
            "All right. And can I change my direct debit date?",
            "We are moving home next month. What do I need to do?",
            "Okay. What are your opening hours?",
        ),
    ),
}
