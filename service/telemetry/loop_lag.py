"""How late the event loop is: the first sign that something blocks it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from service.telemetry.metrics import Meters


class LoopLag:
    """Samples the lag of the running event loop while its block is open."""

    def __init__(self, meters: Meters, *, every_s: float = 0.05) -> None:
        self._meters = meters
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LoopLag:
        self._task = asyncio.create_task(self._sample(), name="loop-lag")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _sample(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._every_s
            await asyncio.sleep(self._every_s)
            self._meters.event_loop_lag.observe(max(0.0, loop.time() - due))
