"""Whether an engine that failed is asked again: a circuit breaker. Pure; seconds are given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Circuit(StrEnum):
    """State of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(slots=True)
class Breaker:
    """Opens after some failures in a row; after a rest one call probes, and its outcome closes or opens it again.

    Attributes:
        failures: failures in a row that open it.
        rest_s: how long an engine is left alone; doubles with each failed probe, up to `longest_rest_s`.
    """

    failures: int = 3
    rest_s: float = 5.0
    longest_rest_s: float = 60.0
    _row: int = 0
    _rests: int = 0
    _until_s: float | None = None
    _probing: bool = False

    @property
    def circuit(self) -> Circuit:
        """Where it stands."""
        if self._until_s is None:
            return Circuit.CLOSED
        return Circuit.PROBING if self._probing else Circuit.OPEN

    def allows(self, now_s: float) -> bool:
        """Whether the engine may be asked now. While open, one caller after the rest is let through as the probe."""
        if self._until_s is None:
            return True
        if self._probing or now_s < self._until_s:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The engine answered."""
        self._row = self._rests = 0
        self._until_s = None
        self._probing = False

    def failed(self, now_s: float) -> None:
        """The engine failed or was too late."""
        self._row += 1
        if self._probing or self._row >= self.failures:
            self._until_s = now_s + min(self.longest_rest_s, self.rest_s * 2**self._rests)
            self._rests = min(self._rests + 1, 16)
        self._probing = False

    def left(self) -> None:
        """The call that asked went away before the engine answered: nothing is known, another one may probe."""
        self._probing = False
