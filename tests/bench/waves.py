"""Waves of calls: what setting up a call blocks, and whether memory and tasks come back after each wave.

The models' time is simulated, so that ten calls at once show the media path and not the models.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from telephony.audio import Pcm
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierCall
from tests.bench.rig import QUESTIONS, Server, served, voices

console = Console(width=100)


async def _probe(server: Server) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=server.origin) as http:
        return {name: float(value) for name, value in (await http.get("/bench/probe")).json().items()}


async def _call(server: Server, question: Pcm, after_s: float) -> bool:
    await asyncio.sleep(after_s)
    record = await CarrierCall(server.account(), ScriptedCaller([Say(question)], greeting_s=30.0)).run(deadline_s=120)
    return record.turns[0].latency_s is not None


async def measure(waves: int, calls: int) -> None:
    """Run the benchmark and print its table."""
    question = (await voices(QUESTIONS[:1]))[0]
    with tempfile.TemporaryDirectory() as folder:
        async with served("attune-simulated", Path(folder)) as server:
            await _probe(server)
            setups = [await _set_up(server, question) for _ in range(calls)]
            table = Table("wave", "answered", "RSS MiB", "tasks", "fds", title=f"{waves} waves of {calls} calls")
            rss: list[float] = []
            bases: list[tuple[float, int]] = []
            for number in range(waves):
                answered = sum(await asyncio.gather(*(_call(server, question, 0.2 * place) for place in range(calls))))
                await asyncio.sleep(3.0)
                rss.append(server.rss_mib())
                tasks = (await _probe(server))["tasks"]
                bases.append((tasks, server.descriptors()))
                row = (str(number + 1), f"{answered} of {calls}", f"{rss[-1]:.1f}", f"{tasks:.0f}", str(bases[-1][1]))
                table.add_row(*row)
    console.print(table)
    _show_churn(rss, bases, calls)
    console.print(f"RSS after the first wave: {min(rss[1:]) - rss[0]:+.1f} .. {max(rss[1:]) - rss[0]:+.1f} MiB")
    console.print(
        f"longest stall of the event loop while a call is set up: first {setups[0]:.1f} ms, "
        f"then median {sorted(setups[1:])[len(setups[1:]) // 2]:.1f} ms, longest {max(setups[1:]):.1f} ms"
    )


def _show_churn(rss: list[float], bases: list[tuple[float, int]], calls: int) -> None:
    """Print what the waves left behind, over the waves after the first third: caches fill in the beginning."""
    settled = len(rss) // 3
    if len(rss) - settled < 2:
        return
    slope = float(np.polyfit(np.arange(len(rss) - settled) * calls, rss[settled:], 1)[0]) * 1000
    (tasks, files), (first_tasks, first_files) = bases[-1], bases[0]
    table = Table("what", "asked", "reached", title=f"churn of {len(rss) * calls} calls")
    table.add_row("tasks after the last wave", f"<= {first_tasks:.0f} (first)", f"{tasks:.0f}")
    table.add_row("file descriptors after the last wave", f"<= {first_files} (first)", str(files))
    table.add_row("memory per 1,000 calls", "< +1 MB", f"{slope * 1.048576:+.2f} MB")
    console.print(table)


async def _set_up(server: Server, question: Pcm) -> float:
    """The longest stall in milliseconds from the ring to a second after the first sound of one call alone."""
    await _probe(server)
    call = CarrierCall(server.account(), ScriptedCaller([Say(question)], greeting_s=30.0))
    ringing = asyncio.ensure_future(call.run(deadline_s=120))
    await asyncio.sleep(1.5)
    stall_ms = (await _probe(server))["stall_ms"]
    call.complete()
    await ringing
    await asyncio.sleep(0.5)
    return stall_ms


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waves", type=int, default=6)
    parser.add_argument("--calls", type=int, default=10)
    options = parser.parse_args()
    asyncio.run(measure(options.waves, options.calls))
