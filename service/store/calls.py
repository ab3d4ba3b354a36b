"""Calls of one tenant: the story goes in event by event, the record comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, assert_never

from sqlalchemy import Executable, Row, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from pipelines.events import (
    AgentSays,
    AgentSpoke,
    AnalysisStopped,
    CallerSilent,
    CallerSpoke,
    DisclosureHeard,
    EmotionEstimated,
    Escalated,
    Event,
    FarewellSaid,
    FellBack,
    ListeningChanged,
    ToneChosen,
    ToolUsed,
    TurnTimed,
)
from service.domain.calls import LIFE, CallEnded, CallResumed, CallStart, CallStatus, Outcome, Party
from service.domain.record import CallPage, CallRecord, CallSummary, EmotionPoint, Payload, ToneRecord, TurnRecord
from service.domain.webhooks import Kind
from service.store.database import Database
from service.store.tables import (
    AgentRow,
    AgentVersionRow,
    CallRow,
    EmotionPointRow,
    EventRow,
    HandOffRow,
    LegRow,
    ToneRow,
    TurnRow,
)
from service.store.webhooks import put_out

Happening = Event | CallStart | CallResumed | CallEnded
"""Everything that can happen to a call: its start, what the conversation tells, its end, and another life."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a call's story.

    Attributes:
        seq: position in the story, from 1.
        happened: what happened; None where this release has no word for it (a newer one wrote it): such an entry is
            kept as an event and nothing else.
        payload: the same as a JSON object, with 'kind' and 'at_s'.
    """

    seq: int
    happened: Happening | None
    payload: Payload


TOLD: Final[Mapping[type, Kind]] = {
    CallStart: Kind.CALL_STARTED,
    CallEnded: Kind.CALL_ENDED,
    Escalated: Kind.CALL_ESCALATED,
    AnalysisStopped: Kind.ANALYSIS_STOPPED,
}
"""What webhooks are told of, written in the transaction of what happened."""


class StoryBroken(Exception):
    """A story that cannot be written: its beginning is missing."""


T = TypeVar("T", TurnRow, ToneRow, EmotionPointRow, EventRow)


class CallRepository:
    """The calls of one tenant. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def apply(self, call_id: str, entries: Sequence[Entry]) -> None:
        """Write entries of one life of a call, in order, in one transaction. Entries that are there are skipped.

        The lives of a call may be written in any order; its status is what the latest one says.

        Raises:
            DatabaseAway: nothing was written; try again later.
            StoryBroken: the life does not begin with its CallStart or CallResumed.
            sqlalchemy.exc.IntegrityError: the call's agent version is not known.
        """
        async with self._database.session(self._tenant_id) as session:
            of_call = (EventRow.tenant_id == self._tenant_id, EventRow.call_id == call_id)
            first = entries[0].seq // LIFE * LIFE if entries else 0
            of_life = EventRow.seq.between(first, first + LIFE - 1)
            done = await session.scalar(select(func.max(EventRow.seq)).where(*of_call, of_life)) or 0
            if not done and not (entries and isinstance(entries[0].happened, CallStart | CallResumed)):
                raise StoryBroken("a story begins with the start of its call")
            writer = _Projection(session, self._tenant_id, call_id)
            for entry in entries:
                if entry.seq > done:
                    await writer.write(entry)
            await writer.finish()

    async def get(self, call_id: str) -> CallRecord | None:
        """The record of a call, None where this tenant has no such call."""
        async with self._database.session(self._tenant_id) as session:
            row = (await session.execute(self._summaries().where(CallRow.call_id == call_id))).first()
            if row is None:
                return None
            turns = await session.scalars(self._of(TurnRow, call_id).order_by(TurnRow.turn))
            tones = {tone.turn: tone for tone in await session.scalars(self._of(ToneRow, call_id))}
            points = await session.scalars(self._of(EmotionPointRow, call_id).order_by(EmotionPointRow.turn))
            ordered = sorted(turns, key=lambda turn: (turn.turn, turn.party == Party.AGENT))
            return CallRecord(
                call=_summary(row),
                turns=tuple(_turn(turn, tones.get(turn.turn)) for turn in ordered),
                trajectory=tuple(_point(point) for point in points),
            )

    async def find(self, *, carrier_call_id: str | None = None, limit: int = 50, cursor: str | None = None) -> CallPage:
        """Calls, newest first.

        Args:
            carrier_call_id: only calls with this id of the carrier.
            limit: at most so many.
            cursor: continue after the page that gave this cursor.
        """
        query = self._summaries().order_by(CallRow.call_id.desc()).limit(limit + 1)
        if carrier_call_id is not None:
            query = query.where(CallRow.carrier_call_id == carrier_call_id)
        if cursor is not None:
            query = query.where(CallRow.call_id < cursor)
        async with self._database.session(self._tenant_id) as session:
            found = [_summary(row) for row in await session.execute(query)]
        more = len(found) > limit
        return CallPage(tuple(found[:limit]), found[limit - 1].call_id if more else None)

    async def story(self, call_id: str, after: int = 0, limit: int = 500) -> list[tuple[int, Payload]]:
        """The story of a call after a position: (seq, payload), at most `limit` of them."""
        query = self._of(EventRow, call_id).where(EventRow.seq > after).order_by(EventRow.seq).limit(limit)
        async with self._database.session(self._tenant_id) as session:
            return [(row.seq, row.payload) for row in await session.scalars(query)]

    def _summaries(self) -> Select[CallRow, int, str]:
        return (
            select(CallRow, AgentVersionRow.number, AgentRow.name)
            .join(
                AgentVersionRow,
                (AgentVersionRow.tenant_id == CallRow.tenant_id)
                & (AgentVersionRow.agent_version_id == CallRow.agent_version_id),
            )
            .join(
                AgentRow,
                (AgentRow.tenant_id == AgentVersionRow.tenant_id) & (AgentRow.agent_id == AgentVersionRow.agent_id),
            )
            .where(CallRow.tenant_id == self._tenant_id)
        )

    def _of(self, table: type[T], call_id: str) -> Select[T]:
        return select(table).where(table.tenant_id == self._tenant_id, table.call_id == call_id)


