"""`attune train`: make the weights of the emotion models anew. Needs the corpora; the product runs without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.console import Console

from pipelines.emotion import voice as voice_files
from pipelines.emotion import words as words_files
from pipelines.emotion.shipped import Arrays, seal
from pipelines.emotion.voice import ACTED
from pipelines.emotion.words import WordsModel
from pipelines.learning.corpora import Corpus, NoCorpus, find_corpora
from pipelines.learning.emotion import (
    NEUTRAL_TRAINED_ON,
    TRAINED_ON,
    Condition,
    Recipe,
    Sample,
    calibrate,
    leave_one_speaker_out,
    score_voice,
    train_head,
)
from pipelines.learning.features import FeatureShelf
from pipelines.learning.sayings import say
from pipelines.learning.words import (
    EKMAN,
    POSTS,
    TO_EKMAN,
    TO_LABEL,
    ordinary_questions,
    read_lines,
    read_posts,
    score_words,
)
from pipelines.models.install import ModelAbsent
from pipelines.ports import EngineFailed
from service.cli.features import open_shelf

console = Console()

WORDS_ORIGIN = (
    "paraphrase-MiniLM-L3-v2, Wang et al. 2020, Reimers and Gurevych 2019; GoEmotions, Demszky et al. 2020; "
    "Banking77, Casanueva et al. 2020; sayings written for Attune"
)
WORDS_LICENCE = "Apache-2.0 (encoder, sayings), CC BY 4.0 (corpora)"

train_app = typer.Typer(no_args_is_help=True, help="Train the emotion models anew.")

CALIBRATED_ON: Final = (Condition.MU_LAW, Condition.IN_CALL)
"""Lines on which the temperature is fitted."""

Data = Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder of the corpus")]
Out = Annotated[Path, typer.Option(file_okay=False, help="where the weights go")]


@train_app.command()
def emotion(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="acted speech: EmoDB")],
    neutral: Annotated[Path, typer.Option(exists=True, file_okay=False, help="read speech: LibriSpeech")],
    out: Out,
    features: Annotated[Path, typer.Option(file_okay=False, help="where features are kept")] = Path("features"),
    workers: Annotated[int, typer.Option(min=1, help="clips that are encoded at once")] = 1,
) -> None:
    """Train the voice head on acted speech (labels.csv beside the recordings) and on read speech, which is neutral.

    The same corpora, encoder and libraries on the same machine give the same bytes.
    """
    try:
        acted, read = _the_corpus(data), _the_corpus(neutral)
        _check(acted, read)
        shelf = open_shelf(features, workers)
        samples = _features(shelf, acted, TRAINED_ON)
        readers = _features(shelf, read, NEUTRAL_TRAINED_ON)
        out.mkdir(parents=True, exist_ok=True)
        recipe = Recipe()
        console.print("measuring, each speaker held out in turn")
        held_out = leave_one_speaker_out(samples, recipe, CALIBRATED_ON, neutral=readers)
        for condition in CALIBRATED_ON:
            score = score_voice([one for one in held_out if one.turn.sample.condition is condition])
            console.print(
                f"{condition}: recall {score.uar:.3f}, product labels {score.product_uar:.3f}, ECE {score.ece:.3f}"
            )
        head = calibrate(train_head([*samples, *readers], recipe), held_out)
        _write(
            out / voice_files.WEIGHTS,
            head.arrays(),
            "emotion",
            origin="EmoDB, Burkhardt et al. 2005; LibriSpeech, Panayotov et al. 2015; features by Whisper base",
            licence="CC BY 4.0 (both corpora), MIT (Whisper)",
        )
    except (NoCorpus, ModelAbsent, EngineFailed, OSError) as failed:
        console.print(f"[red]{failed}[/red]", soft_wrap=True)
        raise typer.Exit(2 if isinstance(failed, NoCorpus) else 1) from failed


def _the_corpus(folder: Path) -> Corpus:
    """The only corpus in a folder.

    Raises:
        NoCorpus: there is none, or there are several.
    """
    found = find_corpora(folder)
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise NoCorpus(f"{folder}: one corpus is expected there, found {names}")
    return found[0]


def _features(shelf: FeatureShelf, corpus: Corpus, conditions: Sequence[Condition]) -> list[Sample]:
    """Features of a corpus over all lines.

    Raises:
        NoCorpus: a recording cannot be read: the weights would silently rest on less.
    """
    samples: list[Sample] = []
    for condition in conditions:
        kept = "kept" if shelf.holds(corpus, condition) else f"computing, {len(corpus.recordings)} recordings"
        console.print(f"{corpus.name}, {condition}: {kept}")
        described = shelf.describe(corpus, condition)
        if described.broken:
            name, why = next(iter(described.broken.items()))
            raise NoCorpus(f"{corpus.name}: {len(described.broken)} recordings cannot be read, first {name}: {why}")
        samples += described.samples
    return samples


def _check(acted: Corpus, read: Corpus) -> None:
    """Whether a head can be trained, before hours go into features.

    Raises:
        NoCorpus: it cannot; the message says why.
    """
    heard = set(acted.classes)
    if missing := [name for name in ACTED if name not in heard]:
        raise NoCorpus(f"{acted.name}: acted speech lacks {', '.join(missing)}")
    if unknown := heard - set(ACTED):
        raise NoCorpus(f"{acted.name}: the head does not know {', '.join(sorted(unknown))}")
    if len(acted.speakers) < 3:
        raise NoCorpus(f"{acted.name}: three speakers or more are needed, each is held out in turn")
    if read.classes != ("neutral",):
        raise NoCorpus(f"{read.name}: read speech must be neutral throughout")


@train_app.command()
def words(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder with goemotions/ and banking77/")],
    lines: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="the contact-centre set: contact_centre.tsv")
    ],
    out: Out,
    base: Annotated[str, typer.Option(help="pretrained encoder: hub id or folder")] = "",
    epochs: Annotated[float, typer.Option(help="passes over the posts before the last one")] = 2.0,
) -> None:
    """Train the words model on GoEmotions, our sayings and plain questions of Banking77. Needs the extra `train`."""
    from pipelines.learning.text_encoder import BASE
    from pipelines.learning.words_training import train_words

    out.mkdir(parents=True, exist_ok=True)
    posts = {split: read_posts(data / "goemotions", split) for split in ("train", "dev", "test")}
    sayings = [*say(), *ordinary_questions(data / "banking77")]
    arrays = train_words(
        posts["train"], posts["dev"], sayings, read_lines(lines), base=base or BASE, epochs=epochs, say=console.print
    )
    for head, mapping in ((POSTS, TO_LABEL), (EKMAN, TO_EKMAN)):
        score = score_words(WordsModel.from_arrays(arrays, head), posts["test"], mapping)
        console.print(f"{head}: macro-F1 {score.macro_f1:.3f}, accuracy {score.accuracy:.3f} on {score.texts} texts")
    _write(out / words_files.WEIGHTS, arrays, "words", origin=WORDS_ORIGIN, licence=WORDS_LICENCE)


def _write(file: Path, arrays: Arrays, command: str, *, origin: str, licence: str) -> None:
    np.savez_compressed(file, allow_pickle=False, **arrays)
    seal(file, origin=origin, licence=licence, trained_with=f"attune train {command} ({arrays['version']})")
    console.print(f"wrote {file} ({file.stat().st_size / 1e6:.2f} MB)")
