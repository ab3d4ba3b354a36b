"""A bounded pool of threads for one engine: work waits here, never in the event loop and never without limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from pipelines.ports import EngineFailed

T = TypeVar("T")


class Pool:
    """Own threads for one engine; the default executor is left to the libraries that insist on it."""

    def __init__(self, name: str, *, at_once: int, waiting: int = 64) -> None:
        """Create the pool; threads start with the first work.

        Args:
            name: names the threads and the errors.
            at_once: threads.
            waiting: work that may wait; more is refused at once.
        """
        self._name = name
        self._limit = at_once + waiting
        self._held = 0
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)

    async def run(self, work: Callable[[], T], *, deadline_s: float = 10.0) -> T:
        """Run blocking work in a thread.

        A cancelled caller stops waiting at once; work that has begun runs to its end, its result is dropped.

        Raises:
            EngineFailed: the pool is full, the work raised, or the deadline passed.
        """
        if self._held >= self._limit:
            raise EngineFailed(f"{self._name}: {self._held} requests are waiting already")
        try:
            future = self._threads.submit(work)
        except RuntimeError as closed:
            raise EngineFailed(f"{self._name}: {closed}") from closed
        with self._lock:
            self._held += 1
        future.add_done_callback(lambda _: self._release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), deadline_s)
        except TimeoutError as late:
            raise EngineFailed(f"{self._name}: no answer within {deadline_s:g} s") from late
        except (RuntimeError, ValueError, OSError, MemoryError) as broken:
            raise EngineFailed(f"{self._name}: {broken}") from broken

    def _release(self) -> None:
        """Work ended, in whichever thread."""
        with self._lock:
            self._held -= 1

    def close(self) -> None:
        """Drop waiting work and let running work end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
