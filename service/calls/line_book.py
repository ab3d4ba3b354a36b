"""Where the carriers say that their calls are: news may come twice, late and in any order. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from telephony.carrier import CallTold, LineStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a call is.

    Attributes:
        status: the newest.
        order: the carrier's number of the news that said so; -1 where it numbers nothing.
    """

    status: LineStatus
    order: int = -1

    @property
    def _place(self) -> tuple[int, int]:
        return self.status.rank, self.order

    def is_after(self, other: Standing) -> bool:
        """Whether it is further on; of two ends the one with the higher number is."""
        return self._place > other._place


class LineBook:
    """The standing of every call: always the furthest of all news, whatever the order and however often they came."""

    def __init__(self, kept: int = 10_000) -> None:
        """Remember so many calls; the longest untouched makes room."""
        self._kept = kept
        self._standings: OrderedDict[tuple[str, str], Standing] = OrderedDict()

    def take(self, carrier: str, told: CallTold) -> bool:
        """Take news; whether they moved the call forward."""
        call = carrier, told.call_id
        now = Standing(told.status, -1 if told.order is None else told.order)
        known = self._standings.get(call)
        if known is not None and not now.is_after(known):
            return False
        self._standings[call] = now
        self._standings.move_to_end(call)
        if len(self._standings) > self._kept:
            self._standings.popitem(last=False)
        return True

    def standing(self, carrier: str, call_id: str) -> LineStatus | None:
        """Where a call is; None for one that nothing was told of."""
        known = self._standings.get((carrier, call_id))
        return known.status if known else None
