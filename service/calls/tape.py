"""The file of one call in the journal: one JSON line per entry, appended and synced, read back, removed at the end.

Everything here touches the disk: call it in the journal's thread. The file is locked while its call is live, so that
another process of the same machine can tell a live call's file from an orphan.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from service.calls.story import from_payload, to_payload
from service.domain.calls import CallEnded, CallResumed, CallStart, Outcome
from service.store.calls import Entry, Happening

SUFFIX = ".jsonl"
BATCH_LINES = 200
REFUSED_FOR_S = 30.0
"""A record that the database refused is offered again after this time."""


class TornTape(Exception):
    """A whole line of a journal file does not say anything that can be read."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries read from a tape, and where in the file they end."""

    entries: tuple[Entry, ...]
    end: int


class Tape:
    """The file of one life of a call.

    Attributes:
        written: bytes that are safe on disk.
        applied: bytes that are in the database.
        ended: whether the last line is on disk.
    """

    def __init__(self, directory: Path, start: CallStart, life: int = 0) -> None:
        self.call_id = start.call_id
        self.tenant_id = start.tenant_id
        self.path = directory / f"{start.call_id}{f'.{life}' if life else ''}{SUFFIX}"
        self.written = 0
        self.applied = 0
        self.ended = False
        self._file: int | None = None
        self._refused_until_s = 0.0

    @property
    def behind(self) -> int:
        """Bytes on disk that are not in the database yet."""
        return self.written - self.applied

    @property
    def refused_lately(self) -> bool:
        """Whether the database refused this record a short while ago."""
        return time.monotonic() < self._refused_until_s

    def refuse(self) -> None:
        """Note that the database refused the record."""
        self._refused_until_s = time.monotonic() + REFUSED_FOR_S

    def append(self, happenings: Sequence[tuple[int, Happening]]) -> None:
        """Append lines and sync them; a line half written by a failed attempt is taken back first.

        Raises:
            OSError: the disk did not take them; what was there before still is.
        """
        data = b"".join(_line(seq, happened) for seq, happened in happenings)
        file = self._open()
        os.ftruncate(file, self.written)
        done = 0
        while done < len(data):
            done += os.pwrite(file, data[done:], self.written + done)
        os.fsync(file)
        self.written += len(data)
        if isinstance(happenings[-1][1], CallEnded):
            self.ended = True
            self.close()

    def read(self) -> Batch:
        """The next entries that are not in the database yet.

        Raises:
            TornTape: a line cannot be read.
        """
        entries: list[Entry] = []
        with self.path.open("rb") as file:
            file.seek(self.applied)
            while file.tell() < self.written and len(entries) < BATCH_LINES:
                entries.append(_entry(file.readline()))
            return Batch(tuple(entries), file.tell())

    def hold(self, file: int) -> None:
        """Go on with an open, locked file."""
        self._file = file

    def close(self) -> None:
        """Let go of the file and its lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        """Remove the file: all of it is in the database."""
        self.close()
        self.path.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Keep the file under another name, for people to look at."""
        self.close()
        self.path.replace(self.path.with_suffix(".broken"))

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_directory(self.path.parent)
        return self._file


@dataclass(frozen=True, slots=True)
class Orphans:
    """What dead processes left behind: tapes, now ended, and files that could not be read."""

    tapes: list[Tape] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)


def orphans(directory: Path, *, of: str = "", but: Collection[str] = (), older_than_s: float = 0.0) -> Orphans:
    """Take up the files that no living process holds; calls that did not end are closed as interrupted.

    Args:
        directory: the journal's.
        of: only files of this call; '' for all calls.
        but: names of files that are not looked at.
        older_than_s: only files that were not touched for so long.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = Orphans()
    for path in sorted(directory.glob(f"{of}*{SUFFIX}")):
        try:
            if path.name in but or time.time() - path.stat().st_mtime < older_than_s:
                continue
            tape = _take_up(path)
        except FileNotFoundError:  # its process was done with it meanwhile
            continue
        except TornTape:
            path.replace(path.with_suffix(".broken"))
            found.broken.append(path)
            continue
        if tape is not None:
            found.tapes.append(tape)
    return found


@dataclass(frozen=True, slots=True)
class Life:
    """What the disk has of one life of a call.

    Attributes:
        held: a living process, this one or another, writes it.
        entries: in order.
    """

    held: bool
    entries: tuple[Entry, ...]


def lives(directory: Path, carrier: str, carrier_call_id: str) -> list[Life]:
    """Every life of a call that is on this disk, oldest first; files that cannot be read are passed over."""
    found: list[tuple[int, Life]] = []
    for path in directory.glob(f"*{SUFFIX}"):
        try:
            with path.open("rb") as file:
                start = start_of(_entry(file.readline()))
                if start is None or (start.carrier, start.carrier_call_id) != (carrier, carrier_call_id):
                    continue
                file.seek(0)
                entries = tuple(_entry(line) for line in file if line.endswith(b"\n"))
                found.append((entries[0].seq, Life(_is_held(file.fileno()), entries)))
        except (OSError, TornTape):
            continue
    return [life for _, life in sorted(found, key=lambda life: life[0])]


def start_of(first: Entry) -> CallStart | None:
    """The start of the call whose life begins with this entry."""
    match first.happened:
        case CallStart() as start:
            return start
        case CallResumed(start=start):
            return start
        case _:
            return None


def free_share(directory: Path) -> float:
    """Share of the disk that is free, 0..1."""
    usage = shutil.disk_usage(directory)
    return usage.free / usage.total


def _take_up(path: Path) -> Tape | None:
    """The tape of an orphan; None where a living process holds it or nothing was written yet."""
    file = os.open(path, os.O_RDWR)
    if _is_held(file):
        os.close(file)
        return None
    try:
        return _ended(path, file)
    except BaseException:
        os.close(file)
        raise


def _is_held(file: int) -> bool:
    """Whether a living process holds the file; where none does, it is locked from here until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _ended(path: Path, file: int) -> Tape | None:
    """The tape of a locked orphan, with an end; None where nothing was written yet."""
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    if not lines:
        path.unlink()
        os.close(file)
        return None
    first, last = _entry(lines[0]), _entry(lines[-1])
    start = start_of(first)
    if start is None:
        raise TornTape(path.name)
    life = first.happened.life if isinstance(first.happened, CallResumed) else 0
    tape = Tape(path.parent, start, life)
    tape.hold(file)
    tape.written = sum(len(line) for line in lines)
    tape.ended = isinstance(last.happened, CallEnded)
    if not tape.ended:
        died_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        end = CallEnded(last.payload.get("at_s") or 0.0, Outcome.FAILED, "interrupted", died_at)
        tape.append([(last.seq + 1, end)])
    else:
        tape.close()
    return tape


def _line(seq: int, happened: Happening) -> bytes:
    written = json.dumps({"seq": seq, **to_payload(happened)}, ensure_ascii=False, separators=(",", ":"))
    return written.encode() + b"\n"


def _entry(line: bytes) -> Entry:
    try:
        payload = json.loads(line)
        seq = int(payload.pop("seq"))
    except (ValueError, KeyError, TypeError, AttributeError) as torn:
        raise TornTape("a line cannot be read") from torn
    try:
        return Entry(seq, from_payload(payload), payload)
    except ValueError:
        return Entry(seq, None, payload)


def _sync_directory(directory: Path) -> None:
    """A new file survives a power cut only when its directory was synced too."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
