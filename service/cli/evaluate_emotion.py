"""`attune evaluate emotion`: how well emotion is read, on corpora that the reader of the figures can get too."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from pipelines.emotion.fusion import UNSURE_BELOW
from pipelines.emotion.shipped import load
from pipelines.emotion.voice import WEIGHTS as VOICE_WEIGHTS
from pipelines.emotion.voice import VoiceHead
from pipelines.emotion.words import WEIGHTS as WORDS_WEIGHTS
from pipelines.emotion.words import WordsModel
from pipelines.learning.emotion import (
    Condition,
    Recipe,
    Sample,
    VoiceScore,
    false_alarms,
    leave_one_speaker_out,
    score_elsewhere,
    score_voice,
)
from pipelines.learning.words import TO_LABEL, WordsScore, read_posts, score_words
from service.cli.train import acted_samples, neutral_samples

console = Console()

CONDITIONS = (Condition.CLEAN, Condition.MU_LAW, Condition.IN_CALL)


def emotion(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder that holds the corpora")],
    out: Annotated[Path, typer.Option(file_okay=False, help="where features and results go")] = Path("evaluation"),
) -> None:
    """Measure the voice (emodb/ with speakers held out, speech/librispeech/, ased/) and words (text/goemotions/)."""
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    if (data / "emodb").is_dir():
        readers = data / "speech" / "librispeech"
        neutral = neutral_samples(readers, out) if readers.is_dir() else []
        results["emodb"] = _held_out(acted_samples(data / "emodb", out), neutral)
    if (data / "ased").is_dir():
        elsewhere = acted_samples(data / "ased", out, (Condition.MU_LAW,))
        results["ased"] = _elsewhere(elsewhere)
    if (data / "text" / "goemotions").is_dir():
        results["goemotions"] = _words(data / "text" / "goemotions")
    if not results:
        console.print(f"[red]no corpus found in {data}[/red]: emodb/, ased/ or text/goemotions/ is expected")
        raise typer.Exit(2)
    (out / "emotion.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    console.print(f"results in {out / 'emotion.json'}")


def _held_out(samples: list[Sample], neutral: list[Sample]) -> dict[str, Any]:
    table = Table("speakers held out", "UAR 7 classes", "95 %", "UAR labels", "ECE", "turn 1", "after 5", title="Voice")
    results: dict[str, Any] = {}
    for use_baseline in (True, False):
        recipe = Recipe(use_baseline=use_baseline)
        guesses = leave_one_speaker_out(samples, recipe, CONDITIONS, neutral=neutral)
        for condition in CONDITIONS:
            score = score_voice([one for one in guesses if one.turn.sample.condition is condition])
            name = f"{condition}{'' if use_baseline else ', no baseline'}"
            results[name] = asdict(score)
            table.add_row(name, *_row(score))
    console.print(table)
    if neutral:
        temperature = VoiceHead.from_arrays(load(VOICE_WEIGHTS)).temperature
        share = false_alarms(samples, neutral, Recipe(), temperature, UNSURE_BELOW)
        results["false_alarms"] = share
        console.print(f"read speech of unknown speakers called unpleasant: {share:.1%}")
    return results


def _row(score: VoiceScore) -> tuple[str, ...]:
    low, high = score.interval
    figures = (score.product_uar, score.ece, score.first_turn_uar, score.later_turn_uar)
    return (f"{score.uar:.3f}", f"{low:.3f}-{high:.3f}", *(f"{figure:.3f}" for figure in figures))


def _elsewhere(samples: list[Sample]) -> dict[str, Any]:
    head = VoiceHead.from_arrays(load(VOICE_WEIGHTS))
    results: dict[str, Any] = {}
    for name, use_baseline in (("with the caller's baseline", True), ("without", False)):
        uar, (low, high) = score_elsewhere(head, samples, use_baseline=use_baseline)
        results[name] = {"uar": uar, "interval": (low, high)}
        console.print(f"unseen corpus, 4 classes, {name}: UAR {uar:.3f} ({low:.3f}-{high:.3f})")
    return results


def _words(folder: Path) -> dict[str, Any]:
    score: WordsScore = score_words(WordsModel.from_arrays(load(WORDS_WEIGHTS)), read_posts(folder, "test"), TO_LABEL)
    console.print(f"words: macro-F1 {score.macro_f1:.3f}, accuracy {score.accuracy:.3f} on {score.texts} texts")
    return asdict(score)
