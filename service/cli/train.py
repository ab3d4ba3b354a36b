"""`attune train`: make the weights of the emotion models anew. Needs the corpora; the product runs without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from pipelines.emotion import phrases
from pipelines.emotion import voice as voice_files
from pipelines.emotion import words as words_files
from pipelines.emotion.phrases import CueBook
from pipelines.emotion.shipped import Arrays, seal
from pipelines.learning.emotion import (
    NEUTRAL_TRAINED_ON,
    TRAINED_ON,
    Clip,
    Condition,
    Encoder,
    Recipe,
    Sample,
    calibrate,
    describe,
    keep_samples,
    leave_one_speaker_out,
    read_clips,
    read_neutral,
    read_samples,
    score_voice,
    train_head,
)
from pipelines.learning.words import read_posts, score_words, train_words
from pipelines.models.install import ModelAbsent, locate
from pipelines.speech.whisper import WhisperRecogniser
from service.cli.configured import read_settings

console = Console()

train_app = typer.Typer(no_args_is_help=True, help="Train the emotion models anew.")

Data = Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder of the corpus")]
Out = Annotated[Path, typer.Option(file_okay=False, help="where the weights go")]


@train_app.command()
def emotion(
    data: Data,
    neutral: Annotated[Path, typer.Option(exists=True, file_okay=False, help="read speech, *.flac")],
    out: Out,
    features: Annotated[Path, typer.Option(file_okay=False, help="where features are kept")] = Path("features"),
) -> None:
    """Train the voice head on acted speech (labels.csv beside the recordings: EmoDB) and read speech (LibriSpeech)."""
    for folder in (out, features):
        folder.mkdir(parents=True, exist_ok=True)
    samples = acted_samples(data, features)
    readers = neutral_samples(neutral, features)
    recipe = Recipe()
    console.print("measuring, each speaker held out in turn")
    held_out = leave_one_speaker_out(samples, recipe, (Condition.MU_LAW, Condition.IN_CALL), neutral=readers)
    score = score_voice(held_out)
    console.print(f"recall {score.uar:.3f}, product labels {score.product_uar:.3f}, ECE {score.ece:.3f} (mu-law)")
    head = calibrate(train_head([*samples, *readers], recipe), held_out)
    _write(
        out / voice_files.WEIGHTS,
        head.arrays(),
        "emotion",
        origin="EmoDB, Burkhardt et al. 2005; LibriSpeech, Panayotov et al. 2015; features by Whisper base",
        licence="CC BY 4.0 (both corpora), MIT (Whisper)",
    )


@train_app.command()
def words(data: Data, out: Out) -> None:
    """Train the words model on GoEmotions (train.tsv, dev.tsv, test.tsv, labels.txt)."""
    out.mkdir(parents=True, exist_ok=True)
    model = train_words(read_posts(data, "train"), read_posts(data, "dev"), say=console.print)
    score = score_words(model, read_posts(data, "test"))
    console.print(f"macro-F1 {score.macro_f1:.3f}, accuracy {score.accuracy:.3f} on {score.texts} test texts")
    _write(
        out / words_files.WEIGHTS,
        model.arrays(),
        "words",
        origin="GoEmotions, Demszky et al. 2020",
        licence="CC BY 4.0 (corpus)",
    )


@train_app.command()
def cues(folder: Out) -> None:
    """Seal the hand-written cues of the support line after an edit."""
    CueBook.from_plain(json.loads((folder / phrases.FILE).read_bytes()))
    seal(folder / phrases.FILE, origin="written for Attune", licence="Apache-2.0", trained_with="by hand")
    console.print(f"sealed {folder / phrases.FILE}")


def acted_samples(corpus: Path, kept: Path, conditions: tuple[Condition, ...] = TRAINED_ON) -> list[Sample]:
    """Features of acted speech, computed once and kept in a folder."""
    return _kept(kept / f"{corpus.name}-features.npz", lambda: read_clips(corpus), conditions)


def neutral_samples(folder: Path, kept: Path) -> list[Sample]:
    """Features of read speech, computed once and kept in a folder."""
    return _kept(kept / f"{folder.name}-features.npz", lambda: read_neutral(folder), NEUTRAL_TRAINED_ON)


def _kept(file: Path, clips: Callable[[], list[Clip]], conditions: tuple[Condition, ...]) -> list[Sample]:
    if file.exists():
        console.print(f"features from {file}")
        return read_samples(file)
    samples = describe(clips(), _encoder(), conditions, say=console.print)
    keep_samples(samples, file)
    return samples


def _encoder() -> Encoder:
    """The embedded recogniser's encoder: heads are trained on what calls will give them."""
    try:
        folder = locate("whisper-base", read_settings().models.cache_dir)
    except ModelAbsent as absent:
        console.print(f"[red]{absent}[/red]")
        raise typer.Exit(1) from absent
    return WhisperRecogniser.load(folder).encode_here


def _write(file: Path, arrays: Arrays, command: str, *, origin: str, licence: str) -> None:
    np.savez_compressed(file, allow_pickle=False, **arrays)
    seal(file, origin=origin, licence=licence, trained_with=f"attune train {command} ({arrays['version']})")
    console.print(f"wrote {file} ({file.stat().st_size / 1e6:.2f} MB)")
