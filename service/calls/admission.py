"""Who may call: weighs number, load and readiness, and remembers admitted calls until their media arrives."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pipelines.plan import ConversationPlan
from service.calls.hours import humans_in
from service.calls.journal import CallJournal, Journal
from service.calls.load import Load
from service.domain.calls import CallResumed, CallStart, Outcome, new_call_id
from service.store.conversation_state import ConversationState
from service.store.database import DatabaseAway
from service.store.tenants import TenantRepository
from telephony.leg import IncomingCall

SAFE_WITHIN_S = 2.0
"""Longest wait for the start of a call to be safe on disk: it is, before the carrier has its answer."""

MEDIA_DUE_S = 90.0
"""An admitted call whose media has not arrived by then is forgotten."""


class Refusal(StrEnum):
    """Why a call is not taken by the agent."""

    UNKNOWN_NUMBER = "unknown_number"
    FULL = "full"
    STRAINED = "strained"
    DRAINING = "draining"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Refused:
    """The agent does not take the call; the door offers a human where there is one.

    Attributes:
        closed: no human is in either, by the agent's opening hours.
    """

    reason: Refusal
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Resumed:
    """A call that goes on after its line or process was lost, and where it stood."""

    happened: CallResumed
    state: ConversationState


@dataclass(frozen=True, slots=True)
class Admitted:
    """The agent takes the call.

    Attributes:
        record: its record, begun and safe on disk; None for one that goes on, which begins another life of it.
        resumed: where it stood, for a call that goes on after a loss.
    """

    start: CallStart
    plan: ConversationPlan
    record: CallJournal | None = None
    resumed: Resumed | None = None


class Admission:
    """Admits calls for one process."""

    def __init__(
        self,
        tenants: TenantRepository,
        journal: Journal,
        *,
        max_calls: int,
        analyse_emotion: bool,
        load: Load | None = None,
        lag_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Admit nobody yet.

        Args:
            tenants: who answers which number.
            journal: where a call is written down before it is answered.
            max_calls: calls at once.
            analyse_emotion: whether this installation analyses emotion at all.
            load: when the process is strained; None: never.
            lag_s: how late the event loop is.
        """
        self._tenants = tenants
        self._journal = journal
        self._max_calls = max_calls
        self._load = load
        self._lag_s = lag_s
        self.analyse_emotion = analyse_emotion
        self._waiting: OrderedDict[str, tuple[float, Admitted]] = OrderedDict()
        self._rung: OrderedDict[str, str] = OrderedDict()
        self._live: set[str] = set()
        self.draining = False

    @property
    def live(self) -> int:
        """Calls with media running."""
        return len(self._live)

    @property
    def running(self) -> int:
        """Calls that a stop must wait for: those with media, and those whose media is on its way."""
        return len(self._live) + len(self._waiting)

    @property
    def _strained(self) -> bool:
        return self._load is not None and self._load.strained(self._lag_s())

    async def check(self) -> str | None:
        """Why no more calls can be taken, None while they can: a readiness check."""
        if self.draining:
            return "draining: no new calls are taken"
        if self._strained:
            return "the event loop is late"
        return "all lines are busy" if len(self._live) >= self._max_calls else None

    async def weigh(self, incoming: IncomingCall) -> Admitted | Refused:
        """Decide on a call that rings. The same carrier call asked twice (a webhook retried) gets the same answer."""
        self.overdue()
        known = self._rung.get(incoming.carrier_call_id)
        if known is not None and known in self._waiting:
            return self._waiting[known][1]
        try:
            route = await self._tenants.route(incoming.to_number)
        except DatabaseAway:
            return Refused(Refusal.UNAVAILABLE)
        if route is None:
            return Refused(Refusal.UNKNOWN_NUMBER)
        busy = self._busy()
        if busy is not None:
            return Refused(busy, closed=not humans_in(route.agent.hours, datetime.now(UTC)))
        start = CallStart(
            call_id=new_call_id(),
            tenant_id=route.tenant_id,
            agent_version_id=route.agent_version_id,
            carrier=incoming.carrier,
            carrier_call_id=incoming.carrier_call_id,
            from_number=incoming.from_number,
            to_number=incoming.to_number,
            started_at=datetime.now(UTC),
        )
        record = self._journal.open_call(start)
        plan = ConversationPlan(call_id=start.call_id, agent=route.agent, analyse_emotion=self.analyse_emotion)
        admitted = self.expect(Admitted(start, plan, record))
        if not await record.until_safe(SAFE_WITHIN_S):
            self._waiting.pop(start.call_id, None)
            await record.close(Outcome.REFUSED, "the record could not be begun")
            return Refused(Refusal.UNAVAILABLE)
        return admitted

    def _busy(self) -> Refusal | None:
        """Why this process takes no further call; None where it does."""
        if self.draining:
            return Refusal.DRAINING
        if self.running >= self._max_calls:
            return Refusal.FULL
        return Refusal.STRAINED if self._strained else None

    def expect(self, call: Admitted) -> Admitted:
        """Remember a call until its media arrives."""
        self._waiting[call.start.call_id] = (time.monotonic(), call)
        self._rung[call.start.carrier_call_id] = call.start.call_id
        while len(self._rung) > 1000:
            self._rung.popitem(last=False)
        return call

    def waiting_for(self, carrier_call_id: str) -> Admitted | None:
        """The call with this id of the carrier whose media is still waited for; None where none is."""
        waiting = self._waiting.get(self._rung.get(carrier_call_id, ""))
        return waiting[1] if waiting else None

    def waits(self, incoming: IncomingCall) -> Admitted | None:
        """The admitted call whose media is still waited for; None where it does not wait."""
        return self.waiting_for(incoming.carrier_call_id)

    def forget(self, carrier_call_id: str) -> Admitted | None:
        """A call is over before its media came: no longer wait for it. None where it does not wait."""
        waiting = self._waiting.pop(self._rung.get(carrier_call_id, ""), None)
        return waiting[1] if waiting else None

    def overdue(self) -> list[Admitted]:
        """Admitted calls whose media did not come in time; they are forgotten by this."""
        due = time.monotonic() - MEDIA_DUE_S
        late = [call_id for call_id, (since, _) in self._waiting.items() if since < due]
        return [self._waiting.pop(call_id)[1] for call_id in late]

    def claim(self, call_id: str) -> Admitted | None:
        """The media of an admitted call arrived: the call is live from here. None for one that is not waiting."""
        waiting = self._waiting.pop(call_id, None)
        if waiting is None:
            return None
        self._live.add(call_id)
        return waiting[1]

    def release(self, call_id: str) -> None:
        """A live call is over."""
        self._live.discard(call_id)
