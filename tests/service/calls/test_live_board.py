"""Who watches sees a call as it happens; Redis has a copy of where it stands, whenever it is there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import time
from typing import Any

from redis.asyncio import Redis

from pipelines.emotion.estimate import UNKNOWN
from pipelines.events import AnalysisStopped, CallerSpoke, DisclosureHeard, EmotionEstimated, ToolUsed
from pipelines.plan import AnalysisStop
from service.calls.live_board import ENDED_KEPT, LiveBoard, Told
from service.domain.calls import CallStatus, Outcome
from service.store.conversation_state import ConversationState, StateAway, StateStore, call_key, live_key
from service.store.valkey import EmbeddedValkey
from service.telemetry.metrics import Meters
from tests.service.story import Known, turn, until, whole_call

NOWHERE = "redis://127.0.0.1:1"
KNOWN = Known("tenant-1", "version-1")


async def watched(board: LiveBoard, call_id: str, after: int = 0, tenant_id: str = "tenant-1") -> list[Told]:
    """Everything a watcher is told until the call has ended."""
    return [told async for told in board.follow(tenant_id, call_id, after, idle_s=5.0) if told is not None]


async def test_watchers_see_the_whole_story_without_redis(meters: Meters) -> None:
    """One watches from the start, one comes late, one continues; all see the same and end with the call."""
    start = KNOWN.call()
    async with LiveBoard(NOWHERE, meters) as board, asyncio.TaskGroup() as watchers:
        call = board.open_call(start)
        early = watchers.create_task(watched(board, start.call_id))
        for event in whole_call()[:5]:
            call.tell(event)
            await asyncio.sleep(0)
        late = watchers.create_task(watched(board, start.call_id))
        continued = watchers.create_task(watched(board, start.call_id, after=4))
        for event in whole_call()[5:]:
            call.tell(event)
        await call.close(Outcome.RESOLVED, "done")
        await call.close(Outcome.FAILED, "again")
    told = early.result()
    assert [seq for seq, _ in told] == list(range(1, len(whole_call()) + 3))
    assert told[0][1]["kind"] == "CallStarted"
    assert (told[-1][1]["kind"], told[-1][1]["outcome"], told[-1][1]["reason"]) == ("CallEnded", "resolved", "done")
    assert late.result() == told
    assert continued.result() == told[4:]


async def test_a_silent_call_gives_a_sign_of_life(meters: Meters) -> None:
    """Nothing happens for a while: the watcher is told so."""
    start = KNOWN.call()
    async with LiveBoard(NOWHERE, meters) as board:
        call = board.open_call(start)
        story = board.follow("tenant-1", start.call_id, 1, idle_s=0.01)
        assert await anext(story) is None
        await call.close(Outcome.ABANDONED, "hung up")
        left = [told async for told in story if told is not None]
        assert [payload["kind"] for _, payload in left] == ["CallEnded"]


async def test_another_tenant_cannot_watch(meters: Meters) -> None:
    """A call is only there for its own tenant."""
    start = KNOWN.call()
    async with LiveBoard(NOWHERE, meters) as board:
        call = board.open_call(start)
        assert board.holds("tenant-1", start.call_id)
        assert not board.holds("tenant-2", start.call_id)
        assert await watched(board, start.call_id, tenant_id="tenant-2") == []
        assert board.live("tenant-2") == []
        assert [state.call_id for state in board.live("tenant-1")] == [start.call_id]
        await call.close(Outcome.RESOLVED, "done")
        assert board.live("tenant-1") == []


async def test_calls_that_need_attention_stand_first(meters: Meters) -> None:
    """Then the oldest; a calmer turn puts a call back in its place."""
    async with LiveBoard(NOWHERE, meters) as board:
        first, second = (board.open_call(KNOWN.call()) for _ in range(2))
        order = [first.state.call_id, second.state.call_id]
        assert [state.call_id for state in board.live("tenant-1")] == order
        second.tell(EmotionEstimated(1.0, 1, UNKNOWN, attention=0.7))
        assert [state.call_id for state in board.live("tenant-1")] == order[::-1]
        second.tell(EmotionEstimated(2.0, 2, UNKNOWN, attention=0.0))
        assert [state.call_id for state in board.live("tenant-1")] == order


async def test_ended_calls_leave_the_board_in_the_end(meters: Meters) -> None:
    """Memory is bounded: only so many ended calls are kept."""
    async with LiveBoard(NOWHERE, meters) as board:
        starts = [KNOWN.call() for _ in range(ENDED_KEPT + 5)]
        for start in starts:
            await board.open_call(start).close(Outcome.RESOLVED, "done")
        assert [board.holds("tenant-1", start.call_id) for start in starts] == [False] * 5 + [True] * ENDED_KEPT


async def test_state_and_live_events_are_in_redis(valkey: EmbeddedValkey, meters: Meters) -> None:
    """The state is the newest, expires, and the stream tells the same story."""
    start = KNOWN.call()
    async with LiveBoard(valkey.url, meters, 600) as board, Redis.from_url(valkey.url, decode_responses=True) as redis:
        assert await board.check() is None
        call = board.open_call(start)
        for event in whole_call():
            call.tell(event)
        state = await state_when(valkey, start.call_id, seq=len(whole_call()) + 1)
        assert state["status"] == "live"
        assert (state["label"], state["valence"], state["strategy"]) == ("unknown", None, "apologise")
        assert state["escalated"] == "asked for a human"
        assert not state["analysing"]
        assert state["turns"][1] == {"turn": 1, "caller": "this is turn 1", "agent": "I am sorry."}
        assert 0 < await redis.ttl(call_key("tenant-1", start.call_id)) <= 600
        await call.close(Outcome.HANDED_OFF, "asked for a human")
        ended = await state_when(valkey, start.call_id, seq=len(whole_call()) + 2)
        assert (ended["status"], ended["outcome"]) == ("ended", "handed_off")
        assert await redis.xlen(live_key("tenant-1")) == len(whole_call()) + 2
        assert meters.registry.get_sample_value("attune_redis_up") == 1


async def state_when(valkey: EmbeddedValkey, call_id: str, seq: int) -> dict[str, Any]:
    """The state in Redis, once it has come so far."""
    store = StateStore(valkey.url, keep_s=60)
    found: dict[str, Any] = {}

    async def has_come() -> bool:
        with contextlib.suppress(StateAway):
            found.update(await store.read("tenant-1", call_id) or {})
        return found.get("seq") == seq

    await until(has_come)
    await store.close()
    return found


async def test_valkey_killed_in_mid_call(valkey: EmbeddedValkey, meters: Meters) -> None:
    """Kill -9: telling never waits, watchers see everything, and the state is back after Valkey is."""
    start = KNOWN.call()
    took_s: list[float] = []
    async with LiveBoard(valkey.url, meters) as board, asyncio.TaskGroup() as watchers:
        call = board.open_call(start)
        watcher = watchers.create_task(watched(board, start.call_id))
        quiet = board.open_call(KNOWN.call())
        await state_when(valkey, start.call_id, seq=1)
        await state_when(valkey, quiet.state.call_id, seq=1)
        killed = valkey.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        for index in range(1, 31):
            for event in turn(index, 5.0 * index):
                began_s = time.perf_counter()
                call.tell(event)
                took_s.append(time.perf_counter() - began_s)
            await asyncio.sleep(0.02)
        await until(lambda: valkey.pid not in (None, killed))
        state = await state_when(valkey, start.call_id, seq=30 * 6 + 1)
        assert state["turns"][-1]["caller"] == "this is turn 30"
        await state_when(valkey, quiet.state.call_id, seq=1)
        for one in (call, quiet):
            await one.close(Outcome.RESOLVED, "done")
    assert len(watcher.result()) == 30 * 6 + 2
    assert statistics.median(took_s) < 0.001
    assert max(took_s) < 0.25
    dropped = meters.registry.get_sample_value("attune_dropped_total", {"what": "live_event"}) or 0
    assert 0 < dropped <= 30 * 6


async def test_events_for_redis_are_bounded(meters: Meters) -> None:
    """While Redis is away the oldest events go and are counted; the state of the call does not."""
    async with LiveBoard(NOWHERE, meters, waiting=10) as board:
        call = board.open_call(KNOWN.call())
        for _ in range(50):
            call.tell(ToolUsed(1.0, 1, "postcode", True))
        assert meters.registry.get_sample_value("attune_dropped_total", {"what": "live_event"}) == 41
        assert call.state.seq == 51
        await call.close(Outcome.RESOLVED, "done")


def test_the_state_follows_the_story() -> None:
    """Pure: analysis begins with the disclosure, ends with an opt-out; the newest turns are kept."""
    state = ConversationState.of(KNOWN.call()).after(2, DisclosureHeard(1.0, "I am an AI."))
    assert state.analysing
    for seq in range(3, 40):
        state = state.after(seq, CallerSpoke(float(seq), seq, "hello", 0.0, 1.0, 0.9))
    assert [turn.turn for turn in state.turns] == list(range(28, 40))
    state = state.after(40, AnalysisStopped(41.0, AnalysisStop.OPTED_OUT))
    assert (state.analysing, state.seq, state.at_s, state.status) == (False, 40, 41.0, CallStatus.LIVE)
