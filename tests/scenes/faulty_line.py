"""A TCP line in front of a server that does to the bytes what the scene wants: refuse, hang, slow, reset, garbage."""

from __future__ import annotations

import asyncio
import contextlib
import random
from enum import StrEnum
from types import TracebackType

SLOW_S = 2.5
"""How late every piece of data is on a slow line."""


class How(StrEnum):
    """How something is broken."""

    REFUSE = "refuse"
    HANG = "hang"
    SLOW = "slow"
    RESET = "reset"
    GARBAGE = "garbage"


class FaultyLine:
    """Use as `async with`: connect to `port`, break it with `fail`, repair it with `heal`."""

    def __init__(self, to: int | str, *, seed: int = 1) -> None:
        """Lead to a port of this machine, or to the path of a socket."""
        self._to = to
        self._how: How | None = None
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._healed = asyncio.Event()
        self.port = 0

    async def __aenter__(self) -> FaultyLine:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def fail(self, how: How) -> None:
        """From now on it is broken."""
        self._how = how
        self._healed.clear()
        if how is How.REFUSE:
            await self._close()
        if how is How.RESET:
            self._cut()

    async def heal(self) -> None:
        """From now on it works; connections from before are gone."""
        self._how = None
        self._healed.set()
        self._cut()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._cut()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._connected(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._writers.add(writer)
        try:
            there, to = await self._reach()
            ends.append(to)
            self._writers.add(to)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, to, answers=False))
                both.create_task(self._carry(there, writer, answers=True))
        except* OSError:
            pass
        finally:
            for end in ends:
                self._writers.discard(end)
                end.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._to, str):
            return await asyncio.open_unix_connection(self._to)
        return await asyncio.open_connection("127.0.0.1", self._to)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await reader.read(65_536):
            match self._how:
                case How.HANG:
                    await self._healed.wait()
                case How.SLOW if answers:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._healed.wait(), SLOW_S)
                case How.RESET:
                    raise ConnectionResetError
                case How.GARBAGE if answers:
                    data = self._chance.randbytes(len(data))
                case _:
                    pass
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError
