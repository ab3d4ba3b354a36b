"""The worker thread: rows of many calls together, whoever leaves, fails or is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from pipelines.emotion.batch_worker import BatchWorker
from pipelines.emotion.batching import Busy, Limits, NoMemory, Why
from pipelines.ports import EngineFailed


class Gpu:
    """Doubles numbers once it is let go; holds so many rows."""

    def __init__(self, *, fits: int = 100, held: bool = False) -> None:
        self.go = Event()
        self.begun = Event()
        self.batches: list[list[int]] = []
        self._fits = fits
        if not held:
            self.go.set()

    def compute(self, rows: Sequence[int], size: int) -> Sequence[int]:
        """Double."""
        self.begun.set()
        assert self.go.wait(10)
        self.batches.append(list(rows))
        if len(rows) > self._fits:
            raise NoMemory("gpu: full")
        if -1 in rows:
            raise EngineFailed("gpu: broken")
        return [2 * row for row in rows]


def worker(gpu: Gpu, limits: Limits | None = None) -> BatchWorker[int, int]:
    """A worker over it."""
    return BatchWorker("gpu", gpu.compute, limits or Limits())


async def begun(gpu: Gpu) -> None:
    """Wait until it computes."""
    assert await asyncio.to_thread(gpu.begun.wait, 10)


async def test_rows_that_come_while_it_computes_go_together() -> None:
    """The first alone, the others in one batch; everybody gets their own answer."""
    gpu = Gpu(held=True)
    working = worker(gpu)
    first = asyncio.ensure_future(working.run(1, 10, deadline_s=5))
    await begun(gpu)
    others = [asyncio.ensure_future(working.run(number, 10, deadline_s=5)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    gpu.go.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert [len(batch) for batch in gpu.batches] == [1, 3]
    assert working.batches == {1: 1, 3: 1}
    working.close()


async def test_whoever_hangs_up_leaves_the_batch() -> None:
    """Cancelled while waiting: not computed. Cancelled while it is computed: nobody else notices."""
    gpu = Gpu(held=True)
    working = worker(gpu)
    computing = asyncio.ensure_future(working.run(1, 10, deadline_s=5))
    await begun(gpu)
    waiting, staying = (asyncio.ensure_future(working.run(number, 10, deadline_s=5)) for number in (2, 3))
    await asyncio.sleep(0)
    for task in (computing, waiting):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gpu.go.set()
    assert await staying == 6
    assert gpu.batches == [[1], [3]]
    working.close()


async def test_a_late_answer_is_a_refusal_and_the_next_one_comes() -> None:
    """The embedded model takes over in time."""
    gpu = Gpu(held=True)
    working = worker(gpu)
    with pytest.raises(Busy) as refused:
        await working.run(1, 10, deadline_s=0.05)
    assert refused.value.why is Why.LATE
    gpu.go.set()
    assert await working.run(2, 10, deadline_s=5) == 4
    working.close()


async def test_a_full_queue_refuses_at_once() -> None:
    """Back-pressure: nothing piles up."""
    gpu = Gpu(held=True)
    working = worker(gpu, Limits(waiting=1))
    taken = [asyncio.ensure_future(working.run(1, 10, deadline_s=5))]
    await begun(gpu)
    taken.append(asyncio.ensure_future(working.run(2, 10, deadline_s=5)))
    await asyncio.sleep(0)
    with pytest.raises(Busy) as refused:
        await working.run(3, 10, deadline_s=5)
    assert refused.value.why is Why.FULL
    gpu.go.set()
    assert await asyncio.gather(*taken) == [2, 4]
    working.close()


async def test_without_memory_the_halves_are_computed() -> None:
    """Down to the single row, which is refused where even it does not fit."""
    gpu = Gpu(fits=1, held=True)
    working = worker(gpu)
    tasks = [asyncio.ensure_future(working.run(number, 10, deadline_s=5)) for number in range(5)]
    await begun(gpu)
    gpu.go.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8]
    assert max(working.batches) == 1
    working.close()
    none = worker(Gpu(fits=0))
    with pytest.raises(Busy) as refused:
        await none.run(1, 10, deadline_s=5)
    assert refused.value.why is Why.MEMORY
    none.close()


async def test_a_broken_batch_fails_its_rows_alone() -> None:
    """The thread goes on."""
    gpu = Gpu()
    working = worker(gpu)
    with pytest.raises(EngineFailed, match="broken"):
        await working.run(-1, 10, deadline_s=5)
    assert await working.run(4, 10, deadline_s=5) == 8
    working.close()


async def test_closing_refuses_who_waits_and_who_comes() -> None:
    """Nobody is left hanging."""
    gpu = Gpu(held=True)
    working = worker(gpu)
    first = asyncio.ensure_future(working.run(1, 10, deadline_s=5))
    await begun(gpu)
    second = asyncio.ensure_future(working.run(2, 10, deadline_s=5))
    await asyncio.sleep(0)
    working.close()
    gpu.go.set()
    assert await first == 2
    with pytest.raises(EngineFailed, match="closed"):
        await second
    with pytest.raises(EngineFailed, match="closed"):
        await working.run(3, 10, deadline_s=5)
