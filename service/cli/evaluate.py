"""`attune evaluate`: how well the models do, on recordings that anyone can get."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipelines.learning.line import LINE_RATE_HZ
from pipelines.learning.recognition import (
    ASTERISK_SOUNDS,
    ASTERISK_TRANSCRIPTS,
    MIN_WORDS,
    Clip,
    Score,
    asterisk_clips,
    error_rate,
    ljspeech_clips,
    score,
    through_telephone,
    worst,
)
from pipelines.models.install import ModelAbsent
from pipelines.ports import EngineFailed, Recogniser
from service.cli.configured import read_settings
from service.settings import Settings

evaluate_app = typer.Typer(no_args_is_help=True, help="Measure recognition and emotion.")
console = Console(highlight=False)

PROMPT_PACKAGES = ("asterisk-core-sounds-en", "asterisk-core-sounds-en-wav")
FETCH_DEADLINE_S = 600.0


@evaluate_app.callback()
def evaluate() -> None:
    """Measure recognition and emotion."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """One set, recognised."""

    name: str
    scores: list[Score]
    speech_s: float
    work_s: float
    retried: int


@evaluate_app.command("recognition")
def recognition(
    engine: Annotated[str | None, typer.Option(help="whisper, transformers or riva; else as in the settings")] = None,
    model: Annotated[str | None, typer.Option(help="catalogue name, hub id or path; else as in the settings")] = None,
    prompts: Annotated[
        Path | None, typer.Option("--folder", exists=True, help="where both prompt packages are unpacked")
    ] = None,
    data: Annotated[Path, typer.Option(envvar="ATTUNE_DATA", help="folder with speech/ljspeech, if it is there")] = (
        Path("../shared/data")
    ),
    limit: Annotated[int | None, typer.Option(min=1, help="only the first so many clips of each set")] = None,
    errors: Annotated[int, typer.Option(min=0, help="show the worst so many clips")] = 8,
) -> None:
    """Word error rate of the recogniser through a telephone line (8 kHz, mu-law)."""
    settings = _chosen(read_settings(), engine, model)
    try:
        sets = {"Asterisk prompts": asterisk_clips(prompts or _prompts(settings))}
        if (data / "speech" / "ljspeech" / "metadata.csv").is_file():
            sets["LJSpeech"] = ljspeech_clips(data / "speech" / "ljspeech")
        measured = asyncio.run(_measure(settings, sets, limit))
    except (FileNotFoundError, ModelAbsent, EngineFailed) as failed:
        console.print(f"[red]{failed}[/red]", soft_wrap=True)
        raise typer.Exit(1) from failed
    _report(settings, measured, errors)


def _chosen(settings: Settings, engine: str | None, model: str | None) -> Settings:
    wanted = {key: value for key, value in (("engine", engine), ("model", model)) if value is not None}
    recogniser = type(settings.recogniser).model_validate(settings.recogniser.model_dump(exclude_unset=True) | wanted)
    return settings.model_copy(update={"recogniser": recogniser})


async def _measure(settings: Settings, sets: dict[str, list[Clip]], limit: int | None) -> list[_Measured]:
    # Imported here since engines bring the weight of every model library, and `attune --help` should be quick.
    from service.engines import open_recogniser

    async with open_recogniser(settings, lambda what: console.print(f"[dim]{what}[/dim]")) as recogniser:
        return [await _recognise(recogniser, name, clips[:limit]) for name, clips in sets.items()]


async def _recognise(recogniser: Recogniser, name: str, clips: list[Clip]) -> _Measured:
    scores: list[Score] = []
    speech_s = work_s = 0.0
    retried = 0
    for clip in track(clips, name, console=console, transient=True):
        pcm = await asyncio.to_thread(through_telephone, clip.file)
        began_s = time.perf_counter()
        heard = await recogniser.recognise(pcm, LINE_RATE_HZ)
        work_s += time.perf_counter() - began_s
        speech_s += len(pcm) / LINE_RATE_HZ
        retried += heard.retried
        scores.append(score(clip, heard.text))
    return _Measured(name, scores, speech_s, work_s, retried)


def _report(settings: Settings, measured: list[_Measured], errors: int) -> None:
    table = Table("set", "clips", "words", "WER %", "95 %", "retried", "speech s", "real-time factor", box=None)
    for one in measured:
        rate = error_rate(one.scores)
        table.add_row(
            one.name,
            str(rate.clips),
            str(rate.words),
            f"[bold]{100 * rate.rate:.2f}[/bold]",
            f"{100 * rate.low:.1f} to {100 * rate.high:.1f}",
            str(one.retried),
            f"{one.speech_s:.0f}",
            f"{one.work_s / one.speech_s:.3f}",
        )
    console.print(f"{settings.recogniser.engine} {settings.recogniser.model}, over a mu-law line at 8 kHz")
    console.print(table)
    console.print(f"Every clip with a transcript of at least {MIN_WORDS} words, as published.", style="dim")
    for bad in worst([one for each in measured for one in each.scores])[:errors]:
        console.print(
            f"[dim]{bad.clip}[/dim] {bad.errors} of {bad.words}\n  said  {bad.reference}\n  heard {bad.heard}"
        )


def _prompts(settings: Settings) -> Path:
    """Where the prompts lie: on this machine, or fetched once into the cache and unpacked without installing.

    Raises:
        FileNotFoundError: they are not here and cannot be fetched; the message says what to do.
    """
    cached = settings.models.cache_dir.parent / "evaluation" / "asterisk"
    for root in (Path("/"), cached):
        if (root / ASTERISK_SOUNDS).is_dir() and (root / ASTERISK_TRANSCRIPTS).is_file():
            return root
    cached.mkdir(parents=True, exist_ok=True)
    console.print(f"[dim]fetching {' and '.join(PROMPT_PACKAGES)} (18 MB)[/dim]")
    _run(["apt-get", "download", *PROMPT_PACKAGES], cached)
    for package in sorted(cached.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(cached)], cached)
        package.unlink()
    return cached


def _run(command: list[str], folder: Path) -> None:
    advice = f"get Debian's {' and '.join(PROMPT_PACKAGES)}, unpack both into one folder and give it by --folder"
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"the prompts are Debian packages and {command[0]} is not here: {advice}")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_DEADLINE_S, check=False)
    if done.returncode:
        raise FileNotFoundError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}. Else {advice}")
