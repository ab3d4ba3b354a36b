"""A stop with calls on the line: how soon the process says that it is not ready, and whether a call is dropped.

First the calls are left to end by themselves; then, with a short limit, they are handed to humans.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from telephony.audio import Pcm
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierCall
from telephony.simulator.record import CallRecord
from tests.bench.rig import QUESTIONS, Server, served, voices

console = Console(width=100)

READY_S = 1.0


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of a stop.

    Attributes:
        unready_s: from the signal to the first answer that the process is not ready.
        calls: the calls that were on the line, ended.
        late: how a call ended that rang after the signal.
        gone: the process ended by itself.
    """

    unready_s: float
    calls: list[CallRecord]
    late: str
    gone: bool

    def ended(self, how: str) -> int:
        """How many calls ended like this."""
        return sum(how in call.ended for call in self.calls)


async def drain(question: Pcm, calls: int, limit_s: float, turns: int) -> Drained:
    """Stop a process with so many calls of so many turns on the line."""
    with tempfile.TemporaryDirectory() as folder:
        async with served("attune-simulated", Path(folder), env={"ATTUNE_DRAIN_S": str(limit_s)}) as server:
            placed = [
                CarrierCall(server.account(), ScriptedCaller([Say(question)] * turns, quiet_s=0.5, greeting_s=30.0))
                for _ in range(calls)
            ]
            running = [asyncio.ensure_future(call.run(deadline_s=120)) for call in placed]
            async with asyncio.timeout(120):
                while True:
                    for ended in [one for one in running if one.done()]:
                        raise SystemExit(f"a call ended before the stop: {ended.result().ended}")
                    if all(any(entry.kind == "agent sounds" for entry in call.ledger) for call in placed):
                        break
                    await asyncio.sleep(0.05)
            unready_s = await _until_unready(server)
            late = await CarrierCall(server.account(), ScriptedCaller([])).run(deadline_s=20)
            records = list(await asyncio.gather(*running))
            return Drained(unready_s, records, late.ended, await _is_gone(server))


async def _until_unready(server: Server) -> float:
    """Send the signal; seconds until the process says that it is not ready."""
    async with httpx.AsyncClient(base_url=server.origin, timeout=5.0) as http:
        await http.get("/readyz")
        began_s = time.monotonic()
        server.process.terminate()
        while True:
            if (await http.get("/readyz")).status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return time.monotonic() - began_s
            await asyncio.sleep(0.02)


async def _is_gone(server: Server, within_s: float = 30.0) -> bool:
    until_s = time.monotonic() + within_s
    while True:
        if not server.process.is_running() or server.process.status() == "zombie":
            return True
        if time.monotonic() >= until_s:
            return False
        await asyncio.sleep(0.1)


async def measure(calls: int) -> None:
    """Run both stops and print what was asked and reached."""
    question = (await voices(QUESTIONS[:1]))[0]
    left = await drain(question, calls, limit_s=90, turns=2)
    handed = await drain(question, calls, limit_s=2, turns=30)
    table = Table("what", "asked", "reached", title=f"stops with {calls} calls on the line")
    unready_s = max(left.unready_s, handed.unready_s)
    table.add_row("signal -> not ready", f"< {READY_S:.0f} s", f"{1000 * unready_s:.0f} ms")
    table.add_row("calls that came to their own end", f"{calls} of {calls}", str(left.ended("the caller hung up")))
    table.add_row("at the limit: calls handed to a human", f"{calls} of {calls}", str(handed.ended("queued")))
    table.add_row("a call that rings after the signal", "a human", f"{left.late}; {handed.late}")
    table.add_row("the process ends by itself", "twice", str(int(left.gone) + int(handed.gone)))
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20)
    options = parser.parse_args()
    asyncio.run(measure(options.calls))
