"""The ground under the tests holds: nothing reaches outside, nothing is left running."""

from __future__ import annotations

import asyncio
import importlib
import socket
from pathlib import Path

import pytest

from tests.conftest import end_leftovers

OUTSIDE = ("192.0.2.1", 80)  # RFC 5737: an address that nobody has


def test_a_socket_to_the_outside_is_refused() -> None:
    """Code that reaches for the internet fails its test at once."""
    with pytest.raises(UserWarning, match=r"192\.0\.2\.1"):
        socket.create_connection(OUTSIDE, timeout=1)


async def test_the_event_loop_cannot_reach_outside_either() -> None:
    """The same through asyncio."""
    with pytest.raises(UserWarning, match=r"192\.0\.2\.1"):
        await asyncio.open_connection(*OUTSIDE)


async def test_loopback_and_unix_sockets_are_open(tmp_path: Path) -> None:
    """Servers that tests start themselves can be reached."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        assert await reader.read() == b"hello"
        writer.close()
    path = str(tmp_path / "door")
    async with await asyncio.start_unix_server(greet, path):
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.read() == b"hello"
        writer.close()


async def test_a_task_left_behind_is_found_and_ended() -> None:
    """The guard names the forgotten task; a task that was cancelled in time does not trip it."""
    forgotten = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    ended = asyncio.create_task(asyncio.Event().wait(), name="ended")
    ended.cancel()
    assert [name.split(":")[0] for name in await end_leftovers(0.01)] == ["forgotten"]
    assert forgotten.cancelled()


@pytest.mark.parametrize("module", ["pipecat.services.nvidia.tts", "pipecat.transports.smallwebrtc.transport"])
def test_third_party_imports_raise_no_warning_we_did_not_look_at(module: str) -> None:
    """Warnings are errors; those of libraries that we cannot mend are listed one by one in pyproject.toml."""
    assert importlib.import_module(module)
