"""The words for a call's life: what it is called, how it starts, how it ends."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CallStatus(StrEnum):
    """Where a call is in its life."""

    LIVE = "live"
    ENDED = "ended"


class Outcome(StrEnum):
    """What became of a call; exactly one per ended call."""

    RESOLVED = "resolved"
    HANDED_OFF = "handed_off"
    ABANDONED = "abandoned"
    FAILED = "failed"
    REFUSED = "refused"


class Party(StrEnum):
    """Who speaks in a turn."""

    CALLER = "caller"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call begins.

    Attributes:
        call_id: our id, from `new_call_id`.
        tenant_id: whose call it is.
        agent_version_id: the agent version that this call is pinned to.
        carrier: 'twilio' or 'webrtc'.
        carrier_call_id: the carrier's own id.
        from_number: E.164, or '' where withheld or a web call.
        to_number: the number that was called.
        started_at: wall clock, aware.
    """

    call_id: str
    tenant_id: str
    agent_version_id: str
    carrier: str
    carrier_call_id: str
    from_number: str
    to_number: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over.

    Attributes:
        at_s: seconds since the call began.
        outcome: what became of it.
        reason: in a few words; 'interrupted' where the process died and the record was closed at its next start.
        ended_at: wall clock, aware.
    """

    at_s: float
    outcome: Outcome
    reason: str
    ended_at: datetime


LIFE = 1_000_000
"""The story of a call's n-th life is numbered from n * LIFE + 1, so that two processes never number the same event."""


@dataclass(frozen=True, slots=True)
class CallResumed:
    """A call goes on after its line or its process was lost: the beginning of another life of it.

    Attributes:
        at_s: seconds since the call began.
        life: which life begins, from 1.
        start: how the call began, whole: the record of the life before may come later than this one's.
        resumed_at: wall clock, aware.
    """

    at_s: float
    life: int
    start: CallStart
    resumed_at: datetime


def new_id() -> str:
    """A new id whose text sorts by the quarter of a microsecond it was made in.

    Layout of UUID version 7 with the fraction of the millisecond in its first 12 random bits (RFC 9562, sections 5.7
    and 6.2, method 3).
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | random))


def new_call_id() -> str:
    """A new call id; later calls sort after earlier ones."""
    return new_id()
