"""Whether this process can carry another call, by how late its event loop is. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Load:
    """Strained from a limit of lag on, until the lag is below half of it: no flapping at the edge.

    Attributes:
        limit_s: lag of the event loop that callers begin to hear as gaps.
    """

    limit_s: float
    _strained: bool = False

    def strained(self, lag_s: float) -> bool:
        """Whether no further call should be taken at this lag."""
        self._strained = lag_s >= (self.limit_s / 2 if self._strained else self.limit_s)
        return self._strained