async def whose_line(database: Database, carrier: str, carrier_call_id: str) -> tuple[str, str] | None:
    """Tenant and id of the newest call with this id of the carrier, whichever tenant's it is; None for none.

    Only for a carrier's webhook, whose signature was checked: no tenant may ask it.
    """
    query = (
        select(CallRow.tenant_id, CallRow.call_id)
        .where(CallRow.carrier == carrier, CallRow.carrier_call_id == carrier_call_id)
        .order_by(CallRow.call_id.desc())
        .limit(1)
    )
    async with database.session(seek=carrier_call_id) as session:
        row = (await session.execute(query)).first()
        return None if row is None else (row[0], row[1])


class _Projection:
    """Writes one call's entries into the tables, inside one transaction."""

    def __init__(self, session: AsyncSession, tenant_id: str, call_id: str) -> None:
        self._session = session
        self._of = {"tenant_id": tenant_id, "call_id": call_id}
        self._turns: dict[tuple[int, Party], TurnRow] = {}
        self._points: dict[int, dict[str, Any]] = {}
        self._tones: dict[int, dict[str, Any]] = {}

    async def write(self, entry: Entry) -> None:
        """Write the event and what follows from it."""
        await self._follow(entry)
        kind_told = TOLD.get(type(entry.happened))
        if kind_told is not None:
            story = {"call_id": self._of["call_id"], "event": dict(entry.payload)}
            await put_out(self._session, self._of["tenant_id"], kind_told, story)
        payload = dict(entry.payload)
        kind, at_s = str(payload.get("kind")), payload.get("at_s") or 0.0
        self._session.add(EventRow(**self._of, seq=entry.seq, kind=kind, at_s=at_s, payload=payload))

    async def finish(self) -> None:
        """Write what only the newest counts of: one estimate and one tone per turn."""
        await self._session.flush()
        for table, rows in ((EmotionPointRow, self._points), (ToneRow, self._tones)):
            for values in rows.values():
                await self._session.execute(self._upsert(table, values))

    def _upsert(self, table: type[EmotionPointRow | ToneRow], values: dict[str, Any]) -> Executable:
        insert = sqlite.insert if self._session.get_bind().dialect.name == "sqlite" else postgresql.insert
        return (
            insert(table)
            .values(values)
            .on_conflict_do_update(index_elements=["tenant_id", "call_id", "turn"], set_=values)
        )

    async def _follow(self, entry: Entry) -> None:
        match entry.happened:
            case CallStart() as start:
                await self._start(start)
            case CallResumed() as resumed:
                await self._resume(resumed)
            case CallEnded() as ended:
                await self._end(ended, entry.seq // LIFE)
            case DisclosureHeard(at_s=at_s):
                (await self._call()).disclosed_s = at_s
            case AnalysisStopped(at_s=at_s, reason=reason):
                call = await self._call()
                call.analysis_stopped_s, call.analysis_stop = at_s, reason.value
            case CallerSpoke() as spoke:
                await self._caller_spoke(spoke)
            case AgentSpoke() as spoke:
                await self._agent_spoke(spoke)
            case TurnTimed() as timed:
                turn = await self._turn(timed.turn, Party.AGENT)
                turn.total_s = timed.total_s
                turn.stages = {stage.value: seconds for stage, seconds in timed.stages.items()}
                turn.started_s = timed.at_s
            case EmotionEstimated():
                self._emotion(entry.payload)
            case ToneChosen():
                self._tone(entry.payload)
            case Escalated(at_s=at_s, turn=index, reason=reason, evidence_turns=evidence):
                self._session.add(
                    HandOffRow(
                        **self._of,
                        seq=entry.seq,
                        turn=index,
                        reason=reason,
                        evidence_turns=list(evidence),
                        asked_s=at_s,
                    )
                )
            case None | AgentSays() | FellBack() | CallerSilent() | ListeningChanged() | ToolUsed() | FarewellSaid():
                pass
            case never:
                assert_never(never)

    async def _start(self, start: CallStart) -> None:
        if await self._session.get(CallRow, tuple(self._of.values())) is not None:
            return  # a later life of the call came first
        self._session.add(
            CallRow(
                **self._of,
                agent_version_id=start.agent_version_id,
                status=CallStatus.LIVE.value,
                carrier=start.carrier,
                carrier_call_id=start.carrier_call_id,
                from_number=start.from_number,
                to_number=start.to_number,
                started_at=start.started_at,
            )
        )
        await self._session.flush()
        carrier = {"carrier": start.carrier, "carrier_leg_id": start.carrier_call_id}
        self._session.add(LegRow(**self._of, leg=1, party=Party.CALLER.value, started_s=0.0, **carrier))
        await self._session.flush()

    async def _resume(self, resumed: CallResumed) -> None:
        await self._start(resumed.start)
        if not await self._lived_on(resumed.life):
            call = await self._call()
            call.status, call.ended_at, call.outcome, call.reason = CallStatus.LIVE.value, None, None, None

    async def _lived_on(self, life: int) -> bool:
        """Whether anything of a later life is written."""
        of_call = (EventRow.tenant_id == self._of["tenant_id"], EventRow.call_id == self._of["call_id"])
        later = select(EventRow.seq).where(*of_call, EventRow.seq >= (life + 1) * LIFE).limit(1)
        return await self._session.scalar(later) is not None

    async def _end(self, ended: CallEnded, life: int) -> None:
        if await self._lived_on(life):
            return
        call = await self._call()
        call.status, call.ended_at = CallStatus.ENDED.value, ended.ended_at
        call.outcome, call.reason = ended.outcome.value, ended.reason
        leg = await self._session.get_one(LegRow, (*self._of.values(), 1))
        leg.ended_s = ended.at_s

    async def _caller_spoke(self, spoke: CallerSpoke) -> None:
        turn = await self._turn(spoke.turn, Party.CALLER)
        turn.heard = _joined(turn.heard, spoke.text)
        turn.started_s = spoke.started_s if turn.started_s is None else turn.started_s
        turn.ended_s = spoke.ended_s
        turn.confidence = spoke.confidence if turn.confidence is None else min(turn.confidence, spoke.confidence)

    async def _agent_spoke(self, spoke: AgentSpoke) -> None:
        turn = await self._turn(spoke.turn, Party.AGENT)
        turn.heard = _joined(turn.heard, spoke.heard)
        turn.planned = _joined(turn.planned or "", spoke.planned)
        turn.interrupted = turn.interrupted or spoke.interrupted
        turn.source = turn.source or spoke.source
        turn.ended_s = spoke.at_s

    def _emotion(self, payload: Payload) -> None:
        """Note the newest estimate of a turn; what has no column of its own stays in the story."""
        turn, at_s = payload["turn"], payload["at_s"]
        told = {name: value for name, value in payload["emotion"].items() if name in EmotionPointRow.__table__.c}
        self._points[turn] = {**self._of, "turn": turn, "at_s": at_s, **told}

    def _tone(self, payload: Payload) -> None:
        """Note the newest tone of a turn."""
        turn = payload["turn"]
        self._tones[turn] = {**self._of, "turn": turn, **payload["tone"]}

    async def _call(self) -> CallRow:
        return await self._session.get_one(CallRow, tuple(self._of.values()))

    async def _turn(self, index: int, party: Party) -> TurnRow:
        """The row of a turn, made where there is none yet: its timing may be told before its words."""
        row = self._turns.get((index, party))
        if row is None:
            row = await self._session.get(TurnRow, (*self._of.values(), index, party.value))
            if row is None:
                row = TurnRow(**self._of, turn=index, party=party.value, heard="", interrupted=False, stages={})
                self._session.add(row)
            self._turns[index, party] = row
        return row


def _joined(before: str, after: str) -> str:
    return f"{before} {after}".strip()


def _summary(row: Row[CallRow, int, str]) -> CallSummary:
    call, version, agent = row
    return CallSummary(
        call_id=call.call_id,
        status=CallStatus(call.status),
        agent=agent,
        agent_version=version,
        carrier=call.carrier,
        carrier_call_id=call.carrier_call_id,
        from_number=call.from_number,
        to_number=call.to_number,
        started_at=call.started_at,
        ended_at=call.ended_at,
        outcome=None if call.outcome is None else Outcome(call.outcome),
        reason=call.reason,
    )


def _turn(row: TurnRow, tone: ToneRow | None) -> TurnRecord:
    party = Party(row.party)
    return TurnRecord(
        turn=row.turn,
        party=party,
        text=row.heard,
        planned=row.planned,
        interrupted=row.interrupted,
        source=row.source,
        confidence=row.confidence,
        started_s=row.started_s,
        ended_s=row.ended_s,
        total_s=row.total_s,
        stages=row.stages,
        tone=ToneRecord(tone.strategy, tone.name, tone.style, tuple(tone.rules))
        if tone is not None and party is Party.AGENT
        else None,
    )


def _point(row: EmotionPointRow) -> EmotionPoint:
    fields: dict[str, Any] = {name: getattr(row, name) for name in EmotionPoint.__dataclass_fields__}
    return EmotionPoint(**fields)
