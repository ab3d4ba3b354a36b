"""`attune evaluate emotion`: how well emotion is read, on corpora that the reader of the figures can get too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, assert_never

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from pipelines.emotion.estimate import Label
from pipelines.emotion.reader import EmotionReader
from pipelines.emotion.shipped import load, manifest
from pipelines.emotion.voice import WEIGHTS as VOICE_WEIGHTS
from pipelines.emotion.voice import VoiceHead
from pipelines.emotion.words import WEIGHTS as WORDS_WEIGHTS
from pipelines.emotion.words import EmbeddedWordsReader, WordsModel
from pipelines.learning.corpora import (
    EMODB,
    Corpus,
    NoCorpus,
    drawn,
    find_corpora,
    find_folder,
    is_calls,
    is_goemotions,
)
from pipelines.learning.emotion import NEUTRAL_TRAINED_ON, TRAINED_ON, Condition, Recipe, Sample
from pipelines.learning.features import FeatureShelf
from pipelines.learning.joined import UPSET, WELL, Known, simulate
from pipelines.learning.measures import recall
from pipelines.learning.trials import (
    LEARNED_TURNS,
    Calm,
    HeldOut,
    Judged,
    Normalised,
    Score,
    TooSmall,
    alarms,
    calm,
    emotions,
    hold_out,
    in_calls,
    learning_curve,
    score,
    unheard,
    unknown_readers,
    voices_by_speaker,
)
from pipelines.learning.words import POSTS, TO_LABEL, read_posts, score_words, single
from pipelines.models.install import ModelAbsent, locate
from pipelines.ports import EngineFailed
from pipelines.speech import whisper
from service.cli.configured import read_settings
from service.cli.emotion_calls import ReadCall, call_utterances, read_calls
from service.cli.emotion_report import KEY, Pictures, alarm_table, calm_table, score_table, slug
from service.cli.features import ENCODER, open_shelf

console = Console(highlight=False)

CONDITIONS = (
    *(Condition.CLEAN, Condition.NARROW, Condition.MU_LAW, Condition.IN_CALL, Condition.AMR_LIKE),
    *(Condition.NOISE, Condition.LOSS_1, Condition.LOSS_3, Condition.LOSS_10),
)
UNHEARD_ON = (Condition.CLEAN, Condition.MU_LAW)
NAMED_BROKEN = 10
SIMULATED_CALLS = 600
CURVE_SIZES = (2, 4, 6, 8, 10, 15, 20, 30, 50, 80)


class Part(StrEnum):
    """What can be measured."""

    FOLDS = "folds"
    """Within a corpus, speakers held out."""
    UNHEARD = "unheard"
    """The shipped head on corpora that it never heard."""
    ALARMS = "alarms"
    """Calm speech."""
    CURVE = "curve"
    """More and more speakers."""
    WORDS = "words"


def _conditions(told: str) -> tuple[Condition, ...]:
    try:
        return tuple(dict.fromkeys(Condition(one.strip()) for one in told.split(",") if one.strip()))
    except ValueError as unknown:
        raise typer.BadParameter(f"{unknown}; there are {', '.join(Condition)}") from unknown


def _parts(told: str) -> tuple[Part, ...]:
    try:
        return tuple(dict.fromkeys(Part(one.strip()) for one in told.split(",") if one.strip()))
    except ValueError as unknown:
        raise typer.BadParameter(f"{unknown}; there are {', '.join(Part)}") from unknown


def emotion(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="a corpus, or a folder that holds some")],
    out: Annotated[Path, typer.Option(file_okay=False, help="for results, pictures, kept features")] = Path(
        "evaluation"
    ),
    conditions: Annotated[str, typer.Option(help="lines for held-out speakers, joined by commas")] = ",".join(
        CONDITIONS
    ),
    taught_on: Annotated[str, typer.Option(help="lines that heads within a corpus learn from")] = ",".join(TRAINED_ON),
    unheard_on: Annotated[str, typer.Option(help="lines for corpora that the head never heard")] = ",".join(UNHEARD_ON),
    parts: Annotated[str, typer.Option(help="what is measured, joined by commas")] = ",".join(Part),
    folds: Annotated[
        str, typer.Option(help="corpora that heads are trained within, by name; else EmoDB, or the only one")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="at most so many recordings of a corpus, drawn")] = None,
    workers: Annotated[int, typer.Option(min=1, help="clips that are encoded at once")] = 1,
) -> None:
    """Measure the emotion of voices and words.

    Reads EmoDB, RAVDESS, TESS, CREMA-D, IEMOCAP, MSP-Podcast, LibriSpeech, GoEmotions, and a labels.csv of your own.

    docs/guides/emotion-evaluation.md tells more.
    """
    asked = _parts(parts)
    lines, taught_lines, unheard_lines = (_conditions(one) for one in (conditions, taught_on, unheard_on))
    try:
        found = _find(data, limit)
        out.mkdir(parents=True, exist_ok=True)
        run = _Evaluation(
            found=found,
            out=out,
            shelf=open_shelf(out / "features", workers),
            conditions=lines,
            taught_on=taught_lines,
            unheard_on=unheard_lines,
            within=_within(found, folds),
            head=VoiceHead.from_arrays(load(VOICE_WEIGHTS)),
            pictures=Pictures(out),
        )
        run.measure(asked)
    except (NoCorpus, ModelAbsent, EngineFailed, OSError) as failed:
        console.print(f"[red]{failed}[/red]", soft_wrap=True)
        raise typer.Exit(2 if isinstance(failed, NoCorpus) else 1) from failed


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies in a folder."""

    acted: tuple[Corpus, ...]
    readers: Corpus | None
    texts: Path | None
    calls: Path | None


