"""The thread that computes batches for one device: a thin shell around `BatchBook`."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Condition, Thread
from typing import Generic, TypeVar

from pipelines.emotion.batching import BatchBook, Busy, Limits, NoMemory, Rest, Run, Waiting, Why
from pipelines.ports import EngineFailed

R = TypeVar("R")
A = TypeVar("A")

Compute = Callable[[Sequence[R], int], Sequence[A]]
"""Answers to rows, each padded to a size; runs in the worker's thread. Raises EngineFailed, NoMemory among them."""


class BatchWorker(Generic[R, A]):
    """Gathers rows from many calls and computes them together, in one thread of its own."""

    def __init__(self, name: str, compute: Compute[R, A], limits: Limits) -> None:
        """Start the thread.

        Args:
            name: names the thread and the errors.
            compute: see `Compute`.
            limits: of a batch and of the queue.
        """
        self._name = name
        self._compute = compute
        self._book = BatchBook(limits)
        self._change = Condition()
        self._tickets = itertools.count()
        self._rows: dict[int, tuple[R, Future[A]]] = {}
        self._closed = False
        self.batches: Counter[int] = Counter()
        """How many batches of how many rows were computed."""
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, row: R, size: int, *, deadline_s: float) -> A:
        """The answer to one row.

        A caller who is cancelled leaves the queue at once; a batch that has begun runs to its end without them.

        Raises:
            Busy: the queue is full, the answer would be late or the device has no memory for it.
            EngineFailed: the computation failed, or the worker is closed.
        """
        now_s = time.monotonic()
        ticket, future = next(self._tickets), Future[A]()
        with self._change:
            if self._closed:
                raise EngineFailed(f"{self._name}: closed")
            why = self._book.admit(Waiting(ticket, size, now_s, now_s + deadline_s))
            if why is not None:
                raise Busy(self._name, why)
            self._rows[ticket] = row, future
            self._change.notify()
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.wrap_future(future)
        except TimeoutError as late:
            raise Busy(self._name, Why.LATE) from late
        finally:
            with self._change:
                self._book.leave(ticket)
                self._rows.pop(ticket, None)

    def close(self) -> None:
        """Refuse what waits and end the thread after the batch that it computes."""
        with self._change:
            self._closed = True
            left = [future for _, future in self._rows.values()]
            self._rows.clear()
            self._change.notify()
        for future in left:
            _fail(future, EngineFailed(f"{self._name}: closed"))

    def _work(self) -> None:
        """The thread: take the next batch, compute it, answer. A defect in the computation closes the worker."""
        held: list[tuple[R, Future[A]]] = []
        try:
            while True:
                with self._change:
                    batch = self._next()
                if batch is None:
                    return
                size, taken = batch
                held = [(row, future) for row, future in taken if future.set_running_or_notify_cancel()]
                self._answer(held, size)
        finally:
            self.close()
            for _, future in held:
                _fail(future, EngineFailed(f"{self._name}: ended"))

    def _next(self) -> tuple[int, list[tuple[R, Future[A]]]] | None:
        """Wait for the next batch; None at the end. Holds the lock."""
        while not self._closed:
            now_s = time.monotonic()
            match self._book.next(now_s):
                case Run(tickets, size):
                    self._refuse_late()
                    return size, [self._rows.pop(ticket) for ticket in tickets]
                case Rest(until_s):
                    self._refuse_late()
                    self._change.wait(None if until_s is None else max(0.0, until_s - now_s))
        return None

    def _refuse_late(self) -> None:
        while self._book.late:
            held = self._rows.pop(self._book.late.pop(), None)
            if held is not None:
                _fail(held[1], Busy(self._name, Why.LATE))

    def _answer(self, held: Sequence[tuple[R, Future[A]]], size: int) -> None:
        """Compute a batch; where memory is short, its halves one after the other."""
        if not held:
            return
        began_s = time.monotonic()
        try:
            answers = self._compute([row for row, _ in held], size)
        except NoMemory:
            with self._change:
                self._book.did_not_fit(len(held), size)
            if len(held) == 1:
                _fail(held[0][1], Busy(self._name, Why.MEMORY))
                return
            half = len(held) // 2
            self._answer(held[:half], size)
            self._answer(held[half:], size)
            return
        except EngineFailed as broken:
            for _, future in held:
                _fail(future, broken)
            return
        with self._change:
            self._book.ran(len(held), size, time.monotonic() - began_s)
            self.batches[len(held)] += 1
        for (_, future), answer in zip(held, answers, strict=True):
            future.set_result(answer)


def _fail(future: Future[A], why: EngineFailed) -> None:
    """Refuse, unless it was answered or its caller left."""
    with suppress(InvalidStateError):
        future.set_exception(why)
