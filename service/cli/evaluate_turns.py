"""`attune evaluate turns`: how often callers are cut off, and how long they wait, on recordings that anyone can get."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from loguru import logger as pipecat_logger
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipelines.learning.end_of_turn import (
    INSERTED_S,
    RATE_HZ,
    Arousal,
    Case,
    Rule,
    Trace,
    TurnScore,
    attune,
    cases,
    interval,
    is_tuning,
    pipecat_default,
    score,
    trace,
)
from pipelines.learning.recognition import ASTERISK_SOUNDS
from pipelines.models.install import ModelAbsent
from pipelines.plan import ConversationPlan
from pipelines.ports import EngineFailed
from pipelines.turns.detection import TurnModels
from pipelines.turns.ending import Manner
from service.cli.configured import read_settings

console = Console(highlight=False)

TIMED_CASES = 12


def turns(
    data: Annotated[Path, typer.Option(envvar="ATTUNE_DATA", help="folder with emodb, speech and calls")] = (
        Path("../shared/data")
    ),
    prompts: Annotated[Path, typer.Option(help="where Asterisk's prompt packages are unpacked")] = Path("/"),
    half: Annotated[str, typer.Option(help="test, tuning or all speakers")] = "test",
    recognition_s: Annotated[
        float | None, typer.Option(min=0, help="the recogniser's time; else measured with the one in the settings")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="only every n-th case, n so that about so many are left")
    ] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="write the traces there as JSON lines")] = None,
) -> None:
    """False cut-offs and delay at pauses of 300 and 600 ms: Pipecat's default against ours, on the same recordings."""
    pipecat_logger.remove()
    found = [case for case in cases(data, prompts if (prompts / ASTERISK_SOUNDS).is_dir() else None) if _of(half, case)]
    if not found:
        console.print(f"[red]no recordings found in {data}[/red]: emodb, speech/ or calls/ is expected")
        raise typer.Exit(2)
    found = found[:: max(1, len(found) // limit)] if limit else found
    seconds = _recognition_s(found) if recognition_s is None else recognition_s
    models = TurnModels()
    models.warm_up()
    traces = [trace(case, models) for case in track(found, "turns", console=console, transient=True)]
    models.close()
    if out is not None:
        out.write_text("".join(json.dumps(asdict(one)) + "\n" for one in traces), "utf-8")
    report(traces, half, seconds)


def _of(half: str, case: Case) -> bool:
    return half == "all" or is_tuning(case.speaker) == (half == "tuning")


def _recognition_s(found: list[Case]) -> float:
    """Median time that the configured recogniser takes for the speech of a case, on this machine as it is now."""

    async def measure() -> float:
        # Imported here since engines bring the weight of every model library, and `attune --help` should be quick.
        from service.engines import open_recogniser

        taken = []
        async with open_recogniser(read_settings(), lambda what: console.print(f"[dim]{what}[/dim]")) as recogniser:
            for case in found[:: max(1, len(found) // TIMED_CASES)]:
                began = time.perf_counter()
                await recogniser.recognise(case.pcm[: case.last_sound], RATE_HZ)
                taken.append(time.perf_counter() - began)
        return float(np.median(taken))

    try:
        return asyncio.run(measure())
    except (ModelAbsent, EngineFailed) as failed:
        console.print(f"[red]{failed}[/red]: give the recogniser's time by --recognition-s", soft_wrap=True)
        raise typer.Exit(1) from failed


def report(traces: list[Trace], half: str, recognition_s: float) -> None:
    """Print the tables."""
    patience_s = ConversationPlan.model_fields["turn_patience_s"].default
    speakers = len({one.speaker for one in traces})
    console.print(
        f"{half} half: {len(traces)} silences of {speakers} speakers over a mu-law line, "
        f"{sum(one.is_end for one in traces)} of them ends of turns"
    )
    for words_s, title in (
        (recognition_s, f"Turn ended with its words (recogniser {recognition_s:.2f} s)"),
        (0.0, "Decision alone (a recogniser that takes no time)"),
    ):
        rules = (pipecat_default(words_s), attune(words_s, patience_s))
        upset = attune(words_s, patience_s, Manner(upset=True))
        table = Table("", "rule", "delay p50", "p90", "mean", "cut off at 300 ms", "at 600 ms", title=title)
        _rows(table, "all", rules, traces)
        for source in sorted({one.source for one in traces}):
            _rows(table, source, rules, [one for one in traces if one.source == source])
        for arousal in Arousal:
            _rows(table, f"arousal {arousal}", rules, [one for one in traces if one.arousal is arousal])
        _rows(table, "high, known upset", (upset,), [one for one in traces if one.arousal is Arousal.HIGH])
        console.print(table)
    console.print("A caller is cut off where the turn ended before the voice came back. 95 % intervals.", style="dim")


def _rows(table: Table, what: str, rules: tuple[Rule, ...], traces: list[Trace]) -> None:
    for rule in rules if traces else ():
        found = score(rule, traces)
        delays = [f"{np.percentile(found.delays_s, at):.2f} s" if found.delays_s else "-" for at in (50, 90)]
        mean = f"{np.mean(found.delays_s):.2f} s" if found.delays_s else "-"
        table.add_row(what, rule.name, *delays, mean, *(_share(found, pause_s) for pause_s in INSERTED_S))
        what = ""


def _share(found: TurnScore, pause_s: float) -> str:
    cut = found.cut_off[pause_s]
    if not cut:
        return "-"
    low, high = interval(cut)
    return f"{found.share(pause_s):.1%} of {len(cut)} ({low:.0%} to {high:.0%})"