def _find(data: Path, limit: int | None) -> _Found:
    corpora = [drawn(one, limit) if limit else one for one in find_corpora(data)]
    found = _Found(
        tuple(one for one in corpora if not one.is_read),
        next((one for one in corpora if one.is_read), None),
        find_folder(data, is_goemotions),
        find_folder(data, is_calls),
    )
    if not corpora and found.texts is None and found.calls is None:
        raise NoCorpus(
            f"no corpus in {data}: EmoDB, RAVDESS, TESS, CREMA-D, IEMOCAP, MSP-Podcast, LibriSpeech or GoEmotions as"
            " published, or a labels.csv with file, speaker and emotion beside the recordings"
        )
    table = Table("found", "recordings", "speakers", "f / m", "classes", "left out", box=None)
    for one in corpora:
        sexes = list(one.speakers.values())
        table.add_row(
            one.name,
            str(len(one.recordings)),
            str(len(sexes)),
            f"{sexes.count('f')} / {sexes.count('m')}",
            "read speech" if one.is_read else ", ".join(one.classes),
            ", ".join(f"{reason}: {count}" for reason, count in one.left_out.items()) or "nothing",
        )
    for name, folder in (("GoEmotions", found.texts), ("calls", found.calls)):
        if folder is not None:
            table.add_row(name, "", "", "", "texts" if name == "GoEmotions" else "recordings of calls", "")
    console.print(table)
    return found


def _within(found: _Found, told: str) -> tuple[Corpus, ...]:
    """The corpora that heads are trained within."""
    names = {one.strip().lower() for one in told.split(",") if one.strip()}
    if unknown := names - {one.name.lower() for one in found.acted}:
        raise typer.BadParameter(f"--folds: no {', '.join(sorted(unknown))} among what was found")
    if names:
        return tuple(one for one in found.acted if one.name.lower() in names)
    return tuple(one for one in found.acted if one.name == EMODB or len(found.acted) == 1)


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """Empty until it is known."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="cyan")


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar with its rate; nothing where there is nothing to do."""
    if not total:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


