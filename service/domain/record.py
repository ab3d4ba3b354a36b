"""The words for what is written down about a call, as it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.domain.calls import CallStatus, Outcome, Party

Payload = Mapping[str, Any]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class ToneRecord:
    """How one turn was answered."""

    strategy: str
    name: str
    style: Payload
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn of one party.

    Attributes:
        turn: index, from 1; 0 for what the agent says before the caller spoke.
        text: for the caller the recognised words, for the agent the part that reached the ear.
        planned: what the agent set out to say; None for the caller.
        source: what worded it: 'llm', 'template', 'tool' or 'notice'; None for the caller.
        confidence: of the recognition, 0..1; None for the agent.
        started_s: seconds since the call was answered; None where not known.
        total_s: caller's last sound -> our first sound; None for the caller and where not timed.
        stages: seconds per stage; they sum to total_s.
        tone: how it was answered; None for the caller.
    """

    turn: int
    party: Party
    text: str
    planned: str | None
    interrupted: bool
    source: str | None
    confidence: float | None
    started_s: float | None
    ended_s: float | None
    total_s: float | None
    stages: Mapping[str, float]
    tone: ToneRecord | None


@dataclass(frozen=True, slots=True)
class EmotionPoint:
    """One point of the trajectory; valence and arousal are None where nothing could be read."""

    turn: int
    at_s: float
    label: str
    valence: float | None
    arousal: float | None
    confidence: float
    disagreement: float
    voice: Payload | None
    words: Payload | None
    model: str


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A call without its turns."""

    call_id: str
    status: CallStatus
    agent: str
    agent_version: int
    carrier: str
    carrier_call_id: str
    from_number: str
    to_number: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call with its turns and its trajectory, both in the order they happened."""

    call: CallSummary
    turns: tuple[TurnRecord, ...]
    trajectory: tuple[EmotionPoint, ...]


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first, and the cursor that continues after them (None at the end)."""

    calls: tuple[CallSummary, ...]
    cursor: str | None
