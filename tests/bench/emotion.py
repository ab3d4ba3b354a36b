"""What emotion costs: beyond recognition, in words, in encoder passes, and in the time to a reply. On one core.

The first three parts run in this process, pinned to one core with one thread a library. The last one calls two servers
in turn, Attune and Attune with emotion off, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.pooling import pool_states
from pipelines.emotion.reader import EmotionReader
from pipelines.emotion.words import EmbeddedWordsReader
from pipelines.models.install import locate
from pipelines.ports import Pcm, Recognition
from pipelines.speech.waveform import model_waveform
from pipelines.speech.whisper import WhisperRecogniser, window_s
from service.settings import Settings
from telephony.audio import TELEPHONE_HZ
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierCall
from tests.bench.rig import QUESTIONS, percentile, served, voices

console = Console(width=110)

TURN_S = 4.0
PARTS = ("beyond", "words", "shared", "reply")

Asked = list[tuple[str, str, str]]
"""What was measured, what is asked, what was reached."""


def one_core() -> None:
    """Start anew with one thread a library, on the last core."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    if any(os.environ.get(name) != value for name, value in threads.items()):
        os.execve(sys.executable, [sys.executable, "-m", "tests.bench.emotion", *sys.argv[1:]], os.environ | threads)


async def four_seconds() -> list[Pcm]:
    """Questions of a caller on the telephone, each repeated and cut to TURN_S."""
    size = int(TURN_S * TELEPHONE_HZ)
    return [np.resize(pcm, size).astype(np.int16) for pcm in await voices(QUESTIONS)]


async def timed(work: Callable[[int], Awaitable[object]], times: int) -> str:
    """How long so many runs took, after some that do not count; processor time, which other work does not stretch."""
    spent, busy = [], []
    for number in range(-10, times):
        began, began_busy = time.perf_counter(), time.process_time()
        await work(number)
        if number >= 0:
            spent.append(1000 * (time.perf_counter() - began))
            busy.append(1000 * (time.process_time() - began_busy))
    waited = f"p50 {percentile(spent, 50):.1f} ms, p95 {percentile(spent, 95):.1f} ms"
    return f"{waited}; processor p50 {percentile(busy, 50):.1f} ms (n {times})"


