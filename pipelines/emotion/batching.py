"""Which utterances go to the GPU together, and when. Pure: seconds are given.

An idle GPU takes what is there at once. Only while callers come faster than `linger_s` apart does it let a batch fill,
for at most that long and never past the moment from which the answer would be late. While the GPU is busy, a crowd
gathers by itself, so batches grow with the load. What cannot be answered in time is refused before it is computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pipelines.ports import EngineFailed


class Why(StrEnum):
    """Why an utterance was not read."""

    FULL = "full"
    LATE = "late"
    MEMORY = "memory"


class Busy(EngineFailed):
    """The engine is whole but cannot take this utterance now; something simpler reads it.

    Attributes:
        why: what it lacks.
    """

    def __init__(self, engine: str, why: Why) -> None:
        super().__init__(f"{engine}: {why}")
        self.why = why


class NoMemory(EngineFailed):
    """A batch does not fit into the device's memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch may be.

    Attributes:
        rows: utterances in one batch.
        linger_s: longest time that an idle GPU lets a batch fill.
        waiting: utterances that may wait; more are refused.
        mixes: whether shorter utterances may be padded into the batch of a longer one.
    """

    rows: int = 32
    linger_s: float = 0.02
    waiting: int = 256
    mixes: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """An utterance that waits.

    Attributes:
        ticket: names it.
        size: its padded length, in any unit; equal sizes share a batch.
        came_s: when it came.
        due_s: when its answer is too late.
    """

    ticket: int
    size: int
    came_s: float
    due_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """Compute these now, padded to `size`."""

    tickets: tuple[int, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to compute before `until_s` (None: before something comes)."""

    until_s: float | None


_SMOOTH: Final = 0.2
"""Weight of the newest gap or pace in its running mean."""

_LONGEST_GAP_S: Final = 1.0
"""A longer pause between two callers counts as this one, so that a crowd after it is soon seen."""

_LEAST_FILL: Final = 0.5
"""A shorter utterance joins a longer batch only when at most half of its row is padding."""

_CLEAN_BATCHES: Final = 100
"""Batches without trouble after which a bound that memory set is doubled."""


@dataclass(slots=True)
class BatchBook:
    """Who waits, how fast they come, how fast the GPU is, and how much fits into its memory."""

    limits: Limits
    late: list[int] = field(default_factory=list)
    """Tickets that were given up since the last look; the shell empties it."""
    _waiting: dict[int, Waiting] = field(default_factory=dict)
    _gap_s: float = _LONGEST_GAP_S
    _newest_s: float | None = None
    _pace_s: float = 0.0
    _fits: float = float("inf")
    _clean: int = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def pace_s(self) -> float:
        """Seconds of computing per unit of size, smoothed; 0 before the first batch."""
        return self._pace_s

    def admit(self, one: Waiting) -> Why | None:
        """Take an utterance in, or say why not."""
        if self._newest_s is not None:
            self._gap_s += _SMOOTH * (min(_LONGEST_GAP_S, one.came_s - self._newest_s) - self._gap_s)
        self._newest_s = one.came_s
        if len(self._waiting) >= self.limits.waiting:
            return Why.FULL
        ahead = sum(other.size for other in self._waiting.values())
        if ahead and one.came_s + (ahead + one.size) * self._pace_s > one.due_s:
            return Why.LATE
        self._waiting[one.ticket] = one
        return None

    def leave(self, ticket: int) -> None:
        """The caller hung up; nothing happens where it is computed already."""
        self._waiting.pop(ticket, None)

    def next(self, now_s: float) -> Run | Rest:
        """What an idle GPU does now. Tickets that are too late move to `late`."""
        self._give_up(now_s)
        if not self._waiting:
            return Rest(None)
        lead = min(self._waiting.values(), key=lambda one: (one.due_s, one.ticket))
        rows = self._rows(lead.size)
        chosen = list(self._joining(lead, rows))
        if len(chosen) < rows and self._gap_s < self.limits.linger_s:
            oldest_s = min(one.came_s for one in chosen)
            until_s = min(oldest_s + self.limits.linger_s, lead.due_s - rows * lead.size * self._pace_s)
            if until_s > now_s:
                return Rest(until_s)
        for one in chosen:
            del self._waiting[one.ticket]
        return Run(tuple(one.ticket for one in chosen), lead.size)

    def _give_up(self, now_s: float) -> None:
        """Drop who cannot be answered in time. The newest stays even so where it is alone: it shows the pace anew."""
        lost = [one for one in self._waiting.values() if now_s + one.size * self._pace_s > one.due_s]
        if len(lost) == len(self._waiting) and lost and lost[-1].due_s > now_s:
            lost.pop()
        for one in lost:
            self.late.append(one.ticket)
            del self._waiting[one.ticket]

    def _joining(self, lead: Waiting, rows: int) -> Iterable[Waiting]:
        """Who shares the batch of `lead`: itself, then the same size, then shorter ones; the most urgent first."""
        least = lead.size * _LEAST_FILL if self.limits.mixes else lead.size
        fits = [one for one in self._waiting.values() if least <= one.size <= lead.size and one is not lead]
        fits.sort(key=lambda one: (-one.size, one.due_s, one.ticket))
        return [lead, *fits[: rows - 1]]

    def _rows(self, size: int) -> int:
        """How many rows of a size one batch may have."""
        return max(1, int(min(self.limits.rows, self._fits / size)))

    def ran(self, rows: int, size: int, seconds: float) -> None:
        """A batch was computed in so many seconds."""
        pace_s = seconds / (rows * size)
        self._pace_s = pace_s if self._pace_s == 0 else self._pace_s + _SMOOTH * (pace_s - self._pace_s)
        self._clean += 1
        if self._clean >= _CLEAN_BATCHES and self._fits != float("inf"):
            self._clean = 0
            self._fits *= 2
            if self._fits > self.limits.rows * size:
                self._fits = float("inf")

    def did_not_fit(self, rows: int, size: int) -> None:
        """The GPU had no memory for this batch: half of it is the bound until a hundred batches went well."""
        self._fits = min(self._fits, rows * size / 2)
        self._clean = 0
