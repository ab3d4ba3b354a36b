"""Who is talking right now: live events for whoever watches, and conversation state in Redis.

Watchers are served from this process's memory, so that they see a call even where Redis is away. Redis gets a copy from
a task of its own: the newest state of each call and the events in order. While it is away events for it are dropped and
counted; when it is back every live call's state is written again. The audio path never waits for any of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pipelines.events import Event
from service.calls.story import to_payload
from service.domain.calls import LIFE, CallEnded, CallResumed, CallStart, Outcome
from service.store.calls import Happening
from service.store.conversation_state import ConversationState, StateAway, StateStore
from service.telemetry.metrics import Meters

log = logging.getLogger(__name__)

Told = tuple[int, Mapping[str, Any]]
"""(seq, payload) of one event."""

EVENTS_PER_CALL = 5_000
"""Events of one call kept for watchers who come late; beyond, the oldest go (the database has them)."""
ENDED_KEPT = 64
"""So many ended calls stay on the board, until the record has surely reached the database."""
MIRROR_EVERY_S = 0.1
"""Shortest time between two writes to Redis."""
TRY_AGAIN_S = 0.5
"""How long a Redis that was away is left alone."""


class BoardedCall:
    """One call on the board."""

    def __init__(self, board: LiveBoard, first: CallStart | CallResumed, before: ConversationState | None) -> None:
        start, life, at_s = (first.start, first.life, first.at_s) if isinstance(first, CallResumed) else (first, 0, 0.0)
        self.state = before or ConversationState.of(start)
        self._board = board
        self._began_s = time.monotonic() - at_s
        self._seq = life * LIFE
        self._told: deque[tuple[int, Happening]] = deque(maxlen=EVENTS_PER_CALL)
        self._news = asyncio.Event()
        self.ended = False
        self._take(first)

    def tell(self, event: Event) -> None:
        """Take one event; never blocks, never raises."""
        if not self.ended:
            self._take(event)

    async def close(self, outcome: Outcome, reason: str) -> None:
        """The call is over. Closing again does nothing."""
        if self.ended:
            return
        at_s = max(self.state.at_s, time.monotonic() - self._began_s)
        self._take(CallEnded(at_s, outcome, reason, datetime.now(UTC)))
        self.ended = True
        self._board.ended(self)

    def _take(self, happened: Happening) -> None:
        self._seq += 1
        self.state = self.state.after(self._seq, happened)
        self._told.append((self._seq, happened))
        self._board.mirror(self, self._seq, happened)
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, after_seq: int, idle_s: float) -> AsyncIterator[Told | None]:
        """Everything after a position as it happens, until the call has ended; None after each idle_s of silence."""
        while True:
            news = self._news
            for seq, happened in [told for told in self._told if told[0] > after_seq]:
                after_seq = seq
                yield seq, to_payload(happened)
            if self._seq > after_seq:
                continue
            if self.ended:
                return
            try:
                await asyncio.wait_for(news.wait(), idle_s)
            except TimeoutError:
                yield None


class LiveBoard:
    """All live calls of this process; an async context manager that lives as long as the process serves."""

    def __init__(self, redis_url: str, meters: Meters, keep_s: int = 86_400, *, waiting: int = 5_000) -> None:
        """Prepare the board.

        Args:
            redis_url: `redis://`, `rediss://` or `unix://`.
            meters: where drops are counted and Redis' health is shown.
            keep_s: how long a state is kept in Redis after its last change.
            waiting: events that may wait for Redis; beyond, the oldest are dropped and counted.
        """
        self._store = StateStore(redis_url, keep_s=keep_s)
        self._meters = meters
        self._waiting = waiting
        self._calls: dict[tuple[str, str], BoardedCall] = {}
        self._over: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._changed: dict[tuple[str, str], BoardedCall] = {}
        self._events: deque[tuple[str, str, int, Happening]] = deque()
        self._news = asyncio.Event()
        self._closing = asyncio.Event()
        self._redis_works = True
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LiveBoard:
        self._task = asyncio.create_task(self._mirror_on(), name="live-board")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, if Redis takes it at once."""
        self._closing.set()
        self._news.set()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=2.0)
            for task in late:
                task.cancel()
                await asyncio.wait(late)
        await self._store.close()

    def open_call(self, first: CallStart | CallResumed, before: ConversationState | None = None) -> BoardedCall:
        """Put a call on the board; one that goes on after a loss with where it stood before."""
        call = BoardedCall(self, first, before)
        key = (call.state.tenant_id, call.state.call_id)
        self._over.pop(key, None)
        self._calls[key] = call
        return call

    async def read_line(self, carrier: str, carrier_call_id: str) -> ConversationState | None:
        """Where Redis says that a call of a carrier stands; None where it does not know.

        Raises:
            StateAway: Redis cannot be reached.
        """
        return await self._store.read_line(carrier, carrier_call_id)

    def holds(self, tenant_id: str, call_id: str) -> bool:
        """Whether a call of this tenant can be followed here."""
        return (tenant_id, call_id) in self._calls

    async def follow(
        self, tenant_id: str, call_id: str, after_seq: int = 0, *, idle_s: float = 10.0
    ) -> AsyncIterator[Told | None]:
        """Follow a call that the board holds: (seq, payload) in order, from after a position to the call's end.

        Args:
            tenant_id: whose call it is; another tenant's call is not there.
            call_id: which call.
            after_seq: 0 for the whole story.
            idle_s: None is yielded after each such silence, so that a line can be kept open.
        """
        call = self._calls.get((tenant_id, call_id))
        if call is not None:
            async for told in call.follow(after_seq, idle_s):
                yield told

    async def check(self) -> str | None:
        """What is wrong with Redis, None for nothing: a readiness check of something that calls can do without."""
        return await self._store.check()

    def live(self, tenant_id: str) -> list[ConversationState]:
        """Where the live calls of a tenant stand: those that need attention most first, then the oldest."""
        live = [call.state for (whose, _), call in self._calls.items() if whose == tenant_id and not call.ended]
        return sorted(live, key=lambda state: -state.attention)

    def mirror(self, call: BoardedCall, seq: int, happened: Happening) -> None:
        """Note what Redis should be told."""
        key = (call.state.tenant_id, call.state.call_id)
        self._changed[key] = call
        if len(self._events) >= self._waiting:
            self._events.popleft()
            self._dropped(1)
        self._events.append((*key, seq, happened))
        self._news.set()

    def ended(self, call: BoardedCall) -> None:
        """Keep an ended call for a while."""
        self._over[call.state.tenant_id, call.state.call_id] = None
        while len(self._over) > ENDED_KEPT:
            oldest, _ = self._over.popitem(last=False)
            self._calls.pop(oldest, None)

    async def _mirror_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            works = await self._mirror_once()
            if self._closing.is_set():
                return
            if not works:
                self._news.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), MIRROR_EVERY_S if works else TRY_AGAIN_S)

    async def _mirror_once(self) -> bool:
        """Write what changed; False where Redis is away."""
        if not self._redis_works:
            self._changed.update((key, call) for key, call in self._calls.items() if not call.ended)
        changed, self._changed = self._changed, {}
        events, self._events = self._events, deque()
        try:
            await self._store.write(
                [call.state for call in changed.values()],
                [(tenant_id, call_id, seq, to_payload(what)) for tenant_id, call_id, seq, what in events],
            )
        except StateAway:
            self._redis_is(up=False)
            self._changed = {**changed, **self._changed}
            self._dropped(len(events))
            return False
        self._redis_is(up=True)
        return True

    def _redis_is(self, *, up: bool) -> None:
        if up is not self._redis_works:
            self._redis_works = up
            log.warning("Redis is back; states are written again" if up else "Redis is away; live events are dropped")
        self._meters.redis_up.set(up)

    def _dropped(self, events: int) -> None:
        if events:
            self._meters.dropped.labels("live_event").inc(events)
