"""`attune serve`: start the product; `attune migrate`: only bring the database up to date."""

from __future__ import annotations

import asyncio
import socket
import time
from enum import StrEnum
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from pipelines.models.catalogue import CATALOGUE
from pipelines.models.install import State, verify
from pipelines.ports import EngineFailed
from service.app import create_app
from service.cli.configured import read_settings
from service.emotion_server import serve_emotion
from service.settings import Settings
from service.store.database import Database
from service.telemetry.logs import Logs
from service.telemetry.metrics import Meters
from service.wiring import House

console = Console(stderr=True, highlight=False)

POLL_S = 0.2

MAX_MESSAGE_BYTES = 65_536
"""Longest websocket message; uvicorn would take 16 MiB."""

MAX_WAITING_MESSAGES = 64
"""Messages of a socket that may wait for us, about a second of a call; then its sender has to."""

HAND_OVER_S = 20.0
"""How long callers may take to hear, after the drain limit, that a colleague takes over."""


class Role(StrEnum):
    """What a process serves."""

    CALLS = "calls"
    EMOTION = "emotion"


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    role: Annotated[Role, typer.Option(help="calls, or emotion from the voice for many call workers")] = Role.CALLS,
) -> None:
    """Start the service with everything it needs."""
    settings = read_settings()
    moved = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if moved:
        origin = f"http://{moved.get('host', settings.host)}:{moved.get('port', settings.port)}"
        if "public_origin" not in settings.model_fields_set:
            moved["public_origin"] = origin
        settings = settings.model_copy(update=moved)
    if not _is_free(settings.host, settings.port):
        console.print(f"[red]Port {settings.port} on {settings.host} is taken[/red]: is Attune running already?")
        raise typer.Exit(1)
    if role is Role.EMOTION:
        _serve_emotion(settings)
        return
    _want_models(settings)
    meters = Meters()
    with Logs(settings.log_level, as_json=settings.log_json, on_drop=meters.dropped.labels("log").inc):
        houses: list[House] = []

        def ready(house: House) -> None:
            houses.append(house)
            _welcome(house)

        app = create_app(settings, meters, tell=lambda what: console.print(f"  {what}"), ready=ready)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_max_queue=MAX_WAITING_MESSAGES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
            server_header=False,
        )
        DrainingServer(config, houses, settings.drain_s).run()


def _serve_emotion(settings: Settings) -> None:
    try:
        serve_emotion(settings, lambda what: console.print(f"  {what}"))
    except EngineFailed as failed:
        console.print(f"[red]{failed}[/red]")
        raise typer.Exit(1) from failed


class DrainingServer(uvicorn.Server):
    """Lets running calls end before it stops: uvicorn alone would close their sockets at the first signal.

    From the first signal on no new calls are taken and the process says that it is not ready. At the drain limit the
    callers that are left are told that a colleague takes over, and go there.
    """

    def __init__(self, config: uvicorn.Config, houses: list[House], drain_s: float) -> None:
        super().__init__(config)
        self._houses = houses
        self._drain_s = drain_s
        self._drain: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: take no new calls and wait for the running ones. Second signal: stop now."""
        for house in self._houses:
            house.admission.draining = True
        if self._drain is not None:
            self._drain.cancel()
        if self._drain is not None or not self._running:
            super().handle_exit(sig, frame)
            return
        console.print(f"  running calls: {self._running}; they have {self._drain_s:g} s (once more to stop now)")
        self._drain = asyncio.get_running_loop().create_task(self._until_calls_ended(sig, frame), name="drain")

    async def _until_calls_ended(self, sig: int, frame: FrameType | None) -> None:
        if not await self._ended_within(self._drain_s):
            console.print(f"  running calls: {self._running}; they are handed to colleagues now")
            for house in self._houses:
                await house.desk.hand_over_all("maintenance")
            await self._ended_within(HAND_OVER_S)
        super().handle_exit(sig, frame)

    async def _ended_within(self, seconds: float) -> bool:
        """Wait for the running calls to end; False where some are left."""
        until_s = time.monotonic() + seconds
        while self._running:
            if time.monotonic() >= until_s:
                return False
            await asyncio.sleep(POLL_S)
        return True

    @property
    def _running(self) -> int:
        return sum(house.admission.running for house in self._houses)


def migrate() -> None:
    """Bring the database up to date and stop."""
    settings = read_settings()

    async def upgrade() -> None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database)
        try:
            await database.migrate()
        finally:
            await database.close()

    asyncio.run(upgrade())
    console.print("The database is up to date.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _want_models(settings: Settings) -> None:
    """End with one line where a model that the settings name is not there or damaged."""
    named = (
        "silero-vad",
        "smart-turn",
        settings.speaker.engine,
        settings.recogniser.model if settings.recogniser.engine == "whisper" else "",
        settings.writer.model if settings.writer.engine == "embedded" else "",
    )
    names = [name for name in named if name in CATALOGUE]
    bad = [finding for finding in verify(names, settings.models.cache_dir) if finding.state is not State.GOOD]
    for finding in bad:
        console.print(f"[red]{finding.model}[/red] is {finding.state}: attune models install {finding.model}")
    if bad:
        raise typer.Exit(1)


def _welcome(house: House) -> None:
    settings = house.settings
    console.print(f"\n[bold]Attune answers on {settings.public_origin}[/bold]")
    console.print(f"  1  talk to it in the browser   {settings.public_origin}/call")
    console.print("  2  ring it with a recording    .venv/bin/attune call FILE.wav")
    console.print("  3  hear callers in many moods  .venv/bin/attune demo --mood angry")
    console.print(f"  4  watch its metrics           {settings.public_origin}/metrics")
    console.print('  5  give it a real number       README.md, "A real telephone number"\n')
