"""A WavLM-large emotion network under load: batch sizes, 500 calls at once, dynamic batching against one by one.

Weights are random, which changes no speed. Without a CUDA device a much smaller network runs on the CPU, to show that
the benchmark and the batching work; its figures say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from pipelines.emotion import odyssey
from pipelines.emotion.batch_worker import BatchWorker
from pipelines.emotion.batching import Busy, Limits
from pipelines.emotion.voice_network import Row, Vector, VoiceNetwork, compiled, odyssey_network
from pipelines.speech.torch_device import Device, choose_device
from tests.bench.rig import percentile

console = Console(width=110)

RATE_HZ = 16_000
TURN_S = 4.0
P99_S = 0.1
"""What counts as answered in time."""
CALLS = 500
TURN_EVERY_S = 12.0
"""A caller's turn comes about so often: they speak, the agent answers."""

SMALL: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (8,) * 7,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}

BF16_PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12, "A10G": 70e12}
"""Dense bfloat16 operations a second by the makers' data sheets (SXM cards)."""

NAMES = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")


@dataclass(frozen=True, slots=True)
class Load:
    """How turns fared that came at some rate.

    Attributes:
        answered: seconds from coming to the answer, of those that were read.
        refused: how many were refused.
        lasted_s: from the first coming to the last answer.
        mean_rows: rows of a batch on average.
    """

    answered: list[float]
    refused: int
    lasted_s: float
    mean_rows: float

    @property
    def turns_per_s(self) -> float:
        """Throughput."""
        return len(self.answered) / self.lasted_s

    @property
    def in_time(self) -> bool:
        """Whether the p99 holds and at most one in a hundred was refused."""
        total = len(self.answered) + self.refused
        return percentile(self.answered, 99) <= P99_S and self.refused <= total / 100


def network_on(place: Device, *, small: bool) -> VoiceNetwork:
    """A network of the Odyssey challenge with random weights."""
    config = {"classifier_hidden_layers": 1, "id2label": dict(enumerate(NAMES)), "mean": 0.0, "std": 0.1}
    wavlm = SMALL if small else odyssey.WAVLM_LARGE
    return odyssey_network(odyssey.blank(config, wavlm, len(NAMES), place), config, place, "random")


def turn(network: VoiceNetwork, seconds: float = TURN_S) -> Row:
    """A turn of noise."""
    pcm = np.random.default_rng(1).integers(-8000, 8000, int(seconds * RATE_HZ)).astype(np.int16)
    return network.row(pcm, RATE_HZ)


def operations(network: VoiceNetwork) -> float:
    """Floating-point operations of one turn, counted by torch."""
    counter = import_module("torch.utils.flop_counter").FlopCounterMode(display=False)
    row = turn(network)
    with counter:
        network.compute([row], row.size)
    return float(counter.get_total_flops())


def batch_sizes(network: VoiceNetwork, sizes: list[int], seconds: float, peak: float | None) -> float:
    """Print turns a second and latency by batch size; returns the turns a second one by one."""
    row, flops = turn(network), operations(network)
    table = Table("rows", "turns/s", "p50 ms", "p99 ms", "TFLOP/s", "of bf16 peak", title="One batch after the other")
    alone = 0.0
    for rows in sizes:
        for _ in range(3):
            network.compute([row] * rows, row.size)
        spent: list[float] = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(spent) < 5:
            began = time.perf_counter()
            network.compute([row] * rows, row.size)
            spent.append(time.perf_counter() - began)
        rate = rows * len(spent) / sum(spent)
        alone = alone or rate
        share = "-" if peak is None else f"{100 * rate * flops / peak:.1f} %"
        milliseconds = [f"{1000 * percentile(spent, q):.1f}" for q in (50, 99)]
        table.add_row(str(rows), f"{rate:.0f}", *milliseconds, f"{rate * flops / 1e12:.3g}", share)
    console.print(table)
    console.print(f"one turn of 4 s is {flops / 1e9:.3g} GFLOP")
    return alone


@asynccontextmanager
async def working(network: VoiceNetwork, rows: int) -> AsyncIterator[BatchWorker[Row, Vector]]:
    """A worker whose batches have so many rows at most."""
    worker = BatchWorker[Row, Vector]("bench", network.compute, Limits(rows=rows, linger_s=0.02 if rows > 1 else 0.0))
    try:
        yield worker
    finally:
        worker.close()


