"""A call that was lost goes on with what was said, and the record of both lives is one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from pipelines.events import AnalysisStopped, Escalated
from pipelines.plan import AnalysisStop
from service.calls.admission import Admission, Admitted
from service.calls.journal import Journal
from service.calls.live_board import LiveBoard
from service.calls.resume import MOST, Resumption, may_resume, memory_of, standing
from service.calls.story import to_payload
from service.calls.tape import Tape
from service.domain.calls import LIFE, CallEnded, CallResumed, CallStatus, Outcome
from service.store.calls import CallRepository, Entry, Happening
from service.store.database import Database
from service.store.tenants import TenantRepository
from service.telemetry.metrics import Meters
from tests.service.story import Known, turn, until, whole_call

NOWHERE = "redis://127.0.0.1:1"


def told(happenings: list[Happening], first: int = 1) -> list[Entry]:
    """Entries of one life."""
    return [Entry(first + place, happened, to_payload(happened)) for place, happened in enumerate(happenings)]


def resumption(database: Database, journal: Journal, meters: Meters, **more: int) -> tuple[Resumption, Admission]:
    """Takes calls up on this disk and database; Redis is away."""
    tenants = TenantRepository(database)
    admission = Admission(tenants, journal, max_calls=more.get("max_calls", 5), analyse_emotion=True)
    return Resumption(journal, database, LiveBoard(NOWHERE, meters), tenants, admission), admission


def test_twice_a_minute_and_no_more() -> None:
    """A call that is lost again and again needs a human, not a third greeting."""
    now = datetime.now(UTC)
    times = [(now - timedelta(seconds=ago)).isoformat() for ago in (90, 59, 1)]
    assert may_resume(times[:1], now)
    assert may_resume(times[:2], now)
    assert not may_resume(times, now)
    assert MOST == 2


def test_what_was_said_and_decided_is_remembered(known_lite: Known) -> None:
    """The turns, the disclosure, the opt-out and the wish for a human."""
    start = known_lite.call()
    stopped = AnalysisStopped(9.0, AnalysisStop.OPTED_OUT)
    state = standing(told([start, *whole_call(), stopped, Escalated(9.5, 2, "human_requested")]))
    assert state is not None
    memory = memory_of(state, 42.0)
    assert memory.at_s == 42.0
    assert memory.turn == max(event.turn for event in state.turns)
    assert memory.disclosed
    assert memory.analysis_stop is AnalysisStop.OPTED_OUT
    assert memory.human_requested
    assert memory.exchanges


@pytest.mark.parametrize("order", ["old first", "new first"])
async def test_both_lives_are_one_record_whichever_comes_first(database: Database, known: Known, order: str) -> None:
    """The dead process's record may arrive after the new one's: the call's end is the newest life's."""
    start = known.call()
    calls = CallRepository(database, known.tenant_id)
    ended = to_end(start.started_at, "interrupted", Outcome.FAILED)
    old = told([start, *turn(1, 5.0), ended])
    resumed = CallResumed(20.0, 1, start, datetime.now(UTC))
    new = told([resumed, *turn(2, 25.0), to_end(start.started_at, "said goodbye", Outcome.RESOLVED)], LIFE + 1)
    for entries in (old, new) if order == "old first" else (new, old):
        await calls.apply(start.call_id, entries)
        await calls.apply(start.call_id, entries)
    record = await calls.get(start.call_id)
    assert record is not None
    assert (record.call.status, record.call.outcome) == (CallStatus.ENDED, Outcome.RESOLVED)
    assert sorted({turn.turn for turn in record.turns}) == [1, 2]
    story = await calls.story(start.call_id)
    assert [seq for seq, _ in story] == [entry.seq for entry in (*old, *new)]


def to_end(started: datetime, reason: str, outcome: Outcome) -> Happening:
    """An end."""
    return CallEnded(30.0, outcome, reason, started)


async def test_a_dead_process_leaves_a_call_that_goes_on_here(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """Its file is on this disk, nobody holds it: the call is expected again, one life further."""
    start = known_lite.call()
    async with Journal(tmp_path, partial(CallRepository, lite), meters) as journal:
        dead = Tape(tmp_path, start)
        dead.append([(entry.seq, entry.happened) for entry in told([start, *whole_call()]) if entry.happened])
        dead.close()
        resuming, admission = resumption(lite, journal, meters)
        again = await resuming.take_up(start.carrier, start.carrier_call_id)
        assert isinstance(again, Admitted)
        assert again.resumed is not None
        assert again.resumed.happened.life == 1
        assert again.plan.memory is not None
        assert again.plan.memory.turn >= 1
        assert await resuming.take_up(start.carrier, start.carrier_call_id) is again
        assert admission.claim(start.call_id) is again
        record = journal.resume_call(again.resumed.happened)
        for event in turn(again.plan.memory.turn + 1, 30.0):
            record.tell(event)
        await record.close(Outcome.RESOLVED, "done")
    calls = CallRepository(lite, known_lite.tenant_id)
    async with Journal(tmp_path, partial(CallRepository, lite), meters):
        await until(lambda: not list(tmp_path.glob("*.jsonl")))
    found = await calls.get(start.call_id)
    assert found is not None
    assert (found.call.status, found.call.outcome) == (CallStatus.ENDED, Outcome.RESOLVED)
    seqs = [seq for seq, _ in await calls.story(start.call_id)]
    assert len(seqs) == len(set(seqs))
    assert any(seq > LIFE for seq in seqs)


async def test_a_call_that_had_ended_is_told_so(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """And one that nobody knows, too; nothing is made up."""
    start = known_lite.call()
    async with Journal(tmp_path, partial(CallRepository, lite), meters) as journal:
        await journal.open_call(start).close(Outcome.HANDED_OFF, "asked for a human")
        resuming, _ = resumption(lite, journal, meters)
        assert await resuming.take_up(start.carrier, start.carrier_call_id) is Outcome.HANDED_OFF
        assert await resuming.take_up(start.carrier, "CA-nobody") is None


async def test_a_draining_process_takes_nothing_up(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """It is about to stop: a human takes over."""
    start = replace(known_lite.call(), carrier_call_id="CA-drain")
    async with Journal(tmp_path, partial(CallRepository, lite), meters) as journal:
        dead = Tape(tmp_path, start)
        dead.append([(1, start)])
        dead.close()
        resuming, admission = resumption(lite, journal, meters)
        admission.draining = True
        assert await resuming.take_up(start.carrier, start.carrier_call_id) is None
        await asyncio.sleep(0)
