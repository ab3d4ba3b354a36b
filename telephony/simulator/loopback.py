"""Serve a web application on a free loopback port, inside the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn
from starlette.types import ASGIApp

START_S = 60.0
"""Longest that an application may take to start."""


class _Server(uvicorn.Server):
    """Says when it is up, and leaves the process's signal handlers alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def served(app: ASGIApp, *, ws_max_size: int = 16 * 1024 * 1024) -> AsyncIterator[str]:
    """Serve `app` while the block runs; yields its origin, `http://127.0.0.1:PORT`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        config = uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            ws_max_size=ws_max_size,
            timeout_graceful_shutdown=2,
        )
        server = _Server(config)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]), name="loopback server")
            try:
                await asyncio.wait_for(server.up.wait(), START_S)
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
