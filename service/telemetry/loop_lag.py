"""How late the event loop is: the first sign that something blocks it, and what admission goes by."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.telemetry.metrics import Meters

EVERY_S = 0.05
WINDOW_S = 5.0
"""Lag is judged over this time."""
_SHARE = 0.9


class LoopLag:
    """The lag of the last seconds."""

    def __init__(self, samples: int = round(WINDOW_S / EVERY_S)) -> None:
        self._samples: deque[float] = deque(maxlen=samples)

    def take(self, lag_s: float) -> None:
        """Take one sample."""
        self._samples.append(lag_s)

    @property
    def strain_s(self) -> float:
        """The 90th percentile of the window, in seconds; 0 before the first sample."""
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(_SHARE * len(ordered)))] if ordered else 0.0


@asynccontextmanager
async def watch_loop_lag(meters: Meters, *, every_s: float = EVERY_S) -> AsyncIterator[LoopLag]:
    """Sample the lag of the running event loop while the block is open."""
    lag = LoopLag()
    task = asyncio.create_task(_sample(meters, lag, every_s), name="loop-lag")
    try:
        yield lag
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _sample(meters: Meters, lag: LoopLag, every_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + every_s
        await asyncio.sleep(every_s)
        late_s = max(0.0, loop.time() - due_s)
        lag.take(late_s)
        meters.event_loop_lag.observe(late_s)
        meters.loop_strain.set(lag.strain_s)
