"""Turn latency: the caller's last sound -> our first sound, as the caller's ear has it, one call at a time.

Three servers stand side by side and are called in turn, so that what else the machine does meets all of them: Attune,
Attune with emotion off, and the same models wired from Pipecat's stock services and defaults.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from pipelines.events import Stage
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierCall
from telephony.simulator.record import CallRecord
from tests.bench.rig import QUESTIONS, Server, percentile, served, voices

console = Console(width=110)

VARIANTS = ("attune", "attune-without-emotion", "stock")


async def _call(server: Server, questions: list[Any]) -> CallRecord:
    call = CarrierCall(server.account(), ScriptedCaller([Say(pcm) for pcm in questions], greeting_s=25.0))
    return await call.run(deadline_s=60 + 25 * len(questions))


async def _stages(server: Server, record: CallRecord) -> dict[str, list[float]]:
    """Seconds per stage of each timed turn, from the service's own record."""
    headers = {"Authorization": f"Bearer {server.key('api_token')}"}
    async with httpx.AsyncClient(base_url=server.origin, headers=headers) as http:
        for _ in range(50):
            found = (await http.get("/v1/calls", params={"carrier_call_id": record.carrier_call_id})).json()["calls"]
            if found and found[0]["status"] == "ended":
                break
            await asyncio.sleep(0.2)
        turns = (await http.get(f"/v1/calls/{found[0]['id']}")).json()["turns"]
    stages = defaultdict(list)
    for turn in turns:
        if turn["total_s"] is not None and turn["stages"]:
            for stage, seconds in turn["stages"].items():
                stages[stage].append(seconds)
            stages["total"].append(turn["total_s"])
    return stages


async def measure(rounds: int, turns: int) -> None:
    """Run the benchmark and print its tables."""
    questions = await voices([QUESTIONS[place % len(QUESTIONS)] for place in range(turns)])
    latencies: dict[str, list[float]] = defaultdict(list)
    unanswered: dict[str, int] = defaultdict(int)
    stages: dict[str, dict[str, list[float]]] = {variant: defaultdict(list) for variant in VARIANTS}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [await stack.enter_async_context(served(variant, folder / variant)) for variant in VARIANTS]
        for number in range(rounds):
            for server in servers[number % len(servers) :] + servers[: number % len(servers)]:
                record = await _call(server, questions)
                found = [turn.latency_s for turn in record.turns]
                latencies[server.variant] += [seconds for seconds in found if seconds is not None]
                unanswered[server.variant] += sum(seconds is None for seconds in found)
                if server.variant != "stock":
                    for stage, seconds in (await _stages(server, record)).items():
                        stages[server.variant][stage] += seconds
                console.print(
                    f"round {number + 1}  {server.variant:<24} p50 {percentile(latencies[server.variant], 50):.2f} s"
                    f"  after {len(latencies[server.variant])} turns"
                )
    _print(latencies, unanswered, stages)


def _print(
    latencies: dict[str, list[float]], unanswered: dict[str, int], stages: dict[str, dict[str, list[float]]]
) -> None:
    base = percentile(latencies["stock"], 50)
    table = Table("", "turns", "p50 s", "p95 s", "max s", "not answered", "p50 / stock", title="Turn latency")
    for variant in VARIANTS:
        values = latencies[variant]
        p50, p95 = percentile(values, 50), percentile(values, 95)
        row = (f"{p50:.3f}", f"{p95:.3f}", f"{max(values, default=0):.3f}", str(unanswered[variant]))
        table.add_row(variant, str(len(values)), *row, f"{p50 / base:.2f}")
    console.print(table)
    ratio = percentile(latencies["attune"], 50) / percentile(latencies["attune-without-emotion"], 50)
    console.print(f"emotion on / off: {ratio:.3f} (p50)")
    split = Table("stage", "p50 ms", "p95 ms", title="Where Attune's time goes (its own clock)")
    for stage in (*Stage, "total"):
        values = stages["attune"][str(stage)]
        split.add_row(str(stage), f"{1000 * percentile(values, 50):.0f}", f"{1000 * percentile(values, 95):.0f}")
    console.print(split)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=10, help="turns of one call")
    options = parser.parse_args()
    asyncio.run(measure(options.rounds, options.turns))
