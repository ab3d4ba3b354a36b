"""How late the event loop is: the first sign that something blocks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.telemetry.metrics import Meters

EVERY_S = 0.05


@asynccontextmanager
async def watch_loop_lag(meters: Meters, *, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Sample the lag of the running event loop while the block is open."""
    task = asyncio.create_task(_sample(meters, every_s), name="loop-lag")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _sample(meters: Meters, every_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + every_s
        await asyncio.sleep(every_s)
        meters.event_loop_lag.observe(max(0.0, loop.time() - due_s))
