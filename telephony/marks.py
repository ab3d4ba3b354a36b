"""Who waits for which mark of a line. Pure bookkeeping on futures, no clock."""

from __future__ import annotations

import asyncio

_MAX_WAITING = 64


class Marks:
    """Marks that were asked for and did not come back yet."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    def expect(self, name: str) -> asyncio.Future[bool]:
        """A future that becomes True when the mark comes back, False when it cannot any more.

        Raises:
            ValueError: a mark of this name is waited for already, or too many are.
        """
        if name in self._waiting or len(self._waiting) >= _MAX_WAITING:
            raise ValueError(f"mark {name!r} cannot be waited for")
        self._waiting[name] = asyncio.get_running_loop().create_future()
        return self._waiting[name]

    def came_back(self, name: str) -> None:
        """The far end played what was before this mark; unknown names are left aside."""
        self._settle(name, played=True)

    def void(self) -> None:
        """Nothing that is waited for will be played: it was cleared or the line ended."""
        for name in list(self._waiting):
            self._settle(name, played=False)

    def forget(self, name: str) -> None:
        """Nobody waits for this mark any more."""
        self._waiting.pop(name, None)

    def _settle(self, name: str, *, played: bool) -> None:
        future = self._waiting.pop(name, None)
        if future is not None and not future.done():
            future.set_result(played)


async def wait_for_mark(future: asyncio.Future[bool], deadline_s: float) -> bool:
    """The outcome of an expected mark; False when time is up."""
    done, _ = await asyncio.wait({future}, timeout=deadline_s)
    return bool(done) and future.result()
