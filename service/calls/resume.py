"""A call whose line or process was lost goes on, here: from this disk, the database or Redis, whichever knows most.

The carrier asks what comes next because its stream has ended. Where the call had not come to an end it is connected
again, to this process, with what was said so far; twice within a minute, then it goes to a human.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from pipelines.plan import Agent, AnalysisStop, ConversationPlan, Memory
from service.calls.admission import Admission, Admitted, Resumed
from service.calls.journal import Journal
from service.calls.live_board import LiveBoard
from service.calls.story import from_payload
from service.calls.tape import start_of
from service.domain.calls import LIFE, CallResumed, CallStart, Outcome
from service.store.calls import CallRepository, Entry, whose_line
from service.store.conversation_state import ConversationState, StateAway
from service.store.database import Database, DatabaseAway
from service.store.tenants import TenantRepository

MOST = 2
WITHIN = timedelta(seconds=60)
"""A call is taken up at most so often within this time."""

HELD_S = 1.5
"""Longest wait for the process that held the call to let go of its record."""
ASK_S = 1.0
"""Longest wait for the database."""

_PAGE = 500


def may_resume(resumed: Sequence[str], now: datetime) -> bool:
    """Whether a call that was taken up at these moments (ISO) may be taken up once more. Pure."""
    return sum(now - datetime.fromisoformat(at) < WITHIN for at in resumed) < MOST


def standing(entries: Iterable[Entry]) -> ConversationState | None:
    """Where a call stands after its story; None for a story without a beginning. Pure."""
    state: ConversationState | None = None
    for entry in sorted(entries, key=lambda entry: entry.seq):
        if state is None:
            start = start_of(entry)
            state = None if start is None else ConversationState.of(start)
        if state is not None and entry.happened is not None and not isinstance(entry.happened, CallStart):
            state = state.after(entry.seq, entry.happened)
    return state


def memory_of(state: ConversationState, at_s: float) -> Memory:
    """What the conversation needs of it. Pure."""
    return Memory(
        at_s=at_s,
        turn=max((turn.turn for turn in state.turns), default=0),
        exchanges=tuple((turn.caller, turn.agent) for turn in state.turns if turn.caller),
        disclosed=state.disclosed,
        analysis_stop=None if state.analysis_stop is None else AnalysisStop(state.analysis_stop),
        human_requested=state.escalated is not None,
    )


class Resumption:
    """Takes calls up again."""

    def __init__(
        self,
        journal: Journal,
        database: Database,
        board: LiveBoard,
        tenants: TenantRepository,
        admission: Admission,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._journal = journal
        self._database = database
        self._board = board
        self._tenants = tenants
        self._admission = admission
        self._now = now

    async def take_up(self, carrier: str, carrier_call_id: str) -> Admitted | Outcome | None:
        """Go on with a call whose stream has ended.

        Returns:
            The call, expecting its media; its outcome where it had ended; None where a human should take over: nothing
            is known of it, it was lost too often, or this process takes no calls.
        """
        waiting = self._admission.waiting_for(carrier_call_id)
        if waiting is not None:
            return waiting
        state = await self._standing(carrier, carrier_call_id)
        if state is None:
            return None
        if state.outcome not in (None, Outcome.FAILED.value):
            return Outcome(state.outcome)
        now = self._now()
        if self._admission.draining or not may_resume(state.resumed, now):
            return None
        agent = await self._agent(state)
        if agent is None:
            return None
        start = state.start
        await self._journal.take_up(start.call_id)
        at_s = max(state.at_s, (now - start.started_at).total_seconds())
        happened = CallResumed(at_s, state.seq // LIFE + 1, start, now)
        plan = ConversationPlan(
            call_id=start.call_id,
            agent=agent,
            analyse_emotion=self._admission.analyse_emotion,
            memory=memory_of(state, at_s),
        )
        return self._admission.expect(Admitted(start, plan, resumed=Resumed(happened, state)))

    async def _standing(self, carrier: str, carrier_call_id: str) -> ConversationState | None:
        """The newest of what the disk and the database tell together and what Redis tells."""
        entries, told, mirrored = await asyncio.gather(
            self._on_disk(carrier, carrier_call_id),
            self._in_database(carrier, carrier_call_id),
            self._in_redis(carrier, carrier_call_id),
        )
        known = standing({entry.seq: entry for entry in (*told, *entries)}.values())
        states = [state for state in (known, mirrored) if state is not None]
        return max(states, key=lambda state: state.seq, default=None)

    async def _on_disk(self, carrier: str, carrier_call_id: str) -> list[Entry]:
        until_s = time.monotonic() + HELD_S
        while True:
            lives = await self._journal.lives(carrier, carrier_call_id)
            if not any(life.held for life in lives) or time.monotonic() > until_s:
                return [entry for life in lives for entry in life.entries]
            await asyncio.sleep(0.05)

    async def _in_database(self, carrier: str, carrier_call_id: str) -> list[Entry]:
        try:
            async with asyncio.timeout(ASK_S):
                whose = await whose_line(self._database, carrier, carrier_call_id)
                if whose is None:
                    return []
                tenant_id, call_id = whose
                calls, told = CallRepository(self._database, tenant_id), list[Entry]()
                while True:
                    page = await calls.story(call_id, told[-1].seq if told else 0, _PAGE)
                    told += [_entry(seq, payload) for seq, payload in page]
                    if len(page) < _PAGE:
                        return told
        except (DatabaseAway, TimeoutError):
            return []

    async def _in_redis(self, carrier: str, carrier_call_id: str) -> ConversationState | None:
        try:
            return await self._board.read_line(carrier, carrier_call_id)
        except StateAway:  # also where Redis did not answer within its own second
            return None

    async def _agent(self, state: ConversationState) -> Agent | None:
        try:
            async with asyncio.timeout(ASK_S):
                return await self._tenants.version(state.tenant_id, state.agent_version_id)
        except (DatabaseAway, TimeoutError):
            return None


def _entry(seq: int, payload: object) -> Entry:
    told = payload if isinstance(payload, dict) else {}
    try:
        return Entry(seq, from_payload(told), told)
    except ValueError:
        return Entry(seq, None, told)
