"""The record is complete whatever happens: database away, process killed, disk in trouble."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pipelines.events import AnalysisStopped, Event, ToolUsed
from pipelines.plan import AnalysisStop
from service.calls.journal import Journal
from service.calls.tape import Tape
from service.domain.calls import CallStatus, Outcome
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.tables import EventRow
from service.telemetry.metrics import Meters
from tests.service.postgres import PostgresServer
from tests.service.story import Known, turn, until, whole_call


def value(meters: Meters, name: str, **labels: str) -> float:
    """A metric's value."""
    return meters.registry.get_sample_value(name, labels) or 0.0


def journal_of(database: Database, directory: Path, meters: Meters, waiting: int = 20_000) -> Journal:
    """A journal on a database."""
    return Journal(directory, partial(CallRepository, database), meters, waiting=waiting)


def files(directory: Path) -> list[Path]:
    """The journal's files."""
    return sorted(directory.glob("*.jsonl"))


async def test_a_told_call_is_in_the_database_and_its_file_is_gone(
    database: Database, known: Known, tmp_path: Path, meters: Meters
) -> None:
    """The ordinary way of a call."""
    start = known.call()
    async with journal_of(database, tmp_path / "journal", meters) as journal:
        call = journal.open_call(start)
        for event in whole_call():
            call.tell(event)
        await call.close(Outcome.HANDED_OFF, "asked for a human")
        lines = [json.loads(line) for file in files(tmp_path / "journal") for line in file.read_bytes().splitlines()]
        assert not lines or [line["seq"] for line in lines] == list(range(1, len(whole_call()) + 3))
        await until(lambda: not files(tmp_path / "journal"))
    calls = CallRepository(database, known.tenant_id)
    story = await calls.story(start.call_id)
    assert [seq for seq, _ in story] == list(range(1, len(whole_call()) + 3))
    assert (story[0][1]["kind"], story[-1][1]["kind"]) == ("CallStarted", "CallEnded")
    record = await calls.get(start.call_id)
    assert record is not None
    assert record.call.outcome is Outcome.HANDED_OFF
    assert len(record.trajectory) == 3


