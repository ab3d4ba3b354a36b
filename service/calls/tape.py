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
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from service.calls.story import from_payload, to_payload
from service.domain.calls import CallEnded, CallStart, Outcome
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
    """One call's file.

    Attributes:
        written: bytes that are safe on disk.
        applied: bytes that are in the database.
        ended: whether the last line is on disk.
    """

    def __init__(self, directory: Path, start: CallStart) -> None:
        self.call_id = start.call_id
        self.tenant_id = start.tenant_id
        self.path = directory / f"{start.call_id}{SUFFIX}"
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


def orphans(directory: Path) -> Orphans:
    """Take up the files that no living process holds; calls that did not end are closed as interrupted."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = Orphans()
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            tape = _take_up(path)
        except TornTape:
            path.replace(path.with_suffix(".broken"))
            found.broken.append(path)
            continue
        if tape is not None:
            found.tapes.append(tape)
    return found


def free_share(directory: Path) -> float:
    """Share of the disk that is free, 0..1."""
    usage = shutil.disk_usage(directory)
    return usage.free / usage.total


def _take_up(path: Path) -> Tape | None:
    """The tape of an orphan; None where a living process holds it or nothing was written yet."""
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    os.close(file)
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    if not lines:
        path.unlink()
        return None
    first, last = _entry(lines[0]), _entry(lines[-1])
    if not isinstance(first.happened, CallStart):
        raise TornTape(path.name)
    tape = Tape(path.parent, first.happened)
    tape.written = sum(len(line) for line in lines)
    tape.ended = isinstance(last.happened, CallEnded)
    if not tape.ended:
        died_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        end = CallEnded(last.payload.get("at_s") or 0.0, Outcome.FAILED, "interrupted", died_at)
        tape.append([(last.seq + 1, end)])
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
