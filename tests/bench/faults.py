"""What a caller hears while something is broken: every fault, one call each, and the silence it causes.

The fault is felt when the caller has fallen silent and the answer does not come as it would; the silence of a call on
which nothing breaks is therefore taken off.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from loguru import logger as pipecat_logger
from rich.console import Console
from rich.table import Table

from pipelines.turns.detection import TurnModels
from service.store.valkey import EmbeddedValkey
from tests.bench.rig import QUESTIONS, voices
from tests.scenes.faults import ALL, Fault, Kit, Told, at_once, sample
from tests.service.postgres import PostgresServer

console = Console(width=120)

FELT_S = 2.0


async def measure(faults: list[Fault], many: int) -> tuple[float, list[Told]]:
    """The usual silence, and the fate of every fault."""
    pipecat_logger.remove()
    models = TurnModels()
    models.warm_up()
    voice = (await voices(QUESTIONS[1:2]))[0]
    postgres = PostgresServer()
    postgres.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with EmbeddedValkey(Path(folder) / "valkey") as valkey:
                kit = Kit(models, voice, valkey.url, Path(folder), postgres)
                well = await at_once([Fault(None)] * 4, kit, many=many)
                usual = [silence for told in well for silence in told.silences_s if silence is not None]
                return statistics.median(usual), await at_once(faults, kit, many=many)
    finally:
        postgres.remove()


def show(usual_s: float, told: list[Told], seed: int) -> None:
    """Print what was asked and what was reached."""
    by_pair: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        by_pair[f"{one.fault.what} {one.fault.how}"].append(one)
    table = Table("fault", "calls", "survived", "longest silence", "felt", "true records")
    for pair, calls in sorted(by_pair.items()):
        longest = _longest(calls)
        table.add_row(
            pair,
            str(len(calls)),
            str(sum(call.survived for call in calls)),
            "never heard again" if longest is None else f"{longest:.2f} s",
            "" if longest is None else f"{max(0.0, longest - usual_s):.2f} s",
            str(sum(not call.differences for call in calls)),
        )
    console.print(table)
    late = [one for one in told if (longest := _longest([one])) is None or longest - usual_s > FELT_S]
    console.print(
        f"{len(told)} faults, seed {seed}; usual silence {usual_s:.2f} s\n"
        f"asked: audio <= {FELT_S:.0f} s after the fault is felt; reached: {len(told) - len(late)} of {len(told)}\n"
        f"asked: every call survives; reached: {sum(one.survived for one in told)} of {len(told)}\n"
        f"asked: ledger equals record; reached: {sum(not one.differences for one in told)} of {len(told)}"
    )
    for one in told:
        if one.differences or not one.survived or one in late:
            console.print(
                f"  {one.fault}: ended {one.call.ended!r}, silences {_said(one)}; {'; '.join(one.differences)}"
            )


def _longest(calls: list[Told]) -> float | None:
    """The longest silence of the calls in seconds; None where somebody was never answered."""
    silences = [silence for call in calls for silence in call.silences_s]
    known = [silence for silence in silences if silence is not None]
    return None if len(known) < len(silences) or not known else max(known)


def _said(told: Told) -> str:
    return ", ".join("never" if silence is None else f"{silence:.2f}" for silence in told.silences_s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=len(ALL), help="how many of them, by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--many", type=int, default=6, help="calls at once")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    options = parser.parse_args()
    chosen = ALL if options.faults >= len(ALL) else sample(options.faults, options.seed)
    chosen = [fault for fault in chosen if options.only in str(fault)]
    show(*asyncio.run(measure(chosen, options.many)), options.seed)
