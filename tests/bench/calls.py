"""Capacity: how many talking calls one core holds before the caller hears gaps, with the models' time simulated.

The server has one core and the callers the other. Calls are added in steps; at each step every caller talks for a
while, and the lateness of each arriving piece of speech is what a caller would hear as a gap.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from telephony.audio import Pcm
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierCall
from tests.bench.rig import QUESTIONS, Server, percentile, served, voices

console = Console(width=110)

VARIANTS = ("attune-simulated", "stock-simulated")
LONGEST_GAP_S = 0.03
"""A gap that is heard."""


@dataclass(frozen=True, slots=True)
class Step:
    """What so many calls at once did."""

    calls: int
    gap_p99_ms: float
    response_p50_s: float
    response_p95_s: float
    cpu_per_call: float
    rss_per_call_mib: float
    answered: int


async def _talk(server: Server, questions: list[Pcm], after_s: float) -> tuple[list[float], list[float]]:
    await asyncio.sleep(after_s)
    caller = ScriptedCaller([Say(pcm) for pcm in questions], greeting_s=30.0)
    record = await CarrierCall(server.account(), caller).run(deadline_s=300)
    return record.gaps_s(), [turn.latency_s for turn in record.turns if turn.latency_s is not None]


async def _step(server: Server, calls: int, questions: list[Pcm]) -> Step:
    rss_before, cpu_before = server.rss_mib(), server.cpu_s()
    began = asyncio.get_running_loop().time()
    peak = rss_before
    talks = [asyncio.ensure_future(_talk(server, questions, 0.37 * place)) for place in range(calls)]
    while not all(talk.done() for talk in talks):
        await asyncio.sleep(0.5)
        peak = max(peak, server.rss_mib())
    seconds = asyncio.get_running_loop().time() - began
    results = [talk.result() for talk in talks]
    gaps = [gap for late, _ in results for gap in late]
    latencies = [latency for _, found in results for latency in found]
    return Step(
        calls,
        1000 * percentile(gaps, 99),
        percentile(latencies, 50),
        percentile(latencies, 95),
        100 * (server.cpu_s() - cpu_before) / seconds / calls,
        (peak - rss_before) / calls,
        len(latencies),
    )


async def measure(steps: list[int], turns: int) -> None:
    """Run the benchmark and print its table."""
    questions = await voices(QUESTIONS[:turns])
    cores = (0, 1) if (os.cpu_count() or 1) > 1 else (0, 0)
    psutil.Process().cpu_affinity([cores[1]])
    results: dict[str, list[Step]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            async with served(variant, Path(folder) / variant, core=cores[0]) as server:
                await _step(server, 2, questions[:2])
                results[variant] = []
                for calls in steps:
                    step = await _step(server, calls, questions)
                    results[variant].append(step)
                    console.print(f"{variant:<18} {calls:3d} calls: gap p99 {step.gap_p99_ms:.0f} ms")
                    if step.gap_p99_ms >= 1000 * LONGEST_GAP_S:
                        break
    table = Table(
        "",
        "calls",
        "gap p99 ms",
        "response p50 / p95 s",
        "answers",
        "CPU % of a core a call",
        "RSS MiB a call",
        title="Talking calls on one core",
    )
    for variant, found in results.items():
        for step in found:
            table.add_row(
                variant,
                str(step.calls),
                f"{step.gap_p99_ms:.0f}",
                f"{step.response_p50_s:.2f} / {step.response_p95_s:.2f}",
                f"{step.answered} of {step.calls * turns}",
                f"{step.cpu_per_call:.1f}",
                f"{step.rss_per_call_mib:.1f}",
            )
    console.print(table)
    for variant, found in results.items():
        held = max((step.calls for step in found if step.gap_p99_ms < 1000 * LONGEST_GAP_S), default=0)
        console.print(f"{variant}: {held} calls a core with a playout gap p99 below {1000 * LONGEST_GAP_S:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 10, 15, 20])
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    asyncio.run(measure(options.steps, options.turns))
