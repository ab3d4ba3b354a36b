"""Web calls over bad networks: what arrives each way at each point, and how long after a black-out the call is back.

An aiortc caller and the service's own leg in one process, joined by a relay that loses and delays packets. The caller
sounds without a pause, the agent too; a party is back when 20 ms of the other's sound arrive after the black-out.
"""

from __future__ import annotations

import argparse
import asyncio

import numpy as np
from loguru import logger as pipecat_logger
from rich.console import Console
from rich.table import Table

from telephony.simulator.relay import Conditions, Relay
from telephony.simulator.web_caller import WebCaller
from telephony.webrtc.leg import WebRtcLeg
from tests.bench.rig import percentile
from tests.telephony.webrtc.test_leg import Ear, Host, loud_s
from tests.telephony.webrtc.test_network import POINTS, calling_through, soon

console = Console(width=110)


async def _speak(leg: WebRtcLeg, ear: Ear) -> None:
    while not leg.is_over:
        await ear.say(2.0)
        await asyncio.sleep(1.95)


def _service_heard(host: Host) -> float:
    return loud_s(np.frombuffer(bytes(host.ears[0].pcm), dtype=np.int16), 16_000) if host.ears else 0.0


async def _point(conditions: Conditions, seconds: float, seed: int) -> tuple[float, float, bool]:
    """Share of the sound that arrived at the service and at the caller, and whether the call was still up."""
    host = Host(_speak)
    async with Relay(conditions, seed=seed) as relay, calling_through(relay, host, seconds + 60) as caller:
        await soon(lambda: _service_heard(host) > 0.2 and loud_s(caller.heard, 16_000) > 0.2)
        before = _service_heard(host), loud_s(caller.heard, 16_000)
        await asyncio.sleep(seconds)
        after = _service_heard(host), loud_s(caller.heard, 16_000)
        up = not host.reasons and caller.state == "connected"
    return (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds, up


async def _black_out(seconds: float, seed: int) -> tuple[float, float]:
    """Seconds from the end of a black-out until the service hears the caller, and the caller the service."""
    host = Host(_speak)
    loop = asyncio.get_running_loop()
    async with Relay(Conditions(), seed=seed) as relay, calling_through(relay, host, 90) as caller:
        await soon(lambda: _service_heard(host) > 0.3 and loud_s(caller.heard, 16_000) > 0.3)
        relay.black_out(seconds)
        await asyncio.sleep(seconds - 0.1)
        ends_s = loop.time() + 0.1
        before = _service_heard(host), loud_s(caller.heard, 16_000)
        back: list[float] = []
        for heard in (lambda: _service_heard(host) > before[0], lambda: _sounds(caller, before[1])):
            await soon(heard, 30)
            back.append(loop.time() - ends_s)
    return back[0], back[1]


def _sounds(caller: WebCaller, before: float) -> bool:
    return loud_s(caller.heard, 16_000) > before


async def measure(seconds: float, rounds: int) -> None:
    """Run the benchmark and print its tables."""
    table = Table("network", "caller's sound arrived", "agent's sound arrived", "call", title="Loss")
    for name, conditions in {"none": Conditions(), **POINTS}.items():
        found = [await _point(conditions, seconds, 10 * turn) for turn in range(1, 1 + rounds)]
        inbound, outbound, up = zip(*found, strict=True)
        table.add_row(
            name,
            f"{100 * sum(inbound) / rounds:.0f} %",
            f"{100 * sum(outbound) / rounds:.0f} %",
            f"{sum(up)} of {rounds} up",
        )
        console.print(f"{name}: done")
    console.print(table)
    backs = [await _black_out(5.0, 10 * turn) for turn in range(1, 1 + rounds)]
    table = Table("after 5 s of nothing", "p50 s", "longest s", title="Back after a black-out")
    for name, values in (
        ("the service hears", [one for one, _ in backs]),
        ("the caller hears", [two for _, two in backs]),
    ):
        table.add_row(name, f"{percentile(values, 50):.2f}", f"{max(values):.2f}")
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pipecat_logger.remove()
    asyncio.run(measure(options.seconds, options.rounds))
