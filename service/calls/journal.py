"""The record of calls: first a line in a file on this machine's disk, then rows in the database. Nothing may be lost.

The audio path only appends to a queue in memory. One thread writes the queue to one file per call and calls fsync in
groups, so that at most a quarter of a second is lost when the process is killed. One task applies the files to the
database, about half a second behind; while the database is away the files are the buffer, so memory stays flat. A file
is removed when all of it is in the database. Files that a dead process left behind are taken up at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from pipelines.events import AnalysisStopped, DisclosureHeard, Escalated, Event, ListeningChanged
from service.calls.tape import Life, Tape, TornTape, free_share, lives, orphans
from service.domain.calls import LIFE, CallEnded, CallResumed, CallStart, Outcome
from service.store.calls import CallRepository, Happening
from service.store.database import DatabaseAway
from service.telemetry.metrics import Meters

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP_S = 0.1
"""Shortest time between two fsyncs, unless someone waits for one."""
APPLY_EVERY_S = 0.5
"""Shortest time between two rounds of writing to the database."""
SAFE_WITHIN_S = 5.0
"""Longest that closing a call waits for the disk."""
APPLY_WITHIN_S = 10.0
"""Longest that one batch may take in the database."""
FREE_SHARE = 0.05
"""With less of the disk free, the journal says that it has no space."""

LOOK_EVERY_S = 5.0
"""How often this process looks for what others left behind when they died."""
ORPHAN_S = 15.0
"""A file that nobody holds is left alone for so long: its call may be taken up again."""
VITAL = CallStart | CallResumed | CallEnded | DisclosureHeard | AnalysisStopped | Escalated | ListeningChanged
"""What must be on disk at once: starts, ends, consent, opt-out, secrets being typed, the intent to hand over."""

_BATCH = 256
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class _Line:
    """One entry on its way to the disk."""

    tape: Tape
    seq: int
    happened: Happening
    safe: asyncio.Future[None] | None = None


class CallJournal:
    """The journal of one call."""

    def __init__(self, journal: Journal, tape: Tape, *, life: int = 0, at_s: float = 0.0) -> None:
        self._journal = journal
        self._tape = tape
        self._seq = life * LIFE
        self._began_s = time.monotonic() - at_s
        self._vital: asyncio.Future[None] | None = None
        self._last_s = 0.0
        self._ended: asyncio.Future[None] | None = None

    def tell(self, event: Event) -> None:
        """Take one event; never blocks, never raises. After the end, events are dropped and counted."""
        if self._ended is not None:
            self._journal.drop("journal_after_end")
            return
        self._last_s = max(self._last_s, event.at_s)
        self._put(event)

    async def close(self, outcome: Outcome, reason: str) -> None:
        """Write the end of the call; returns when the whole record is safe on disk. Closing again only waits.

        The end is in the queue before the first wait: a cancelled caller loses nothing but the waiting.
        """
        if self._ended is None:
            at_s = max(self._last_s, time.monotonic() - self._began_s)
            self._ended = asyncio.get_running_loop().create_future()
            self._put(CallEnded(at_s, outcome, reason, datetime.now(UTC)), self._ended)
        try:
            await asyncio.wait_for(asyncio.shield(self._ended), SAFE_WITHIN_S)
        except TimeoutError:
            log.error("a call's record is not safe on disk yet")

    def start(self, start: CallStart | CallResumed) -> None:
        """Write the start of the call, or of another life of it."""
        self._put(start)

    async def until_safe(self, within_s: float) -> bool:
        """Wait until everything vital so far is safe on disk; False where the disk is too slow."""
        if self._vital is None:
            return True
        done, _ = await asyncio.wait({self._vital}, timeout=within_s)
        return bool(done)

    def _put(self, happened: Happening, safe: asyncio.Future[None] | None = None) -> None:
        self._seq += 1
        if isinstance(happened, VITAL):
            safe = self._vital = safe or asyncio.get_running_loop().create_future()
        self._journal.put(_Line(self._tape, self._seq, happened, safe))


class Journal:
    """The journal of all calls of a process; an async context manager that lives as long as the process serves."""

    def __init__(
        self,
        directory: Path,
        repository_of: Callable[[str], CallRepository],
        meters: Meters,
        *,
        waiting: int = 20_000,
        close_within_s: float = 10.0,
    ) -> None:
        """Prepare the journal; entering it takes up what a dead process left behind.

        Args:
            directory: where the files lie. Several processes may share it.
            repository_of: the calls of a tenant.
            meters: where drops, errors and lag are counted.
            waiting: entries that may wait for the disk; beyond, they are dropped and counted (never starts, ends,
                consent and opt-out).
            close_within_s: longest time that leaving waits for disk and database.
        """
        self._directory = directory
        self._repository_of = repository_of
        self._meters = meters
        self._waiting = waiting
        self._close_within_s = close_within_s
        self._queue: deque[_Line] = deque()
        self._tapes: dict[str, Tape] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._told = asyncio.Event()
        self._urgent = asyncio.Event()
        self._written = asyncio.Event()
        self._closing = asyncio.Event()
        self._disk_works = True
        self._database_works = True
        self._tasks: list[asyncio.Task[None]] = []
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Journal:
        left = await self._in_thread(lambda: orphans(self._directory))
        for path in left.broken:
            self._broken(path)
        self._adopt(left.tapes)
        self._tasks = [
            asyncio.create_task(self._write_on(), name="journal-disk"),
            asyncio.create_task(self._apply_on(), name="journal-database"),
        ]
        self._looking = asyncio.create_task(self._look_on(), name="journal-orphans")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write everything to disk, as much as possible to the database; what is left is taken up at the next start."""
        self._closing.set()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        for event in (self._told, self._urgent, self._written):
            event.set()
        _, late = await asyncio.wait(self._tasks, timeout=self._close_within_s)
        for task in late:
            task.cancel()
        if late:
            log.error("the journal was closed before everything was written")
            await asyncio.wait(late)
        with contextlib.suppress(RuntimeError):
            await self._in_thread(self._let_go)
        self._thread.shutdown(wait=False)

    def open_call(self, start: CallStart) -> CallJournal:
        """Begin the record of a call; its start is on disk a few milliseconds later."""
        tape = Tape(self._directory, start)
        self._tapes[tape.path.name] = tape
        call = CallJournal(self, tape)
        call.start(start)
        return call

    def resume_call(self, resumed: CallResumed) -> CallJournal:
        """Begin the record of another life of a call."""
        tape = Tape(self._directory, resumed.start, resumed.life)
        self._tapes[tape.path.name] = tape
        call = CallJournal(self, tape, life=resumed.life, at_s=resumed.at_s)
        call.start(resumed)
        return call

    async def lives(self, carrier: str, carrier_call_id: str) -> list[Life]:
        """What this disk has of a call, whichever process wrote it."""
        return await self._in_thread(lambda: lives(self._directory, carrier, carrier_call_id))

    async def take_up(self, call_id: str) -> None:
        """Bring what a dead process wrote of a call into the database, where it is on this disk."""
        await self._look(of=call_id)

    async def _look(self, *, of: str = "", older_than_s: float = 0.0) -> None:
        names = frozenset(self._tapes)
        with contextlib.suppress(OSError):
            left = await self._in_thread(partial(orphans, self._directory, of=of, but=names, older_than_s=older_than_s))
            for path in left.broken:
                self._broken(path)
            self._adopt(left.tapes)

    async def _look_on(self) -> None:
        """Take up the files of processes that died while this one lives."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look(older_than_s=ORPHAN_S)

    def _adopt(self, tapes: Iterable[Tape]) -> None:
        for tape in tapes:
            log.warning("took up the record of an interrupted call")
            self._tapes[tape.path.name] = tape
        self._written.set()

    async def check(self) -> str | None:
        """What is wrong with the journal, None for nothing: a readiness check.

        The database being away is nothing wrong while the journal has space.
        """
        if not self._disk_works:
            return "the journal cannot write to its disk"
        if len(self._queue) >= self._waiting:
            return "the journal's queue is full"
        free = await self._in_thread(lambda: free_share(self._directory))
        return None if free >= FREE_SHARE else "the journal's disk is full"

    def put(self, line: _Line) -> None:
        """Queue one line for the disk."""
        vital = isinstance(line.happened, VITAL)
        if len(self._queue) >= self._waiting and not vital:
            self.drop("journal")
            return
        self._queue.append(line)
        self._told.set()
        if vital:
            self._urgent.set()

    def drop(self, what: str) -> None:
        """Count something dropped."""
        self._meters.dropped.labels(what).inc()

    def _let_go(self) -> None:
        for tape in self._tapes.values():
            tape.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # To the disk.

    async def _write_on(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            self._urgent.clear()
            while self._queue:
                await self._write([self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))])
            if self._closing.is_set():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), GROUP_S)

    async def _write(self, lines: list[_Line]) -> None:
        """Write lines; tries again for as long as the disk does not take them."""
        by_tape: dict[Tape, list[_Line]] = {}
        for line in lines:
            by_tape.setdefault(line.tape, []).append(line)
        self._meters.journal_pending.set(len(lines) + len(self._queue))
        for attempt in _attempts():
            try:
                await self._in_thread(lambda: _append(by_tape))
                break
            except OSError:
                self._disk_works = False
                self._meters.errors.labels("journal_disk").inc()
                log.error("the journal cannot write to its disk")
                await asyncio.sleep(attempt)
        self._disk_works = True
        self._meters.journal_pending.set(len(self._queue))
        for line in lines:
            if line.safe is not None and not line.safe.done():
                line.safe.set_result(None)
        self._written.set()

    # To the database.

    async def _apply_on(self) -> None:
        while True:
            await self._written.wait()
            self._written.clear()
            back_off = _attempts()
            while not await self._apply_round():
                if self._closing.is_set():
                    return
                await self._sleep(next(back_off))
            if self._more_to_apply:
                self._written.set()
            if self._closing.is_set() and self._disk_done and not self._written.is_set():
                return
            await self._sleep(APPLY_EVERY_S)

    @property
    def _more_to_apply(self) -> bool:
        """Whether another round makes sense: when closing, not for what the database refused a moment ago."""
        closing = self._closing.is_set()
        return any(tape.behind and not (closing and tape.refused_lately) for tape in self._tapes.values())

    @property
    def _disk_done(self) -> bool:
        return self._tasks[0].done()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not on when the journal is closing."""
        if self._closing.is_set():
            await asyncio.sleep(0.01)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _apply_round(self) -> bool:
        """Apply what every call has; False where the database is away."""
        for tape in list(self._tapes.values()):
            try:
                await self._apply(tape)
            except (DatabaseAway, TimeoutError):
                self._database_is(up=False)
                return False
        self._database_is(up=True)
        return True

    async def _apply(self, tape: Tape) -> None:
        """Apply one call's file. Whatever is wrong with it stays with this call: the others go on.

        Raises:
            DatabaseAway, TimeoutError: the database is away or too slow; the file stays.
        """
        try:
            while tape.behind and not tape.refused_lately:
                batch = await self._in_thread(tape.read)
                async with asyncio.timeout(APPLY_WITHIN_S):
                    await self._repository_of(tape.tenant_id).apply(tape.call_id, batch.entries)
                tape.applied = batch.end
            if tape.ended and not tape.behind:
                await self._in_thread(tape.remove)
                del self._tapes[tape.path.name]
        except (DatabaseAway, TimeoutError):
            raise
        except FileNotFoundError:  # another process took the orphan up as well, and was done with it first
            del self._tapes[tape.path.name]
        except TornTape:
            await self._in_thread(tape.set_aside)
            del self._tapes[tape.path.name]
            self._broken(tape.path)
        except Exception:
            tape.refuse()
            self._meters.errors.labels("journal_refused").inc()
            log.exception("the database refused a call's record; it stays in the journal")

    def _database_is(self, *, up: bool) -> None:
        if up is not self._database_works:
            self._database_works = up
            log.warning("the database is back" if up else "the database is away; the journal keeps the record")
        if not up:
            self._meters.errors.labels("journal_database").inc()
        self._meters.database_up.set(up)
        self._show_lag()

    def _show_lag(self) -> None:
        self._meters.journal_lag.set(sum(tape.behind for tape in self._tapes.values()))
        self._meters.journal_calls.set(sum(tape.behind > 0 for tape in self._tapes.values()))

    def _broken(self, path: Path) -> None:
        self._meters.errors.labels("journal_broken").inc()
        log.error("a journal file cannot be read and was set aside", extra={"file": path.name})


def _append(by_tape: dict[Tape, list[_Line]]) -> None:
    """Append and fsync, call by call; a call that is done leaves the dict, so trying again writes nothing twice."""
    for tape, lines in list(by_tape.items()):
        tape.append([(line.seq, line.happened) for line in lines])
        del by_tape[tape]


def _attempts() -> Iterator[float]:
    """Seconds to wait before each further attempt, without end."""
    yield from _BACK_OFF_S
    while True:
        yield _BACK_OFF_S[-1]
