"""Writes a call without the journal, for tests of what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pipelines.events import Event
from service.calls.story import from_payload, to_payload
from service.domain.calls import CallEnded, CallStart, Outcome
from service.store.calls import CallRepository, Entry, Happening
from tests.service.story import whole_call


def entries(start: CallStart, events: Sequence[Event] = (), outcome: Outcome | None = None) -> list[Entry]:
    """The story of a call as the journal would number it."""
    story: list[Happening] = [start, *(events or whole_call())]
    if outcome is not None:
        story.append(CallEnded(30.0, outcome, "caller hung up", datetime.now(UTC)))
    return [Entry(seq, from_payload(to_payload(each)), to_payload(each)) for seq, each in enumerate(story, 1)]


async def write(repository: CallRepository, start: CallStart, outcome: Outcome | None = None) -> None:
    """Write a whole call."""
    await repository.apply(start.call_id, entries(start, outcome=outcome))
