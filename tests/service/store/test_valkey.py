"""The embedded Valkey: one per directory, started again when it dies, gone when its block ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from service.store.conversation_state import StateStore
from service.store.valkey import EmbeddedValkey, ValkeyFailed
from tests.service.story import until

LEAVES_ONE_BEHIND = """
import asyncio, os, sys
from pathlib import Path
from service.store.valkey import EmbeddedValkey

async def main() -> None:
    async with EmbeddedValkey(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def answers(server: EmbeddedValkey) -> bool:
    """Whether it answers."""
    store = StateStore(server.url, keep_s=60)
    wrong = await store.check()
    await store.close()
    return wrong is None


async def test_it_runs_for_as_long_as_its_block(tmp_path: Path) -> None:
    """Started with the block, gone with it; a client is told that it is away."""
    server = EmbeddedValkey(tmp_path / "valkey")
    async with server:
        pid = server.pid
        assert pid is not None
        assert await answers(server)
    assert server.pid is None
    assert not psutil.pid_exists(pid)
    assert not await answers(server)


async def test_it_is_started_again_when_it_dies(valkey: EmbeddedValkey) -> None:
    """Kill -9: a second later a new one answers at the same place."""
    first = valkey.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: valkey.pid not in (None, first))
    await until(lambda: answers(valkey))


async def test_one_that_a_killed_process_left_behind_is_replaced(tmp_path: Path) -> None:
    """The next start stops the leftover and runs its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LEAVES_ONE_BEHIND,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    leftover = int(out)
    try:
        assert psutil.pid_exists(leftover)
        async with EmbeddedValkey(tmp_path) as server:
            assert server.pid not in (None, leftover)
            assert await answers(server)
        await until(lambda: not psutil.pid_exists(leftover) or psutil.Process(leftover).status() == "zombie")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(leftover, signal.SIGKILL)


async def test_two_living_processes_do_not_share_one(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """The second is told that the directory is taken, and the first goes on."""
    with pytest.raises(ValkeyFailed, match="another process"):
        async with EmbeddedValkey(tmp_path / "valkey"):
            pass
    assert await answers(valkey)


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """The system limits the length of a socket's path; ours may lie deeper."""
    async with EmbeddedValkey(tmp_path / ("deep" * 30)) as server:
        assert await answers(server)