async def in_process(parts: Sequence[str], times: int) -> Asked:
    """Beyond recognition, words, encoder passes."""
    found: Asked = []
    recogniser = WhisperRecogniser.load(locate("whisper-base", Settings().models.cache_dir), threads=1)
    reader = EmotionReader.load()
    await reader.warm_up()
    turns = await four_seconds()
    heard = [await recogniser.recognise(pcm, TELEPHONE_HZ) for pcm in turns]
    if "beyond" in parts:
        found += await _beyond(recogniser, reader, turns, heard, times)
    if "words" in parts:
        found += await _words([one.text for one in heard], times)
    if "shared" in parts:
        found += await _shared(recogniser, reader, turns, heard, max(10, times // 4))
    recogniser.close()
    reader.close()
    return found


async def _beyond(
    recogniser: WhisperRecogniser,
    reader: EmotionReader,
    turns: Sequence[Pcm],
    heard: Sequence[Recognition],
    times: int,
) -> Asked:
    """Voice and words of a turn, and the pooling of the states that recognition computed."""
    wave = model_waveform(turns[0], TELEPHONE_HZ)
    _, states = recogniser._encode(wave, window_s(TURN_S))
    baseline = CallerBaseline()

    async def read(number: int) -> None:
        place = number % len(turns)
        pool_states(states, TURN_S)
        await reader.read(turns[place], TELEPHONE_HZ, heard[place], baseline)

    reached = await timed(read, times)
    if reader.failures:
        raise SystemExit(f"readings failed: {dict(reader.failures)}")
    return [("emotion beyond recognition, whole turn of 4 s", "p95 <= 15 ms", reached)]


async def _words(texts: Sequence[str], times: int) -> Asked:
    words = EmbeddedWordsReader.load()

    async def read(number: int) -> None:
        words.read_words(texts[number % len(texts)])

    return [("words alone, one turn", "<= 10 ms", await timed(read, times))]


async def _shared(
    recogniser: WhisperRecogniser,
    reader: EmotionReader,
    turns: Sequence[Pcm],
    heard: Sequence[Recognition],
    times: int,
) -> Asked:
    """Processor time of one encoder pass for both against one for each, side by side, and of the whole turn."""
    spent: dict[str, list[float]] = defaultdict(list)

    async def emotion(place: int) -> None:
        await reader.read(turns[place], TELEPHONE_HZ, heard[place], CallerBaseline())

    for number in range(-2, times):
        place = number % len(turns)
        wave = model_waveform(turns[place], TELEPHONE_HZ)
        row = {}
        for name, passes in (("shared", 1), ("separate", 2)):
            began = time.process_time()
            for _ in range(passes):
                _, states = recogniser._encode(wave, window_s(TURN_S))
            pool_states(states, TURN_S)
            await emotion(place)
            row[name] = time.process_time() - began
        began = time.process_time()
        recogniser.recognise_here(turns[place], TELEPHONE_HZ)
        row["recognition"] = time.process_time() - began
        if number >= 0:
            for name, seconds in row.items():
                spent[name].append(1000 * seconds)
    shared, separate, whole = (percentile(spent[name], 50) for name in ("shared", "separate", "recognition"))
    ratio = f"{separate / shared:.2f}x ({separate:.0f} against {shared:.0f} ms of processor time, n {times})"
    extra = separate - shared
    return [
        ("two encoder passes against a shared one, with emotion", ">= 1.8x", ratio),
        ("the same with decoding, whole turn", "", f"{(whole + extra) / whole:.2f}x ({whole:.0f} ms recognition)"),
    ]


async def reply(rounds: int, turns: int) -> Asked:
    """Time to reply with emotion on and off, by the caller's ear."""
    questions = await voices([QUESTIONS[place % len(QUESTIONS)] for place in range(turns)])
    latencies: dict[str, list[float]] = defaultdict(list)
    variants = ("attune", "attune-without-emotion")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [await stack.enter_async_context(served(variant, folder / variant)) for variant in variants]
        for number in range(rounds):
            for server in servers if number % 2 == 0 else servers[::-1]:
                caller = ScriptedCaller([Say(pcm) for pcm in questions], greeting_s=25.0)
                record = await CarrierCall(server.account(), caller).run(deadline_s=60 + 25 * turns)
                found = [turn.latency_s for turn in record.turns]
                latencies[server.variant] += [seconds for seconds in found if seconds is not None]
                console.print(
                    f"round {number + 1}  {server.variant:<24} p50 {percentile(latencies[server.variant], 50):.3f} s"
                    f"  {len(latencies[server.variant])} turns answered"
                )
    on, off = (latencies[variant] for variant in variants)
    ratio = percentile(on, 50) / percentile(off, 50)
    p95 = percentile(on, 95) / percentile(off, 95)
    reached = f"{ratio:.3f} at p50, {p95:.3f} at p95 ({len(on)} and {len(off)} turns)"
    return [("time to reply, emotion on / off", "<= 1.02", reached)]


def show(rows: Asked) -> None:
    """Print what is asked and what was reached."""
    table = Table("measured", "asked", "reached", title="What emotion costs")
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--times", type=int, default=200, help="timed turns in this process")
    parser.add_argument("--rounds", type=int, default=2, help="calls to each server")
    parser.add_argument("--turns", type=int, default=10, help="turns of one call")
    options = parser.parse_args()
    one_core()
    rows: Asked = []
    if set(options.only) & set(PARTS[:3]):
        everywhere = psutil.Process().cpu_affinity()
        psutil.Process().cpu_affinity(everywhere[-1:])
        rows += asyncio.run(in_process(options.only, options.times))
        psutil.Process().cpu_affinity(everywhere)
    if "reply" in options.only:
        rows += asyncio.run(reply(options.rounds, options.turns))
    show(rows)