async def test_the_record_is_at_most_a_second_behind(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """A live call can be read from the database while it goes on."""
    start = known_lite.call()
    calls = CallRepository(lite, known_lite.tenant_id)
    async with journal_of(lite, tmp_path / "journal", meters) as journal:
        call = journal.open_call(start)
        await asyncio.sleep(0.7)
        call.tell(turn(1, 5.0)[0])
        told_s = time.monotonic()

        async def is_there() -> bool:
            return len(await calls.story(start.call_id)) == 2

        await until(is_there)
        assert time.monotonic() - told_s < 1.0
        await call.close(Outcome.RESOLVED, "done")


async def test_closing_twice_and_telling_afterwards(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """The end is written once; what is told after it is dropped and counted."""
    start = known_lite.call()
    async with journal_of(lite, tmp_path / "journal", meters) as journal:
        call = journal.open_call(start)
        await call.close(Outcome.RESOLVED, "done")
        await call.close(Outcome.FAILED, "again")
        call.tell(ToolUsed(1.0, 1, "late", True))
    record = await CallRepository(lite, known_lite.tenant_id).get(start.call_id)
    assert record is not None
    assert record.call.outcome is Outcome.RESOLVED
    assert value(meters, "attune_dropped_total", what="journal_after_end") == 1


async def test_a_database_that_is_away_in_mid_call_loses_nothing(
    postgres: PostgresServer, away: tuple[Database, Known], tmp_path: Path, meters: Meters
) -> None:
    """PostgreSQL dies during a call; events go on, another call begins and ends; afterwards every row is there once."""
    database, known = away
    first, second = known.call("CA1"), known.call("CA2")
    directory = tmp_path / "journal"
    took_s: list[float] = []
    async with journal_of(database, directory, meters) as journal:
        call = journal.open_call(first)
        for event in turn(1, 5.0):
            call.tell(event)
        await until(lambda: value(meters, "attune_database_up") == 1)
        await asyncio.to_thread(postgres.stop)
        try:
            for index in range(2, 12):
                for event in turn(index, 10.0 * index):
                    began_s = time.perf_counter()
                    call.tell(event)
                    took_s.append(time.perf_counter() - began_s)
                await asyncio.sleep(0.2)
            other = journal.open_call(second)
            other.tell(turn(1, 3.0)[0])
            await other.close(Outcome.ABANDONED, "caller hung up")
            assert value(meters, "attune_database_up") == 0
            assert await journal.check() is None
            assert len(files(directory)) == 2
        finally:
            await asyncio.to_thread(postgres.start)
        await call.close(Outcome.RESOLVED, "done")
        await until(lambda: not files(directory))
    calls = CallRepository(database, known.tenant_id)
    story = await calls.story(first.call_id)
    assert [seq for seq, _ in story] == list(range(1, 11 * 6 + 3))
    record = await calls.get(first.call_id)
    assert record is not None
    assert len(record.turns) == 22
    assert len(record.trajectory) == 11
    ended = await calls.get(second.call_id)
    assert ended is not None
    assert ended.call.outcome is Outcome.ABANDONED
    assert statistics.median(took_s) < 0.001
    assert max(took_s) < 0.25


async def test_what_the_database_did_not_take_before_closing_is_taken_up_at_the_next_start(
    postgres: PostgresServer, away: tuple[Database, Known], tmp_path: Path, meters: Meters
) -> None:
    """The process ends while the database is away; the next one writes the record."""
    database, known = away
    start = known.call()
    await asyncio.to_thread(postgres.stop)
    try:
        async with journal_of(database, tmp_path / "journal", meters) as journal:
            call = journal.open_call(start)
            for event in whole_call():
                call.tell(event)
            await call.close(Outcome.RESOLVED, "done")
        assert len(files(tmp_path / "journal")) == 1
    finally:
        await asyncio.to_thread(postgres.start)
    async with journal_of(database, tmp_path / "journal", meters):
        await until(lambda: not files(tmp_path / "journal"))
    record = await CallRepository(database, known.tenant_id).get(start.call_id)
    assert record is not None
    assert record.call.outcome is Outcome.RESOLVED


KILLED = """
import asyncio, sys
from functools import partial
from pathlib import Path
from service.calls.journal import Journal
from service.store.calls import CallRepository
from service.store.database import Database
from service.telemetry.metrics import Meters
from tests.service.story import Known, turn

async def main() -> None:
    database = Database(sys.argv[2])
    async with Journal(Path(sys.argv[1]), partial(CallRepository, database), Meters()) as journal:
        call = journal.open_call(Known(sys.argv[3], sys.argv[4]).call())
        index = 1
        while True:
            for event in turn(index, 5.0 * index):
                call.tell(event)
            await asyncio.sleep(0.3)
            sys.stdout.write(f"{index}\\n")
            sys.stdout.flush()
            index += 1

asyncio.run(main())
"""


async def test_a_killed_process_loses_a_quarter_of_a_second_at_most(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """Kill -9 in mid-call: what was told 0.3 s ago is in the record, and the call is closed as interrupted."""
    directory = tmp_path / "journal"
    arguments = [str(directory), lite.url, known_lite.tenant_id, known_lite.agent_version_id]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, *arguments, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    for _ in range(4):
        told = int(await asyncio.wait_for(process.stdout.readline(), 60))
    process.kill()
    await process.wait()
    with files(directory)[0].open("ab") as torn:
        torn.write(b'{"seq":999,"kind":"CallerSp')

    async with journal_of(lite, directory, meters):
        await until(lambda: not files(directory))

    calls = CallRepository(lite, known_lite.tenant_id)
    found = (await calls.find()).calls
    assert len(found) == 1
    assert (found[0].status, found[0].outcome, found[0].reason) == (CallStatus.ENDED, Outcome.FAILED, "interrupted")
    story = await calls.story(found[0].call_id)
    assert [seq for seq, _ in story] == list(range(1, len(story) + 1))
    assert len(story) >= 1 + told * 6 + 1


async def test_a_live_call_of_another_process_is_left_alone(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """Processes may share the directory: only orphans are taken up."""
    directory = tmp_path / "journal"
    async with journal_of(lite, directory, meters) as one:
        call = one.open_call(known_lite.call())
        await until(lambda: len(files(directory)) == 1 and files(directory)[0].stat().st_size > 0)
        async with journal_of(lite, directory, Meters()):
            pass
        assert b"CallEnded" not in files(directory)[0].read_bytes()
        await call.close(Outcome.RESOLVED, "done")


async def test_a_file_that_makes_no_sense_is_set_aside(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """It is kept for people to look at, counted, and stands in nobody's way."""
    directory = tmp_path / "journal"
    directory.mkdir()
    (directory / "a.jsonl").write_bytes(b"not json\n")
    (directory / "b.jsonl").write_bytes(b'{"seq":1,"kind":"CallerSpo')
    start = known_lite.call()
    async with journal_of(lite, directory, meters) as journal:
        await journal.open_call(start).close(Outcome.RESOLVED, "done")
    assert sorted(path.name for path in directory.iterdir()) == ["a.broken"]
    assert value(meters, "attune_errors_total", where="journal_broken") == 1
    assert await CallRepository(lite, known_lite.tenant_id).get(start.call_id) is not None


async def test_a_full_queue_drops_and_counts_but_never_what_the_law_wants(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """Starts, ends and opt-outs always have room."""
    start = known_lite.call()
    async with journal_of(lite, tmp_path / "journal", meters, waiting=10) as journal:
        call = journal.open_call(start)
        for _ in range(50):
            call.tell(ToolUsed(1.0, 1, "postcode", True))
        call.tell(AnalysisStopped(2.0, AnalysisStop.OPTED_OUT))
        await call.close(Outcome.RESOLVED, "done")
    kinds = [told["kind"] for _, told in await CallRepository(lite, known_lite.tenant_id).story(start.call_id)]
    assert kinds == ["CallStarted", *["ToolUsed"] * 9, "AnalysisStopped", "CallEnded"]
    assert value(meters, "attune_dropped_total", what="journal") == 41


async def test_a_disk_in_trouble_is_tried_again_and_nothing_is_written_twice(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line is taken back; the record is whole and in order once the disk works again."""
    really = Tape.append
    attempts = 0

    def failing(self: Tape, happenings: Sequence[tuple[int, Event]]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts in (2, 3):
            with self.path.open("ab") as half:
                half.write(b'{"seq":7,"ki')
            raise OSError(28, "No space left on device")
        really(self, happenings)

    monkeypatch.setattr(Tape, "append", failing)
    start = known_lite.call()
    async with journal_of(lite, tmp_path / "journal", meters) as journal:
        call = journal.open_call(start)
        await until(lambda: attempts == 1)
        for event in whole_call():
            call.tell(event)
        await until(lambda: attempts == 2)
        assert await journal.check() is not None
        await call.close(Outcome.RESOLVED, "done")
        assert await journal.check() is None
    story = await CallRepository(lite, known_lite.tenant_id).story(start.call_id)
    assert [seq for seq, _ in story] == list(range(1, len(whole_call()) + 3))
    assert value(meters, "attune_errors_total", where="journal_disk") == 2


async def test_one_record_that_the_database_refuses_does_not_stop_the_others(
    lite: Database, known_lite: Known, tmp_path: Path, meters: Meters
) -> None:
    """A call of an agent that does not exist stays in the journal; the next call is written."""
    bad = Known(known_lite.tenant_id, "no-such-version").call()
    good = known_lite.call()
    async with asyncio.timeout(5), journal_of(lite, tmp_path / "journal", meters) as journal:
        for start in (bad, good):
            await journal.open_call(start).close(Outcome.RESOLVED, "done")
        calls = CallRepository(lite, known_lite.tenant_id)
        await until(lambda: value(meters, "attune_errors_total", where="journal_refused") >= 1)
        await until(lambda: len(files(tmp_path / "journal")) == 1)
        assert await calls.get(good.call_id) is not None
    assert [file.stem for file in files(tmp_path / "journal")] == [bad.call_id]


async def test_many_calls_at_once(lite: Database, known_lite: Known, tmp_path: Path, meters: Meters) -> None:
    """Twenty calls tell whole conversations at once; every event is there once and telling takes microseconds."""
    starts = [known_lite.call(f"CA{index}") for index in range(20)]
    async with journal_of(lite, tmp_path / "journal", meters) as journal:
        calls = [journal.open_call(start) for start in starts]
        began_s = time.perf_counter()
        for index in range(1, 6):
            for call in calls:
                for event in turn(index, 5.0 * index):
                    call.tell(event)
        took_s = time.perf_counter() - began_s
        await asyncio.gather(*(call.close(Outcome.RESOLVED, "done") for call in calls))
    async with lite.session() as session:
        assert await session.scalar(select(func.count()).select_from(EventRow)) == 20 * (5 * 6 + 2)
    assert took_s / (20 * 5 * 6) < 0.001
    assert value(meters, "attune_journal_lag_bytes") == 0
    assert value(meters, "attune_journal_pending_entries") == 0
