"""Kill -9 of a process with calls on the line: what of the record is lost, and how soon every caller is heard again.

Two processes share a disk, a database and a Redis, as behind a balancer that tries the next one where one is gone. One
of them is killed at a random moment while callers talk with it. What had been told is known from Redis, which hears
every event within a tenth of a second; what is kept is read from the database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from service.domain.calls import LIFE
from service.store.calls import CallRepository, whose_line
from service.store.conversation_state import live_key
from service.store.database import Database
from service.store.valkey import EmbeddedValkey
from telephony.audio import Pcm
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierAccount, CarrierCall
from tests.bench.rig import QUESTIONS, Server, percentile, served, voices

console = Console(width=100)

ORIGIN = "http://calls.example"
CLASS_A = {"CallStarted", "DisclosureHeard", "AnalysisStopped", "Escalated"}
MIRROR_S = 0.1
"""Redis may hear of an event so much later than it happened."""
HEARD_WITHIN_S = 3.0
LOST_WITHIN_S = 0.25


@dataclass(slots=True)
class Loss:
    """What became of one call whose process was killed.

    Attributes:
        back_s: seconds from the loss of the stream to the agent's next sound or to the human; None for never.
        human: the caller went to a human.
        class_a: vital events that were told and are not in the record.
        class_b_s: age of the oldest other event that was told and is not in the record, seconds before the kill.
        torn: the record is not one story: a gap, or a call that is still open.
    """

    back_s: float | None = None
    human: bool = False
    class_a: int = 0
    class_b_s: float = 0.0
    torn: str = ""


@dataclass
class Rig:
    """Two processes and what they share."""

    data: Path
    redis_url: str
    stack: AsyncExitStack
    servers: list[Server] = field(default_factory=list)

    async def start(self) -> Server:
        """Start one more process."""
        env = {"ATTUNE_PUBLIC_ORIGIN": ORIGIN, "ATTUNE_REDIS_URL": self.redis_url}
        server = await self.stack.enter_async_context(served("attune-simulated", self.data, env=env))
        self.servers.append(server)
        return server

    def account(self) -> CarrierAccount:
        """The carrier, with a balancer that prefers the oldest process."""
        first, *others = self.servers
        there = replace(first.account(), public_origin=ORIGIN, reached_at=first.origin)
        return replace(there, or_at=tuple(other.origin for other in others))


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Open everything that the processes share, and two of them."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        async with AsyncExitStack() as stack:
            valkey = await stack.enter_async_context(EmbeddedValkey(data / "shared-valkey"))
            shared = Rig(data, valkey.url, stack)
            await shared.start()
            await shared.start()
            yield shared


async def kill(rig: Rig, question: Pcm, calls: int, chance: random.Random) -> list[Loss]:
    """Kill the process that holds the calls; everything that happened to them."""
    account = rig.account()
    placed = [CarrierCall(account, ScriptedCaller([Say(question)] * 40, quiet_s=0.4)) for _ in range(calls)]
    running = [asyncio.ensure_future(call.run(deadline_s=90)) for call in placed]
    try:
        await _until(lambda: all(_times(call, "agent sounds") for call in placed), 30.0)
        await asyncio.sleep(chance.uniform(0.5, 6.0))
        victim = rig.servers.pop(0)
        killed_at = time.time()
        victim.process.kill()
        await _until(lambda: all(_back_s(call) is not None for call in placed), 20.0)
        await asyncio.sleep(1.5)
    finally:
        for call in placed:
            call.complete()
        await asyncio.gather(*running)
    return [await _judge(rig, call, killed_at) for call in placed]


def _times(call: CarrierCall, kind: str) -> list[float]:
    return [entry.at_s for entry in call.ledger if entry.kind == kind]


def _back_s(call: CarrierCall) -> float | None:
    """Seconds from the first loss of the stream to the next sound of the agent, or to the human."""
    lost = _times(call, "stream closed")
    if not lost:
        return None
    heard = [at_s for at_s in (*_times(call, "agent sounds"), *_times(call, "human")) if at_s > lost[0]]
    return min(heard) - lost[0] if heard else None


async def _judge(rig: Rig, call: CarrierCall, killed_at: float) -> Loss:
    loss = Loss(back_s=_back_s(call), human=bool(_times(call, "human")))
    database = Database(f"sqlite+aiosqlite:///{rig.data / 'attune.db'}")
    try:
        whose = await whose_line(database, "twilio", call.carrier_call_id)
        if whose is None:
            return replace(loss, class_a=1, torn="the call is not in the record")
        tenant_id, call_id = whose
        calls = CallRepository(database, tenant_id)
        async with asyncio.timeout(40):
            while True:
                record = await calls.get(call_id)
                kept = [seq for seq, _ in await calls.story(call_id, limit=5000)]
                if record is not None and record.call.outcome is not None and _first_life(kept):
                    break
                await asyncio.sleep(0.2)
    except TimeoutError:
        return replace(loss, torn="the call is still open")
    finally:
        await database.close()
    for life in (0, 1):
        numbers = [seq % LIFE for seq in kept if seq // LIFE == life]
        if numbers != list(range(1, len(numbers) + 1)):
            loss.torn = f"life {life} has a gap"
    if not loss.human and kept[-1] < LIFE:
        loss.torn = "the call did not go on"
    for seq, kind, told_at in await _told(rig.redis_url, tenant_id, call_id):
        if seq < LIFE and seq not in kept:
            if kind in CLASS_A:
                loss.class_a += 1
            else:
                loss.class_b_s = max(loss.class_b_s, killed_at - told_at + MIRROR_S)
    return loss


def _first_life(kept: list[int]) -> bool:
    return bool(kept) and kept[0] == 1


async def _told(redis_url: str, tenant_id: str, call_id: str) -> list[tuple[int, str, float]]:
    """Every event that Redis heard of a call: (seq, kind, wall clock at which Redis heard it)."""
    redis: Redis = Redis.from_url(redis_url, decode_responses=True)
    try:
        entries: Any = await redis.xrange(live_key(tenant_id))
    finally:
        await redis.aclose()
    return [
        (int(fields["seq"]), str(json.loads(fields["event"])["kind"]), int(name.split("-")[0]) / 1000)
        for name, fields in entries
        if fields["call"] == call_id
    ]


async def _until(holds: Callable[[], bool], deadline_s: float) -> None:
    """Wait until something holds, at most so long."""
    until_s = time.monotonic() + deadline_s
    while True:
        if holds() or time.monotonic() >= until_s:
            return
        await asyncio.sleep(0.02)


async def measure(kills: int, calls: int, seed: int) -> list[Loss]:
    """Kill as often as asked; every call's fate."""
    chance = random.Random(seed)
    question = (await voices(QUESTIONS[:1]))[0]
    losses: list[Loss] = []
    async with rig() as shared:
        for number in range(1, kills + 1):
            losses += await kill(shared, question, calls, chance)
            console.print(f"kill {number} of {kills}: {_said(losses[-calls:])}")
            if number < kills:
                await shared.start()
    return losses


