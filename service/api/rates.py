"""How often one source may ask. Pure; seconds are given."""

from __future__ import annotations

from collections import OrderedDict

from telephony.media_serializer import FrameBudget

MAX_SOURCES = 10_000


class SourceRates:
    """A budget for each source; the ones longest unseen are forgotten first."""

    def __init__(self, per_minute: int, most: int = MAX_SOURCES) -> None:
        """Allow each source so many requests a minute, a minute's worth at once.

        Args:
            per_minute: requests.
            most: sources remembered.
        """
        self._per_minute = per_minute
        self._most = most
        self._budgets: OrderedDict[str, FrameBudget] = OrderedDict()

    def take(self, source: str, now_s: float) -> bool:
        """Whether this source may ask once more at `now_s` (any clock that does not jump)."""
        budget = self._budgets.pop(source, None) or FrameBudget(self._per_minute / 60, self._per_minute)
        self._budgets[source] = budget
        if len(self._budgets) > self._most:
            self._budgets.popitem(last=False)
        return budget.take(now_s)
