"""Stopping the service: running calls may end, a second signal stops at once."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from typing import cast

import uvicorn

from service.cli.serve import DrainingServer
from service.wiring import House


@dataclass
class Admission:
    """What the server asks of admission."""

    live: int
    draining: bool = False


@dataclass
class Calls:
    """A house with calls in it."""

    admission: Admission = field(default_factory=lambda: Admission(1))


def server(calls: Calls) -> DrainingServer:
    """A server that is never started: only its answer to signals is of interest."""

    async def app(*_: object) -> None:
        """Nothing."""

    return DrainingServer(uvicorn.Config(app), [cast(House, calls)])


async def test_running_calls_may_end() -> None:
    """No new calls are taken; the server stops when the last one has ended."""
    calls = Calls()
    one = server(calls)
    one.handle_exit(signal.SIGTERM, None)
    await asyncio.sleep(0.05)
    assert calls.admission.draining
    assert not one.should_exit
    calls.admission.live = 0
    await asyncio.sleep(0.7)
    assert one.should_exit


async def test_without_calls_it_stops_at_once() -> None:
    """Nobody is there to wait for."""
    one = server(Calls(Admission(0)))
    one.handle_exit(signal.SIGTERM, None)
    assert one.should_exit


async def test_a_second_signal_stops_at_once() -> None:
    """Whoever asks twice means it."""
    one = server(Calls())
    one.handle_exit(signal.SIGTERM, None)
    one.handle_exit(signal.SIGTERM, None)
    assert one.should_exit