def _said(losses: list[Loss]) -> str:
    back = ", ".join("never" if loss.back_s is None else f"{loss.back_s:.2f}" for loss in losses)
    return f"heard again after {back} s"


def show(losses: list[Loss], kills: int, seed: int) -> None:
    """Print what was asked and what was reached."""
    back = [loss.back_s for loss in losses if loss.back_s is not None]
    table = Table("what", "asked", "reached", title=f"{kills} kills, {len(losses)} calls, seed {seed}")
    table.add_row("class A events lost", "0", str(sum(loss.class_a for loss in losses)))
    table.add_row(
        "oldest class B event lost, before the kill",
        f"<= {1000 * LOST_WITHIN_S:.0f} ms",
        f"{1000 * max((loss.class_b_s for loss in losses), default=0.0):.0f} ms",
    )
    table.add_row(
        "stream lost -> agent or human",
        f"<= {HEARD_WITHIN_S:.0f} s",
        f"p50 {percentile(back, 50):.2f}, longest {max(back, default=float('nan')):.2f} s; "
        f"{len(losses) - len(back)} never",
    )
    table.add_row("went to a human", "allowed", str(sum(loss.human for loss in losses)))
    table.add_row("torn records", "0", str(sum(bool(loss.torn) for loss in losses)))
    console.print(table)
    for torn in sorted({loss.torn for loss in losses if loss.torn}):
        console.print(f"torn: {torn}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    show(asyncio.run(measure(options.kills, options.calls, options.seed)), options.kills, options.seed)
