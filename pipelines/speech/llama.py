"""The embedded LLM: llama.cpp in a child process that is watched, restarted, and never outlives us.

A process of its own keeps generation out of our interpreter's lock and lets it be killed without harm to calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pipelines.ports import EngineFailed

log = logging.getLogger(__name__)

START_DEADLINE_S = 60.0
"""Longest wait for a model to be loaded."""

STOP_DEADLINE_S = 2.0
"""Longest wait for the child to go by itself."""

STEADY_S = 30.0
"""A child that lived this long was healthy: the next failure is a first one again."""

SMALL_BYTES = 600 * 2**20
"""A model file below this is small: a billion parameters take about as much at four and a half bits each."""

LAST_WORDS = 1000
"""Bytes of the child's complaints that are kept for the error."""

_MODULE = "pipelines.speech.llama_server"


def backoff_s(failures: int) -> float:
    """Pause before another start: none after the first failure, then doubling from a quarter of a second to ten."""
    return 0.0 if failures <= 1 else float(min(10.0, 0.25 * 2 ** min(failures - 2, 10)))


class EmbeddedLlama:
    """A GGUF model behind the OpenAI protocol on loopback, for as long as the context is open.

    `base_url` stays the same when the child is restarted; while it is away, connections are refused at once.
    """

    def __init__(
        self, model_path: Path, *, threads: int = 1, context_tokens: int = 2048, at_once: int = 1, nice: int = 3
    ) -> None:
        """Say what to run; nothing starts yet.

        Args:
            model_path: the GGUF file.
            threads: of the generation, shared by all replies. More than one is faster only while that many cores are
                free: with two busy cores, two threads of a small model were ten times slower than one.
            context_tokens: prompt and reply of one request.
            at_once: replies at once; each holds its own prefix.
            nice: how much the child steps back behind other processes, 0..19.
        """
        self._model = model_path
        self._command = (
            *(sys.executable, "-m", _MODULE, str(model_path)),
            *("--threads", str(threads), "--context-tokens", str(context_tokens)),
            *("--at-once", str(at_once), "--nice", str(nice)),
        )
        self._port = 0
        self._small = False
        self._child: _Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def is_small(self) -> bool:
        """Whether the model needs the plain prompt: below about a billion parameters, by the size of its file."""
        return self._small

    @property
    def base_url(self) -> str:
        """Where it listens, known once the context is open."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def is_up(self) -> bool:
        """Whether the child runs with its model loaded."""
        return self._child is not None and self._child.lives

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.process.pid if self._child is not None and self._child.lives else None

    async def __aenter__(self) -> Self:
        """Start the child and wait until its model is loaded.

        Raises:
            EngineFailed: it does not start; the message ends with what it said last.
        """
        self._small = self._model.is_file() and self._model.stat().st_size < SMALL_BYTES
        self._child = await self._start()
        self._keeper = asyncio.create_task(self._keep(self._child), name="embedded-llama")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching and end the child."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._child is not None:
            await self._child.end()
            self._child = None

    async def _keep(self, child: _Child) -> None:
        """Restart the child whenever it dies, with growing pauses while it keeps failing."""
        failures = 0
        while True:
            born = time.monotonic()
            status = await child.process.wait()
            failures = 1 if time.monotonic() - born > STEADY_S else failures + 1
            log.warning("embedded LLM died", extra={"exit_status": status, "failures": failures})
            await child.end()
            self._child = child = await self._restarted(failures)
            self.restarts += 1

    async def _restarted(self, failures: int) -> _Child:
        while True:
            await asyncio.sleep(backoff_s(failures))
            try:
                return await self._start()
            except EngineFailed as failed:
                failures += 1
                log.warning("embedded LLM does not start", extra={"reason": str(failed), "failures": failures})

    async def _start(self) -> _Child:
        """A child with its model loaded, on the port of the one before.

        Raises:
            EngineFailed: it ended, or took too long.
        """
        child = await _Child.begin((*self._command, "--port", str(self._port)))
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                address = await child.first_line()
        except TimeoutError as late:
            await child.end()
            raise EngineFailed(f"embedded LLM: {self._model.name} was not loaded in {START_DEADLINE_S:g} s") from late
        except BaseException:
            await child.end()
            raise
        if not address:
            await child.end()
            raise EngineFailed(f"embedded LLM: {self._model.name} does not load: {child.last_words}")
        self._port = urlsplit(address).port or self._port
        return child


class _Child:
    """A process whose standard input we hold and whose complaints are read, so that they never block it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._complaints = b""
        self._ear = asyncio.create_task(self._listen(), name="embedded-llama-errors")

    @classmethod
    async def begin(cls, command: tuple[str, ...]) -> _Child:
        return cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE))

    @property
    def lives(self) -> bool:
        return self.process.returncode is None

    @property
    def last_words(self) -> str:
        return self._complaints.decode(errors="replace").strip()

    async def first_line(self) -> str:
        """Its first line, empty where it ended without one."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode(errors="replace").strip()

    async def end(self) -> None:
        """Let go of its input, at which it goes; kill it where it does not."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        await asyncio.wait([self._ear])

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while heard := await self.process.stderr.read(4096):
            self._complaints = (self._complaints + heard)[-LAST_WORDS:]
