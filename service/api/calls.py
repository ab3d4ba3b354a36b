"""Calls: the list, one call's record, and its story as it happens."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from service.api.access import Access
from service.calls.live_board import LiveBoard, Told
from service.domain.access import Field as Personal
from service.domain.access import Principal
from service.domain.record import CallRecord, CallSummary
from service.store.calls import CallRepository
from service.store.database import DatabaseAway

HEARTBEAT_S = 10.0
ELSEWHERE_S = 1.0
"""How often the database is asked for news of a call that another process holds."""
AGAIN_S = 1.0
"""Whoever follows a call is asked again for their role at most this long after the last answer."""


class CallOut(BaseModel):
    """A call."""

    id: str
    status: str
    agent: str
    agent_version: int
    carrier: str
    carrier_call_id: str
    from_number: str = Field(serialization_alias="from")
    to_number: str = Field(serialization_alias="to")
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


class ToneOut(BaseModel):
    """How a turn was answered."""

    strategy: str
    name: str
    style: Mapping[str, float]
    rules: tuple[str, ...]


class TurnOut(BaseModel):
    """One turn of one party; times are seconds since the call was answered."""

    turn: int
    party: str
    text: str
    planned: str | None
    interrupted: bool
    source: str | None
    confidence: float | None
    started_s: float | None
    ended_s: float | None
    total_s: float | None
    stages: Mapping[str, float]
    tone: ToneOut | None


class EmotionOut(BaseModel):
    """One point of the trajectory."""

    turn: int
    at_s: float
    label: str
    valence: float | None
    arousal: float | None
    confidence: float
    disagreement: float
    voice: Mapping[str, Any] | None
    words: Mapping[str, Any] | None
    model: str


class RecordOut(CallOut):
    """A call with its turns and its trajectory."""

    turns: list[TurnOut]
    trajectory: list[EmotionOut]


class PageOut(BaseModel):
    """Calls, newest first; `cursor` continues the list, null at its end."""

    calls: list[CallOut]
    cursor: str | None


def calls_router(
    repository_of: Callable[[str], CallRepository],
    board: LiveBoard,
    access: Access,
    pseudonym: Callable[[str, str], str],
    *,
    heartbeat_s: float = HEARTBEAT_S,
) -> APIRouter:
    """The doors to calls.

    Args:
        repository_of: the calls of a tenant.
        board: the live calls of this process.
        access: says who asks and whose calls they may see.
        pseudonym: tenant and telephone number to the name that is shown instead.
        heartbeat_s: a comment is sent after each such silence, so that nobody between us closes the line.
    """
    router = APIRouter(prefix="/v1/calls", tags=["calls"])

    def seen(call: CallSummary, asks: Principal) -> CallSummary:
        if asks.sees(Personal.NUMBERS):
            return call
        return replace(call, from_number=pseudonym(asks.tenant_id, call.from_number))

    @router.get("")
    async def find_calls(
        asks: Annotated[Principal, Depends(access)],
        carrier_call_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: str | None = None,
    ) -> PageOut:
        """Calls, newest first."""
        page = await repository_of(asks.tenant_id).find(carrier_call_id=carrier_call_id, limit=limit, cursor=cursor)
        return PageOut(
            calls=[CallOut.model_validate(_call(seen(call, asks))) for call in page.calls], cursor=page.cursor
        )

    @router.get("/{call_id}")
    async def get_call(asks: Annotated[Principal, Depends(access)], call_id: str) -> RecordOut:
        """One call with its turns and its trajectory."""
        record = await repository_of(asks.tenant_id).get(call_id)
        if record is None:
            raise HTTPException(404, "there is no such call")
        return RecordOut.model_validate(_record(replace(record, call=seen(record.call, asks))))

    @router.get("/{call_id}/events", response_class=StreamingResponse)
    async def follow_call(
        request: Request,
        asks: Annotated[Principal, Depends(access)],
        call_id: str,
        after: Annotated[int, Query(ge=0)] = 0,
    ) -> StreamingResponse:
        """The story of a call as server-sent events, from after a position to its end (kind 'CallEnded')."""
        repository = repository_of(asks.tenant_id)
        if board.holds(asks.tenant_id, call_id):
            story = board.follow(asks.tenant_id, call_id, after, idle_s=heartbeat_s)
        elif await repository.get(call_id) is not None:
            story = _from_database(repository, call_id, after, heartbeat_s)
        else:
            raise HTTPException(404, "there is no such call")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        story = while_allowed(story, lambda: access(request), AGAIN_S)
        if not asks.sees(Personal.NUMBERS):
            story = _without_numbers(story, partial(pseudonym, asks.tenant_id))
        return StreamingResponse(_sent(story), media_type="text/event-stream", headers=headers)

    return router


async def while_allowed(
    story: AsyncIterator[Told | None], ask: Callable[[], Awaitable[object]], again_s: float
) -> AsyncIterator[Told | None]:
    """A story for as long as whoever follows it may.

    Args:
        story: what is told.
        ask: raises HTTPException where they may no longer.
        again_s: asked again before an event where the last answer is older than this, in seconds.
    """
    asked = time.monotonic()
    async for told in story:
        if time.monotonic() - asked >= again_s:
            try:
                await ask()
            except HTTPException:
                return
            except DatabaseAway:
                pass  # nobody can say now; whoever was let in stays
            asked = time.monotonic()
        yield told


async def _without_numbers(
    story: AsyncIterator[Told | None], shown: Callable[[str], str]
) -> AsyncIterator[Told | None]:
    """A story with pseudonyms in place of telephone numbers."""
    async for told in story:
        if told is not None and "from_number" in told[1]:
            yield told[0], {**told[1], "from_number": shown(str(told[1]["from_number"]))}
        else:
            yield told


async def _sent(story: AsyncIterator[Told | None]) -> AsyncIterator[bytes]:
    """Events in the wire format of server-sent events; a comment where nothing happened for a while."""
    async for told in story:
        if told is None:
            yield b": nothing new\n\n"
            continue
        seq, payload = told
        data = json.dumps({"seq": seq, **payload}, ensure_ascii=False, separators=(",", ":"))
        yield f"id: {seq}\ndata: {data}\n\n".encode()


async def _from_database(
    repository: CallRepository, call_id: str, after: int, heartbeat_s: float
) -> AsyncIterator[Told | None]:
    """The story of a call that this process does not hold: it ended, or another process has it."""
    silent_s = 0.0
    while True:
        news = await repository.story(call_id, after)
        for seq, payload in news:
            after = seq
            yield seq, payload
            if payload.get("kind") == "CallEnded":
                return
        if news:
            silent_s = 0.0
            continue
        silent_s += ELSEWHERE_S
        if silent_s >= heartbeat_s:
            silent_s = 0.0
            yield None
        await asyncio.sleep(ELSEWHERE_S)


def _call(call: CallSummary) -> dict[str, Any]:
    fields = asdict(call)
    return {"id": fields.pop("call_id"), **fields}


def _record(record: CallRecord) -> dict[str, Any]:
    return {
        **_call(record.call),
        "turns": [asdict(turn) for turn in record.turns],
        "trajectory": [asdict(point) for point in record.trajectory],
    }
