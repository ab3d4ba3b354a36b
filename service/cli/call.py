"""`attune call`: ring the running service with a recording; `attune demo`: with synthetic callers in several moods."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import soundfile
import soxr
import typer
from rich.console import Console
from rich.table import Table

from pipelines.emotion.prosody import NAMES, prosody
from pipelines.ports import EngineFailed
from service.cli.configured import read_settings
from service.cli.demo_callers import CALLERS, Mood
from service.cli.ringing import Rung, RunningService, ServiceAway, check, ring
from service.cli.timeline import Timeline, differences, plot
from telephony.audio import TELEPHONE_HZ, Pcm
from telephony.simulator.carrier import CallNotTaken
from telephony.simulator.segments import cut

console = Console(highlight=False)

To = Annotated[str | None, typer.Option("--to", help="number to ring; the example agent's without it")]
Out = Annotated[Path, typer.Option("--out", help="folder for the recording and the picture of the trajectory")]
At = Annotated[str | None, typer.Option("--at", help="origin of the service, where it is not the one in the settings")]


def call(
    file: Annotated[Path, typer.Argument(help="recording of one caller: wav, flac, ogg; cut into turns at its pauses")],
    to: To = None,
    out: Out = Path("calls"),
    at: At = None,
    turns: Annotated[int | None, typer.Option("--turns", help="stop after this many turns", min=1)] = None,
) -> None:
    """Ring the running service as a telephone carrier would, play a recording, and show the call as it happens."""
    utterances = _utterances(file)[:turns]
    console.print(f"{file.name}: {len(utterances)} turns of the caller")
    _place(utterances, to, out, at, file.stem)


def demo(
    mood: Annotated[str, typer.Option("--mood", help=f"all, {', '.join(Mood)}")] = "all",
    to: To = None,
    out: Out = Path("calls"),
    at: At = None,
) -> None:
    """Let synthetic callers in several moods ring the example agent, and compare how they are answered."""
    try:
        moods = list(Mood) if mood == "all" else [Mood(mood)]
    except ValueError:
        _fail(f"there is no mood {mood!r}: choose all, {', '.join(Mood)}", 2)
    console.print("[bold]These callers are synthetic:[/bold] the embedded voice speaks them in different styles.")
    table = Table(
        "mood", "strategies", "tones", "pitch Hz", "pitch range st", "syllables/s", title="How they were answered"
    )
    for one in moods:
        console.rule(f"{one} caller")
        timeline, rung = _place(asyncio.run(_spoken(one)), to, out, at, f"demo-{one}")
        table.add_row(one, *_choices(timeline), *_measured(rung))
    console.print(table)
    console.print("[bright_black]Measured on the replies as the caller's telephone played them, medians over turns.[/]")


def _place(utterances: Sequence[Pcm], to: str | None, out: Path, at: str | None, name: str) -> tuple[Timeline, Rung]:
    """Ring, show, compare with the record, and keep recording and picture."""
    settings = read_settings()
    timeline = Timeline()

    def show(event: dict[str, object]) -> None:
        for line in timeline.take(event):
            console.print(line)

    async def run() -> Rung:
        service = RunningService.of(settings, at)
        await check(service)
        return await ring(service, utterances, to or settings.default_number, show)

    try:
        rung = asyncio.run(run())
    except (ServiceAway, CallNotTaken) as away:
        _fail(str(away))
    _keep(out, name, timeline, rung)
    if rung.record is None:
        _fail(f"the service did not take the call itself: {rung.line.ended}")
    wrong = differences(timeline.trajectory, rung.recorded)
    for difference in wrong:
        console.print(f"[red]{difference}[/red]")
    if wrong:
        _fail("the trajectory shown differs from the record")
    console.print(f"trajectory equals the record ({len(rung.recorded)} estimates)")
    return timeline, rung


def _keep(out: Path, name: str, timeline: Timeline, rung: Rung) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        stem = out / f"{name}-{rung.line.carrier_call_id[2:10]}"
        rung.line.write_wav(stem.with_suffix(".wav"))
        if timeline.points:
            from service.cli.trajectory_picture import draw  # matplotlib takes a second to load

            draw(stem.with_suffix(".png"), timeline.trajectory, f"{name}: {timeline.ended}")
            console.print()
            for line in plot(timeline.trajectory):
                console.print(line)
            console.print(f"\npicture    {stem.with_suffix('.png')}")
        console.print(f"recording  {stem.with_suffix('.wav')}  (left: caller, right: agent)")
    except OSError as failed:
        _fail(f"cannot write to {out}: {failed}")


def _utterances(file: Path) -> list[Pcm]:
    """The caller's turns of a recording, 8 kHz."""
    try:
        samples, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
    except (OSError, soundfile.SoundFileError) as failed:
        _fail(f"cannot read {file}: {failed}", 2)
    if samples.shape[1] > 1:
        console.print(
            f"[yellow]{file.name} has {samples.shape[1]} channels: the first one is taken for the caller[/yellow]"
        )
    pieces = cut(_at_telephone_rate(samples[:, 0], rate_hz), TELEPHONE_HZ)
    if not pieces:
        _fail(f"there is no speech in {file}", 2)
    return pieces


def _at_telephone_rate(pcm: Pcm, rate_hz: int) -> Pcm:
    if rate_hz == TELEPHONE_HZ:
        return pcm
    return np.asarray(soxr.resample(pcm, rate_hz, TELEPHONE_HZ), dtype=np.int16)


async def _spoken(mood: Mood) -> list[Pcm]:
    """A synthetic caller's turns, 8 kHz."""
    from pipelines.speech.hibari import HibariSpeaker  # only the demo speaks

    caller = CALLERS[mood]
    try:
        speaker = await asyncio.to_thread(HibariSpeaker.load)
        try:
            speeches = [await speaker.speak(line, caller.style) for line in caller.lines]
        finally:
            speaker.close()
    except EngineFailed as failed:
        _fail(f"the embedded voice cannot speak: {failed}")
    return [_at_telephone_rate(speech.pcm, speech.rate_hz) for speech in speeches]


def _choices(timeline: Timeline) -> tuple[str, str]:
    """Strategies and tones in the order they first came up."""
    strategies = dict.fromkeys(strategy for _, strategy, _ in timeline.tones)
    tones = dict.fromkeys(tone for _, _, tone in timeline.tones)
    return ", ".join(strategies), ", ".join(tones)


def _measured(rung: Rung) -> tuple[str, str, str]:
    """Median pitch, pitch range and syllable rate of the replies."""
    measured = [prosody(rung.line.answer(turn), TELEPHONE_HZ) for turn in rung.line.turns]
    vectors = np.array([vector for vector, speech_s in measured if speech_s > 0.5])
    if not len(vectors):
        return "-", "-", "-"
    median = dict(zip(NAMES, np.median(vectors, axis=0), strict=True))
    pitch_hz = 100 * 2 ** (median["pitch_median_st"] / 12)
    return f"{pitch_hz:.0f}", f"{median['pitch_range_st']:.1f}", f"{median['peaks_per_s']:.1f}"


def _fail(why: str, code: int = 1) -> NoReturn:
    console.print(f"[red]{why}[/red]")
    raise typer.Exit(code)
