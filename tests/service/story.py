"""A short call, as the conversation would tell it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.emotion.estimate import LABELS, UNKNOWN, Emotion, Label, Reading
from pipelines.empathy.tone import Strategy, Tone, ToneName
from pipelines.events import (
    AgentSays,
    AgentSpoke,
    AnalysisStopped,
    CallerSilent,
    CallerSpoke,
    DisclosureHeard,
    EmotionEstimated,
    Escalated,
    Event,
    FarewellSaid,
    FellBack,
    ListeningChanged,
    Stage,
    ToneChosen,
    ToolUsed,
    TurnTimed,
)
from pipelines.plan import Agent, AnalysisStop, Fact
from service.domain.calls import CallStart, new_call_id

NUMBER = "+15550100"
AGENT = Agent(
    name="Robin",
    company="Example Energy",
    greeting="Hello.",
    disclosure="I am an AI.",
    facts=(Fact(id="hours", topic="opening hours", text="We are open from eight to eight."),),
)


@dataclass(frozen=True)
class Known:
    """Ids that a call needs."""

    tenant_id: str
    agent_version_id: str

    def call(self, carrier_call_id: str = "CA1") -> CallStart:
        """A call that begins."""
        return CallStart(
            call_id=new_call_id(),
            tenant_id=self.tenant_id,
            agent_version_id=self.agent_version_id,
            carrier="twilio",
            carrier_call_id=carrier_call_id,
            from_number="+15550123",
            to_number=NUMBER,
            started_at=datetime.now(UTC),
        )


def reading(valence: float, label: Label = Label.ANGRY) -> Reading:
    """A reading that is rather sure of a label."""
    rest = 0.3 / (len(LABELS) - 1)
    return Reading(valence, 0.4, {each: 0.7 if each is label else rest for each in LABELS}, 0.7, "test-1")


ANGRY = Emotion(Label.ANGRY, -0.6, 0.5, 0.7, reading(-0.5), reading(-0.7), 0.1)
APOLOGY = Tone(Strategy.APOLOGISE, ToneName.APOLOGETIC, ("at-fault", "angry"))


def turn(index: int, at_s: float) -> list[Event]:
    """One turn of the caller and its answer; seven events in two seconds."""
    return [
        CallerSpoke(at_s, index, f"this is turn {index}", at_s - 1.5, at_s - 0.4, 0.9),
        EmotionEstimated(at_s + 0.1, index, ANGRY),
        ToneChosen(at_s + 0.1, index, APOLOGY),
        AgentSays(at_s + 0.5, index, "I am sorry."),
        TurnTimed(at_s + 0.6, index, 1.0, {Stage.ENDPOINTING: 0.4, Stage.RECOGNITION: 0.2, Stage.SPEECH: 0.4}),
        AgentSpoke(at_s + 2.0, index, "I am sorry. We are on it.", "I am sorry.", True, "llm"),
    ]


def whole_call() -> list[Event]:
    """A call in which every kind of event happens at least once."""
    return [
        DisclosureHeard(2.0, "I am an AI."),
        AgentSpoke(3.0, 0, "Hello.", "Hello.", False, "notice"),
        *turn(1, 6.0),
        *turn(2, 12.0),
        AgentSpoke(25.0, 2, "Are you still there?", "Are you still there?", False, "notice"),
        CallerSilent(25.0, 12.0),
        ListeningChanged(30.2, False, "hold_music"),
        FellBack(26.0, 3, "llm", "deadline"),
        ToolUsed(26.0, 3, "postcode", True),
        EmotionEstimated(26.5, 3, UNKNOWN),
        Escalated(27.0, 3, "asked for a human", (1, 2)),
        AnalysisStopped(28.0, AnalysisStop.OPTED_OUT),
        FarewellSaid(29.0, 3),
    ]


async def until(true: Callable[[], bool | Awaitable[bool]], within_s: float = 20.0) -> None:
    """Wait until something outside this process is true."""
    async with asyncio.timeout(within_s):
        for pause_s in itertools.repeat(0.02):
            answer = true()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(pause_s)