async def open_loop(network: VoiceNetwork, rows: int, per_s: float, seconds: float) -> Load:
    """Turns come at random at a rate, whether the earlier ones were answered or not."""
    rng = np.random.default_rng(7)
    row = turn(network)
    answered: list[float] = []
    refused = 0

    async def one(worker: BatchWorker[Row, Vector]) -> None:
        nonlocal refused
        began = time.perf_counter()
        try:
            await worker.run(row, row.size, deadline_s=1.0)
        except Busy:
            refused += 1
        else:
            answered.append(time.perf_counter() - began)

    async with working(network, rows) as worker:
        began = time.perf_counter()
        due = began
        async with asyncio.TaskGroup() as turns:
            while due < began + seconds:
                due += rng.exponential(1 / per_s)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                turns.create_task(one(worker))
        lasted_s = time.perf_counter() - began
        batches = sum(worker.batches.values())
        mean_rows = sum(rows * times for rows, times in worker.batches.items()) / max(1, batches)
    return Load(answered, refused, lasted_s, mean_rows)


async def most_in_time(network: VoiceNetwork, rows: int, start_per_s: float, seconds: float) -> Load | None:
    """The highest rate at which the p99 still holds, in steps of a quarter."""
    best: Load | None = None
    for step in itertools.count():
        load = await open_loop(network, rows, start_per_s * 1.25**step, seconds)
        console.print(
            f"  rows <= {rows:<3} asked {start_per_s * 1.25**step:7.1f}/s  read {load.turns_per_s:7.1f}/s  p99"
            f" {1000 * percentile(load.answered, 99):6.1f} ms  refused {load.refused}  batch {load.mean_rows:.1f}"
        )
        if not load.in_time:
            return best
        best = load
    return best


async def measure(options: argparse.Namespace) -> None:
    """Run the benchmark and print its tables."""
    torch = import_module("torch")
    place = choose_device(options.device)
    on_gpu = place.name.startswith("cuda")
    card = torch.cuda.get_device_name(place.name) if on_gpu else "CPU"
    network = network_on(place, small=not on_gpu)
    if on_gpu:
        console.print(f"[bold]{card}[/bold], {place.dtype}, WavLM-large class, random weights")
    else:
        console.print(
            "[bold]No CUDA device: a small network on the CPU.[/bold] This shows that the batching works; these are no"
            " figures of a GPU."
        )
    if options.compiled:
        network = compiled(network)
        began = time.perf_counter()
        network.warm_up()
        console.print(f"compiled and warmed up in {time.perf_counter() - began:.0f} s")
    peak = next((value for name, value in BF16_PEAK.items() if name in card), None) if on_gpu else None
    alone = batch_sizes(network, options.rows, options.seconds, peak)

    most = min(Limits().rows, max(options.rows))
    calls = await open_loop(network, most, options.calls / TURN_EVERY_S, 4 * options.seconds)
    console.print("\nhighest rate with p99 <= 100 ms:")
    single = await most_in_time(network, 1, 0.25 * alone, options.seconds)
    batched = await most_in_time(network, most, 0.25 * alone, options.seconds)
    table = Table("", "turns/s", "p50 ms", "p99 ms", "refused", "mean batch", title="Under load, turns of 4 s")
    for name, load in (
        (f"{options.calls} calls, a turn each {TURN_EVERY_S:.0f} s", calls),
        ("one by one", single),
        ("dynamic batches", batched),
    ):
        if load is None:
            table.add_row(name, "none in time", "", "", "", "")
            continue
        p50, p99 = (f"{1000 * percentile(load.answered, q):.1f}" for q in (50, 99))
        table.add_row(name, f"{load.turns_per_s:.0f}", p50, p99, str(load.refused), f"{load.mean_rows:.1f}")
    console.print(table)
    if single is not None and batched is not None:
        ratio = batched.turns_per_s / single.turns_per_s
        console.print(f"dynamic batches / one by one at p99 <= 100 ms: {ratio:.1f}x (asked of a GPU: >= 8x)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--compiled", action="store_true", help="through torch.compile")
    asyncio.run(measure(parser.parse_args()))