@dataclass(slots=True)
class _Evaluation:
    """One run of the command: what was found, and what was measured so far."""

    found: _Found
    out: Path
    shelf: FeatureShelf
    conditions: tuple[Condition, ...]
    taught_on: tuple[Condition, ...]
    unheard_on: tuple[Condition, ...]
    within: tuple[Corpus, ...]
    head: VoiceHead
    pictures: Pictures
    recipe: Recipe = field(default_factory=Recipe)
    results: dict[str, Any] = field(default_factory=dict)
    described: dict[tuple[str, Condition], tuple[Sample, ...]] = field(default_factory=dict)
    broken: dict[str, dict[str, str]] = field(default_factory=dict)

    def measure(self, parts: Sequence[Part]) -> None:
        """Measure the parts for which there is data, and write `emotion.json`."""
        for part in parts:
            match part:
                case Part.FOLDS:
                    self._each(self.within, self._folds)
                case Part.UNHEARD:
                    self._each([one for one in self.found.acted if one.name != EMODB], self._unheard)
                case Part.ALARMS:
                    self._alarms()
                case Part.CURVE:
                    self._curve()
                case Part.WORDS:
                    self._words()
                case _:
                    assert_never(part)
        self._tell_broken()
        self._write()

    def _each(self, corpora: Sequence[Corpus], trial: Callable[[Corpus], None]) -> None:
        for corpus in corpora:
            try:
                trial(corpus)
            except TooSmall as why:
                console.print(f"[yellow]{why}[/yellow]")

    def _samples(self, corpus: Corpus, conditions: Sequence[Condition]) -> list[Sample]:
        """Features over some lines, from the shelf or computed now."""
        wanted = [one for one in dict.fromkeys(conditions) if (corpus.name, one) not in self.described]
        missing = [one for one in wanted if not self.shelf.holds(corpus, one)]
        with _progress(f"{corpus.name}: features", len(missing) * len(corpus.recordings)) as tick:
            for condition in wanted:
                made = self.shelf.describe(corpus, condition, tick)
                self.described[corpus.name, condition] = made.samples
                self.broken.setdefault(corpus.name, {}).update(made.broken)
        return [one for condition in dict.fromkeys(conditions) for one in self.described[corpus.name, condition]]

    def _readers(self, conditions: Sequence[Condition] = NEUTRAL_TRAINED_ON) -> list[Sample]:
        return self._samples(self.found.readers, conditions) if self.found.readers is not None else []

    def _folds(self, corpus: Corpus) -> None:
        taught, asked = self._samples(corpus, self.taught_on), self._samples(corpus, self.conditions)
        readers = self._readers()
        held = {}
        with _progress(f"{corpus.name}: held-out speakers", 2 * len(corpus.folds())) as tick:
            for use_baseline in (True, False):
                recipe = replace(self.recipe, use_baseline=use_baseline)
                held[use_baseline] = hold_out(corpus, taught, asked, recipe, readers=readers, tick=tick)
        by_class = {str(line): score(held[True].judged(line), corpus) for line in self.conditions}
        by_label = {str(line): score(held[True].judged_labels(line), corpus) for line in self.conditions}
        bare = {str(line): score(held[False].judged(line), corpus) for line in self.conditions}
        count = len(held[True].classes)
        title = f"{corpus.name}: {count} classes, {len(corpus.speakers)} speakers by heads that never heard them"
        console.print(score_table(title, by_class))
        console.print("without a baseline: " + ", ".join(f"{line} {one.uar.value:.3f}" for line, one in bare.items()))
        console.print(score_table(f"{corpus.name}: the product's labels", by_label))
        console.print(KEY, style="dim")
        self.results.setdefault("held_out", {})[corpus.name] = {
            "readers_in_training": len({one.speaker for one in readers}),
            "by_class": _plain(by_class),
            "by_label": _plain(by_label),
            "by_class_without_baseline": _plain(bare),
        }
        self._draw_folds(corpus, held[True], by_class, by_label)

    def _draw_folds(
        self, corpus: Corpus, held: HeldOut, by_class: Mapping[str, Score], by_label: Mapping[str, Score]
    ) -> None:
        line = Condition.MU_LAW if Condition.MU_LAW in self.conditions else self.conditions[0]
        what = f"{corpus.name}, {line}, speakers held out"
        self.pictures.score(slug(corpus.name, "classes"), what, by_class[line])
        self.pictures.score(slug(corpus.name, "labels"), f"{what}, product labels", by_label[line])
        self.pictures.coverage(corpus.name, f"{corpus.name}, speakers held out, product labels", by_label)
        uars = {name: one.uar for name, one in by_class.items()}
        self.pictures.bars(
            slug("lines", corpus.name), f"{corpus.name}, speakers held out", uars, "UAR, 95 % over speakers"
        )
        self._attention(corpus, held.judged_labels(line))
        call = richest_call(held.judged_labels(line))
        self.pictures.trajectory(corpus.name, f"{what}: one simulated call", call, emotions(call))

    def _unheard(self, corpus: Corpus) -> None:
        scores: dict[str, Score] = {}
        for line in self.unheard_on:
            samples = self._samples(corpus, [line])
            own = {str(one): score(unheard(self.head, samples, one), corpus) for one in Normalised}
            scores |= {f"{line}, {one}": found for one, found in own.items()}
            console.print(score_table(f"{corpus.name}, {line}: never heard, 4 classes, compared with", own))
        line = Condition.MU_LAW if Condition.MU_LAW in self.unheard_on else self.unheard_on[0]
        on_line, whole = (scores[f"{line}, {one}"] for one in (Normalised.ON_LINE, Normalised.WHOLE_SPEAKER))
        if on_line.later_turns is not None and whole.later_turns is not None:
            behind = whole.later_turns - on_line.later_turns
            console.print(f"{line}, after {LEARNED_TURNS} turns: {behind:+.3f} from caller so far to whole speaker")
        self.results.setdefault("unheard", {})[corpus.name] = _plain(scores)
        what = f"{corpus.name}, never heard, {line}"
        self.pictures.score(slug(corpus.name, "unheard"), what, on_line)
        self.pictures.coverage(
            slug(corpus.name, "unheard"), what, {one: s for one, s in scores.items() if one.startswith(f"{line},")}
        )

    def _alarms(self) -> None:
        emodb = next((one for one in self.found.acted if one.name == EMODB), None)
        found: dict[str, Calm] = {}
        if self.found.readers is not None and emodb is not None:
            taught, acted = self._readers(), self._samples(emodb, self.taught_on)
            for line in (Condition.MU_LAW, Condition.IN_CALL):
                judged = unknown_readers(acted, taught, self._readers([line]), self.recipe, self.head.temperature)
                found[f"unknown readers, {line}"] = calm(in_calls(judged, emotions(judged)))
        read = self._read_calls()
        found |= {call.name: calm([(call.name, call.emotions)]) for call in read}
        for call in read:
            self.pictures.read_call(call)
        if found:
            console.print(calm_table(found))
            self.results["calm"] = {name: asdict(one) for name, one in found.items()}
            self.results["calls"] = {call.name: call.told() for call in read}

    def _read_calls(self) -> list[ReadCall]:
        if self.found.calls is None:
            return []
        calls = call_utterances(self.found.calls)
        recogniser = whisper.WhisperRecogniser.load(locate(ENCODER, read_settings().models.cache_dir), threads=1)
        reader = EmotionReader.load()
        try:
            with _progress("calls: recognised and read", sum(map(len, calls.values()))) as tick:
                return asyncio.run(read_calls(calls, recogniser, reader, tick))
        finally:
            reader.close()
            recogniser.close()

    def _attention(self, corpus: Corpus, judged: Judged) -> None:
        """Attention on calls put together from held-out voices, and from those and texts that nobody trained on."""
        if not {str(one) for one in (*UPSET, *WELL)} <= set(judged.truth):
            return
        voices = voices_by_speaker(judged)
        each = SIMULATED_CALLS // len(voices)
        found = {"voice": alarms({who: simulate(own, [], each, with_words=False) for who, own in voices.items()})}
        if self.found.texts is not None:
            texts = _known_texts(self.found.texts)
            found["voice and words"] = alarms({who: simulate(own, texts, each) for who, own in voices.items()})
        self.results.setdefault("attention", {})[corpus.name] = {name: asdict(one) for name, one in found.items()}
        console.print(alarm_table(f"{corpus.name}: needs attention, simulated calls of voices held out", found))
        curves = {f"{name} (area {one.average_precision:.3f})": one.curve for name, one in found.items()}
        wanted = next(iter(found.values())).curve[-1][1]
        self.pictures.attention(
            corpus.name, f"{corpus.name}: turns that need attention, simulated calls", curves, wanted
        )

    def _curve(self) -> None:
        emodb = next((one for one in self.found.acted if one.name == EMODB), None)
        others = [one for one in self.found.acted if one.name != EMODB]
        if emodb is None or not others:
            return
        acted, readers = self._samples(emodb, self.taught_on), self._readers()
        asked = {one.name: self._samples(one, [Condition.MU_LAW]) for one in others}
        curves: dict[str, list[tuple[int, list[float]]]] = {}
        sizes = [one for one in CURVE_SIZES if one <= len(emodb.speakers)]
        for name, samples in asked.items():

            def measure(head: VoiceHead, samples: Sequence[Sample] = samples) -> float:
                judged = unheard(head, samples, Normalised.ON_LINE, orders=1)
                return recall(judged.truth, judged.said)

            with _progress(f"{name}: learning curve", 3 * len(sizes) - 2) as tick:
                curves[name] = learning_curve(acted, readers, self.recipe, measure, sizes=sizes, tick=tick)
        self.results["learning_curve"] = curves
        self.pictures.learning(curves, "Four classes, never heard, mu-law", "UAR with the caller's own baseline")

    def _words(self) -> None:
        if self.found.texts is None:
            return
        found = score_words(
            WordsModel.from_arrays(load(WORDS_WEIGHTS), POSTS), read_posts(self.found.texts, "test"), TO_LABEL
        )
        console.print(f"words: macro-F1 {found.macro_f1:.3f}, accuracy {found.accuracy:.3f} on {found.texts} texts")
        self.results["words"] = asdict(found)

    def _tell_broken(self) -> None:
        for name, broken in self.broken.items():
            if broken:
                told = ", ".join(f"{one}: {why}" for one, why in list(broken.items())[:NAMED_BROKEN])
                more = f" and {len(broken) - NAMED_BROKEN} more" if len(broken) > NAMED_BROKEN else ""
                console.print(f"[yellow]{name}: {len(broken)} recordings could not be read: {told}{more}[/yellow]")

    def _write(self) -> None:
        made_with = {
            "weights": {name: one["sha256"] for name, one in manifest().items()},
            "encoder": ENCODER,
            "recipe": asdict(self.recipe),
        }
        corpora = {
            one.name: {
                "recordings": len(one.recordings),
                "speakers": len(one.speakers),
                "left_out": one.left_out,
                "broken": self.broken.get(one.name, {}),
            }
            for one in (*self.found.acted, *([self.found.readers] if self.found.readers else []))
        }
        file = self.out / "emotion.json"
        told = {"made_with": made_with, "corpora": corpora, **self.results}
        file.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n", "utf-8")
        console.print(f"results in {file}, pictures: {', '.join(self.pictures.drawn) or 'none'}", soft_wrap=True)


def _plain(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in scores.items()}


def _known_texts(folder: Path) -> list[Known]:
    """Test texts of one label as the words reader reads them."""
    reader = EmbeddedWordsReader.load()
    texts, labels = single(read_posts(folder, "test"), TO_LABEL)
    read = ((reader.read_words(text), Label(label)) for text, label in zip(texts, labels, strict=True))
    return [Known(reading, label) for reading, label in read if reading is not None]


def richest_call(judged: Judged) -> Judged:
    """The simulated call with most different emotions, the first of equals."""
    starts = [place for place, turn in enumerate(judged.turns) if turn.number == 1]
    ends = [*starts[1:], len(judged.turns)]
    begin, end = max(
        zip(starts, ends, strict=True),
        key=lambda span: len({turn.sample.emotion for turn in judged.turns[span[0] : span[1]]}),
    )
    wanted = set(map(id, judged.turns[begin:end]))
    return judged.where(lambda turn: id(turn) in wanted)
