"""Frees what ended calls leave behind: a pipeline is full of reference cycles, with seconds of audio in them.

Python would collect them some day; until then ten calls keep five megabytes. Collecting soon after a call costs a few
milliseconds, since models and modules were taken out of collections at the start.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PAUSE_S = 2.0
"""Shortest time between two collections: calls that end together are freed together."""


class Tidy:
    """Collects garbage after calls."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    def call_ended(self) -> None:
        """A call has ended."""
        self._ended.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Tidy up while the block runs."""
        async with asyncio.TaskGroup() as tasks:
            tidying = tasks.create_task(self._run(), name="tidy")
            try:
                yield
            finally:
                tidying.cancel()

    async def _run(self) -> None:
        while True:
            await self._ended.wait()
            await asyncio.sleep(PAUSE_S)
            self._ended.clear()
            gc.collect()
