"""`attune train`: make the weights of the emotion models anew. Needs the corpora; the product runs without."""

from __future__ import annotations

import json
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
    Condition,
    Encoder,
    Recipe,
    Sample,
    calibrate,
    describe,
    keep_samples,
    leave_one_speaker_out,
    read_clips,
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
def emotion(data: Data, out: Out) -> None:
    """Train the voice head on a corpus of acted speech (labels.csv beside the recordings; EmoDB ships)."""
    out.mkdir(parents=True, exist_ok=True)
    samples = voice_samples(data, out / f"{data.name}-features.npz")
    recipe = Recipe()
    console.print("measuring, each speaker held out in turn")
    held_out = leave_one_speaker_out(samples, recipe, (Condition.MU_LAW, Condition.IN_CALL))
    score = score_voice(held_out)
    console.print(f"recall {score.uar:.3f}, product labels {score.product_uar:.3f}, ECE {score.ece:.3f} (mu-law)")
    head = calibrate(train_head(samples, recipe), held_out)
    _write(
        out / voice_files.WEIGHTS,
        head.arrays(),
        origin=f"{data.name}: Burkhardt et al. 2005 (EmoDB); features by Whisper base",
        licence="CC BY 4.0 (corpus), MIT (Whisper)",
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
        origin="GoEmotions, Demszky et al. 2020",
        licence="CC BY 4.0 (corpus)",
    )


@train_app.command()
def cues(folder: Out) -> None:
    """Seal the hand-written cues of the support line after an edit."""
    CueBook.from_plain(json.loads((folder / phrases.FILE).read_bytes()))
    seal(folder / phrases.FILE, origin="written for Attune", licence="Apache-2.0", trained_with="by hand")
    console.print(f"sealed {folder / phrases.FILE}")


def voice_samples(corpus: Path, kept: Path, conditions: tuple[Condition, ...] = tuple(Condition)) -> list[Sample]:
    """Features of a corpus, computed once and kept in a file."""
    if kept.exists():
        console.print(f"features from {kept}")
        return read_samples(kept)
    samples = describe(read_clips(corpus), _encoder(), conditions, say=console.print)
    keep_samples(samples, kept)
    return samples


def _encoder() -> Encoder:
    """The embedded recogniser's encoder: heads are trained on what calls will give them."""
    try:
        folder = locate("whisper-base", read_settings().models.cache_dir)
    except ModelAbsent as absent:
        console.print(f"[red]{absent}[/red]")
        raise typer.Exit(1) from absent
    return WhisperRecogniser.load(folder).encode_here


def _write(file: Path, arrays: Arrays, *, origin: str, licence: str) -> None:
    np.savez_compressed(file, allow_pickle=False, **arrays)
    seal(file, origin=origin, licence=licence, trained_with=f"attune train {file.stem} ({arrays['version']})")
    console.print(f"wrote {file} ({file.stat().st_size / 1e6:.2f} MB)")
