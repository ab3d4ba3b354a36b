"""What other people's servers may be told, and how often it is tried. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """Something that a webhook may ask to be told."""

    CALL_STARTED = "call.started"
    CALL_ENDED = "call.ended"
    CALL_ESCALATED = "call.escalated"
    ANALYSIS_STOPPED = "call.analysis_stopped"


class DeliveryState(StrEnum):
    """Where a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


PAUSES: Final = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3_600, 6 * 3_600, 12 * 3_600))
"""After each failed attempt; after the last one the delivery is dead until somebody sends it again."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that wants to be told, without its secret."""

    tenant_id: str
    webhook_id: str
    url: str
    kinds: frozenset[Kind]
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to be told to one address.

    Attributes:
        body: what is sent, as JSON.
        attempts: how often it was tried.
        last_error: why the last attempt failed.
    """

    tenant_id: str
    delivery_id: str
    webhook_id: str
    kind: str
    body: dict[str, Any]
    state: DeliveryState
    attempts: int
    due_at: datetime
    created_at: datetime
    delivered_at: datetime | None
    last_error: str | None


def due_again(attempts: int, now: datetime) -> datetime | None:
    """When a delivery is due after so many failed attempts; None for never."""
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None
