"""Real SIP calls: sipp -> Asterisk 22 -> our media socket -> a conversation with simulated models -> the telephone.

A call is good when its telephone heard the greeting and an answer to each of its questions. Afterwards the service is
taken away and callers ring again: each has to reach the dialplan's queue and hear its music.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from telephony.simulator.caller import Say, Step
from tests.bench.rig import QUESTIONS, percentile, served, voices
from tests.sip.exchange import LOGIN, exchange, missing
from tests.sip.telephone import Placed, place_calls

console = Console(width=110)


def good(placed: Placed, questions: int) -> int:
    """Calls in which the agent was heard at the beginning and after each question."""
    return sum(set(range(questions + 1)) <= telephone.answered for telephone in placed.telephones)


async def measure(calls: int, at_once: int, questions: int, seconds: float) -> None:
    """Run the benchmark and print its table."""
    reason = missing()
    if reason:
        raise SystemExit(f"no real SIP call can be made here: {reason}")
    os.environ["ATTUNE_ASTERISK__CREDENTIALS"] = json.dumps({LOGIN[0]: LOGIN[1]})
    spoken = await voices(QUESTIONS[:questions])
    script: list[Step] = [Say(pcm) for pcm in spoken]
    nothing: list[Step] = []
    with tempfile.TemporaryDirectory() as folder:
        async with served("attune-simulated", Path(folder)) as server, exchange(server.port) as line:
            console.print(f"{calls} calls, {at_once} at once, {seconds:.0f} s each: the service is at {server.origin}")
            cpu_s, began_s = server.cpu_s(), time.monotonic()
            placed = await place_calls(
                line.sip_port, [script] * calls, seconds=seconds, at_once=at_once, a_second=2.0, quiet_s=0.8
            )
            busy = 100 * (server.cpu_s() - cpu_s) / (time.monotonic() - began_s)
            queued = line.told("attune: to a human")
        async with exchange(server.port) as line:
            console.print("the service is gone: five more callers")
            down = await place_calls(line.sip_port, [nothing] * 5, seconds=5, a_second=5)
            fell_back = line.told("attune: to a human: support")
    latencies = [latency for telephone in placed.telephones for latency in telephone.latencies_s()]
    gaps = [gap for telephone in placed.telephones for gap in telephone.gaps_s if gap < 1.0]
    responses = f"{percentile(latencies, 50):.2f} / {percentile(latencies, 95):.2f} s"
    table = Table("", "", title="Calls over chan_websocket")
    for name, value in (
        ("good calls", f"{good(placed, questions)} of {calls} ({100 * good(placed, questions) / calls:.1f} %)"),
        ("sipp's verdict", "every call as SIP wants it" if placed.failed == 0 else f"exit code {placed.failed}"),
        ("sent to a human by the dialplan", str(queued)),
        ("caller silent -> agent heard, p50 / p95", responses),
        ("between RTP packets, p50 / p99", f"{1000 * percentile(gaps, 50):.1f} / {1000 * percentile(gaps, 99):.1f} ms"),
        ("service, of one core", f"{busy:.0f} %"),
        ("service down: in the queue, with music", f"{fell_back} of 5, sipp exit code {down.failed}"),
    ):
        table.add_row(name, value)
    console.print(table)
    if placed.output and placed.failed:
        console.print(placed.output[-1500:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=35.0)
    options = parser.parse_args()
    asyncio.run(measure(options.calls, options.at_once, options.questions, options.seconds))
