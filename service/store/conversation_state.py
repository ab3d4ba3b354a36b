"""Conversation state in Redis: where a live call stands, for whoever watches; and the stream of live events.

Redis holds copies only. Keys carry the schema version, so that two releases side by side never read each other's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pipelines.events import (
    AgentSays,
    AgentSpoke,
    AnalysisStopped,
    CallerSilent,
    CallerSpoke,
    DisclosureHeard,
    EmotionEstimated,
    Escalated,
    FarewellSaid,
    FellBack,
    ListeningChanged,
    ToneChosen,
    ToolUsed,
    TurnTimed,
)
from service.domain.calls import CallEnded, CallResumed, CallStart, CallStatus
from service.domain.record import Payload
from service.store.calls import Happening

SCHEMA = 1
"""Version of the JSON below; a change that old readers cannot read makes it one higher."""
LIVE_EVENTS = 10_000
"""About so many events are kept in a tenant's stream."""
EXCHANGES = 12
"""So many of the newest turns are kept in the state."""


@dataclass(frozen=True, slots=True)
class StateTurn:
    """What was said in one turn."""

    turn: int
    caller: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class ConversationState:
    """Where a call stands.

    Attributes:
        seq: the newest event that is in it.
        at_s: seconds since the call was answered, of that event.
        turns: the newest turns, oldest first, at most EXCHANGES.
        label, valence, arousal, confidence: the newest estimate.
        attention: how much the call needs somebody's attention, 0..1.
        strategy, tone: how the newest turn was answered.
        analysing: whether the disclosure was heard and analysis has not ended.
        disclosed: whether the disclosure was heard.
        analysis_stop: why analysis ended; None where it did not.
        resumed: when the call was taken up again, ISO wall clock, oldest first.
        escalated: why a human is needed; None for not.
    """

    call_id: str
    tenant_id: str
    agent_version_id: str
    carrier: str
    started_at: str
    status: CallStatus = CallStatus.LIVE
    seq: int = 0
    at_s: float = 0.0
    turns: tuple[StateTurn, ...] = ()
    label: str | None = None
    valence: float | None = None
    arousal: float | None = None
    confidence: float | None = None
    strategy: str | None = None
    tone: str | None = None
    analysing: bool = False
    escalated: str | None = None
    outcome: str | None = None
    reason: str | None = None
    carrier_call_id: str = ""
    from_number: str = ""
    to_number: str = ""
    disclosed: bool = False
    analysis_stop: str | None = None
    resumed: tuple[str, ...] = ()
    attention: float = 0.0

    @classmethod
    def of(cls, start: CallStart) -> ConversationState:
        """The state of a call that begins."""
        return cls(
            start.call_id,
            start.tenant_id,
            start.agent_version_id,
            start.carrier,
            start.started_at.isoformat(),
            seq=1,
            carrier_call_id=start.carrier_call_id,
            from_number=start.from_number,
            to_number=start.to_number,
        )

    @classmethod
    def read(cls, payload: Payload) -> ConversationState:
        """The state of what `asdict` made of one; fields that this release has no word for are left out.

        Raises:
            TypeError, ValueError: it is no state.
        """
        known = {name: value for name, value in payload.items() if name in cls.__dataclass_fields__}
        turns = tuple(StateTurn(**turn) for turn in known.pop("turns", ()))
        status, resumed = CallStatus(known.pop("status")), tuple(known.pop("resumed", ()))
        return cls(**known, turns=turns, status=status, resumed=resumed)

    @property
    def start(self) -> CallStart:
        """How the call began."""
        return CallStart(
            call_id=self.call_id,
            tenant_id=self.tenant_id,
            agent_version_id=self.agent_version_id,
            carrier=self.carrier,
            carrier_call_id=self.carrier_call_id,
            from_number=self.from_number,
            to_number=self.to_number,
            started_at=datetime.fromisoformat(self.started_at),
        )

    def after(self, seq: int, happened: Happening) -> ConversationState:
        """The state after one more thing happened."""
        now = self if isinstance(happened, CallStart) else replace(self, seq=seq, at_s=happened.at_s)
        match happened:
            case CallEnded(outcome=outcome, reason=reason):
                return replace(now, status=CallStatus.ENDED, analysing=False, outcome=outcome.value, reason=reason)
            case CallResumed(resumed_at=at):
                return replace(
                    now, status=CallStatus.LIVE, outcome=None, reason=None, resumed=(*self.resumed, at.isoformat())
                )
            case DisclosureHeard():
                return replace(now, analysing=True, disclosed=True)
            case AnalysisStopped(reason=stop):
                return replace(now, analysing=False, analysis_stop=stop.value)
            case CallerSpoke(turn=turn, text=text):
                return now._said(turn, caller=text)
            case AgentSpoke(turn=turn, heard=heard):
                return now._said(turn, agent=heard)
            case EmotionEstimated(emotion=emotion, attention=attention):
                return replace(
                    now,
                    attention=attention,
                    label=emotion.label.value,
                    valence=emotion.valence,
                    arousal=emotion.arousal,
                    confidence=emotion.confidence,
                )
            case ToneChosen(tone=tone):
                return replace(now, strategy=tone.strategy.value, tone=tone.name.value)
            case Escalated(reason=reason):
                return replace(now, escalated=reason)
            case CallStart() | AgentSays() | TurnTimed() | FellBack() | CallerSilent():
                return now
            case ListeningChanged() | ToolUsed() | FarewellSaid():
                return now
            case never:
                assert_never(never)

    def _said(self, turn: int, *, caller: str = "", agent: str = "") -> ConversationState:
        turns = {held.turn: held for held in self.turns}
        held = turns.get(turn, StateTurn(turn))
        turns[turn] = StateTurn(turn, f"{held.caller} {caller}".strip(), f"{held.agent} {agent}".strip())
        return replace(self, turns=tuple(turns[index] for index in sorted(turns))[-EXCHANGES:])


