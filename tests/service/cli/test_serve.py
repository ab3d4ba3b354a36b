"""Stopping the service: running calls may end, then a colleague takes over; a second signal stops at once."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from typing import cast

import uvicorn

from service.cli.serve import POLL_S, DrainingServer
from service.wiring import House


@dataclass
class Admission:
    """What the server asks of admission."""

    running: int
    draining: bool = False


@dataclass
class Desk:
    """Hands calls over; they end by it."""

    admission: Admission
    reasons: list[str] = field(default_factory=list)

    async def hand_over_all(self, reason: str) -> None:
        """Hand over."""
        self.reasons.append(reason)
        self.admission.running = 0


class Calls:
    """A house with calls in it."""

    def __init__(self, running: int = 1) -> None:
        self.admission = Admission(running)
        self.desk = Desk(self.admission)


def server(calls: Calls, drain_s: float = 60.0) -> DrainingServer:
    """A server that is never started: only its answer to signals is of interest."""

    async def app(*_: object) -> None:
        """Nothing."""

    return DrainingServer(uvicorn.Config(app), [cast(House, calls)], drain_s)


async def test_running_calls_may_end() -> None:
    """No new calls are taken from the first moment; the server stops when the last one has ended."""
    calls = Calls()
    one = server(calls)
    one.handle_exit(signal.SIGTERM, None)
    assert calls.admission.draining
    await asyncio.sleep(POLL_S)
    assert not one.should_exit
    calls.admission.running = 0
    await asyncio.sleep(3 * POLL_S)
    assert one.should_exit
    assert not calls.desk.reasons


async def test_at_the_limit_colleagues_take_over() -> None:
    """Whoever still talks is handed over, and the server stops after that."""
    calls = Calls()
    one = server(calls, drain_s=0.0)
    one.handle_exit(signal.SIGTERM, None)
    await asyncio.sleep(3 * POLL_S)
    assert calls.desk.reasons == ["maintenance"]
    assert one.should_exit


async def test_without_calls_it_stops_at_once() -> None:
    """Nobody is there to wait for."""
    one = server(Calls(0))
    one.handle_exit(signal.SIGTERM, None)
    assert one.should_exit


async def test_a_second_signal_stops_at_once() -> None:
    """Whoever asks twice means it."""
    one = server(Calls())
    one.handle_exit(signal.SIGTERM, None)
    one.handle_exit(signal.SIGTERM, None)
    assert one.should_exit