class StateAway(Exception):
    """Redis cannot be reached or does not answer in time."""


class StateStore:
    """Conversation state and live events of all calls, in Redis. Make one per process and close it at the end."""

    def __init__(self, url: str, *, keep_s: int, within_s: float = 1.0) -> None:
        """Prepare the client; nothing is connected yet.

        Args:
            url: `redis://`, `rediss://` or `unix://`.
            keep_s: how long a state is kept after its last change.
            within_s: longest wait for any answer.
        """
        self._keep_s = keep_s
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=within_s,
            socket_connect_timeout=within_s,
            decode_responses=True,
            retry=Retry(NoBackoff(), 1),
            max_connections=8,
            client_name="attune",
        )

    async def write(
        self, states: Iterable[ConversationState], events: Iterable[tuple[str, str, int, Mapping[str, Any]]]
    ) -> None:
        """Write states (newest wins) and append live events in one round trip.

        Args:
            states: one per call that changed.
            events: (tenant id, call id, seq, payload), in order.

        Raises:
            StateAway: nothing or only a part was written.
        """
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for state in states:
                    key = call_key(state.tenant_id, state.call_id)
                    pipe.set(key, json.dumps(asdict(state)), ex=self._keep_s)
                    pipe.set(line_key(state.carrier, state.carrier_call_id), key, ex=self._keep_s)
                for tenant_id, call_id, seq, payload in events:
                    fields: dict[Any, Any] = {"call": call_id, "seq": seq, "event": json.dumps(payload)}
                    pipe.xadd(live_key(tenant_id), fields, maxlen=LIVE_EVENTS, approximate=True)
                await pipe.execute()
        except (RedisError, OSError) as away:
            raise StateAway(f"{type(away).__name__}: Redis is away") from away

    async def read(self, tenant_id: str, call_id: str) -> Payload | None:
        """The state of a call as JSON, None where there is none or it has expired.

        Raises:
            StateAway: Redis cannot be reached.
        """
        try:
            held = await self._redis.get(call_key(tenant_id, call_id))
        except (RedisError, OSError) as away:
            raise StateAway(f"{type(away).__name__}: Redis is away") from away
        if held is None:
            return None
        state: dict[str, Any] = json.loads(held)
        return state

    async def read_line(self, carrier: str, carrier_call_id: str) -> ConversationState | None:
        """Where the call with this id of the carrier stands, whichever tenant's it is; None where it is not known.

        Raises:
            StateAway: Redis cannot be reached.
        """
        try:
            key = await self._redis.get(line_key(carrier, carrier_call_id))
            held = None if key is None else await self._redis.get(key)
        except (RedisError, OSError) as away:
            raise StateAway(f"{type(away).__name__}: Redis is away") from away
        try:
            return None if held is None else ConversationState.read(json.loads(held))
        except (TypeError, ValueError, KeyError):
            return None

    async def check(self) -> str | None:
        """What is wrong with Redis, None for nothing."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as away:
            return f"{type(away).__name__}: Redis is away"
        return None

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()


def call_key(tenant_id: str, call_id: str) -> str:
    """The key of a call's state: a string holding JSON."""
    return f"attune:{SCHEMA}:{tenant_id}:call:{call_id}"


def line_key(carrier: str, carrier_call_id: str) -> str:
    """The key that leads from a carrier's id of a call to the key of its state."""
    return f"attune:{SCHEMA}:line:{carrier}:{carrier_call_id}"


def live_key(tenant_id: str) -> str:
    """The key of a tenant's live events: a stream with the fields 'call', 'seq' and 'event' (JSON)."""
    return f"attune:{SCHEMA}:{tenant_id}:live"
