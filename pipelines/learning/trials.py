"""What emotion estimates are put to: speakers held out, corpora never heard, calm readers. Offline.

A trial ends in judgements (what was said of each turn, beside the truth), and those in a score.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.attention import DEFAULT_THRESHOLD, attention
from pipelines.emotion.estimate import LABELS, Emotion, Label, Reading
from pipelines.emotion.fusion import fuse
from pipelines.emotion.voice import AS_LABEL, VoiceHead
from pipelines.learning.corpora import Corpus, Fold
from pipelines.learning.emotion import (
    FOUR,
    Condition,
    Guess,
    Recipe,
    Sample,
    Turn,
    anchored,
    as_in_calls,
    best_temperature,
    guess,
    probabilities,
    product_probabilities,
    simulate_calls,
    train_head,
)
from pipelines.learning.joined import Known, SimulatedCall
from pipelines.learning.measures import (
    Figure,
    accuracy,
    accuracy_at,
    average_precision,
    calibrations,
    concordance,
    confusions,
    counts,
    coverage_curve,
    coverages,
    expected_calibration_error,
    figure,
    macro_f1,
    moments,
    precision_recall,
    recalls,
    share,
    uar,
)

LEARNED_TURNS: Final = 5
"""After so many turns a baseline should be as good as one that has heard the whole speaker."""

COVERAGE: Final = 0.8

_CALIBRATED_ON: Final = frozenset({Condition.MU_LAW, Condition.IN_CALL})
"""Lines on which a temperature is fitted, as for the shipped head."""

_TEMPERATURE_GROUPS: Final = 10

_LABELS: Final = tuple(map(str, LABELS))


class TooSmall(Exception):
    """A corpus with which a trial says nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of turns.

    Attributes:
        turns: the turns; their samples know speaker and clip.
        classes: the columns of `shares`.
        truth: per turn, one of the classes.
        shares: probabilities, shape (turns, classes).
        affect: valence and arousal, shape (turns, 2).
    """

    turns: tuple[Turn, ...]
    classes: tuple[str, ...]
    truth: tuple[str, ...]
    shares: NDArray[np.float64]
    affect: NDArray[np.float64]

    @property
    def speakers(self) -> list[str]:
        """Whose turns they are."""
        return [turn.sample.speaker for turn in self.turns]

    @property
    def said(self) -> list[str]:
        """The likeliest class of each turn."""
        return [self.classes[place] for place in self.shares.argmax(axis=1)]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Its probability."""
        return np.asarray(self.shares.max(axis=1))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether it is the truth."""
        return np.array([one == other for one, other in zip(self.truth, self.said, strict=True)], dtype=bool)

    def of(self, speakers: Collection[str]) -> Judged:
        """Only the turns of some speakers."""
        return self.where(lambda turn: turn.sample.speaker in speakers)

    def where(self, wanted: Callable[[Turn], bool]) -> Judged:
        """Only some of the turns."""
        places = [place for place, turn in enumerate(self.turns) if wanted(turn)]
        return replace(
            self,
            turns=tuple(self.turns[place] for place in places),
            truth=tuple(self.truth[place] for place in places),
            shares=self.shares[places],
            affect=self.affect[places],
        )


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of a trial. All with their interval over speakers, but the curves.

    Attributes:
        turns: how many were judged.
        speakers: of how many voices.
        classes: in the order of `confusion`.
        uar: unweighted average recall.
        macro_f1: mean F1 of the classes.
        accuracy: share that is right.
        ece: expected calibration error.
        surest: accuracy when the least sure fifth is *unsure*.
        by_class: recall per class.
        by_sex: UAR per sex, where the corpus tells it.
        by_speaker: UAR of the worst, the middle and the best speaker.
        valence: concordance with the listeners' ratings, None without ratings.
        arousal: the same.
        first_turns: UAR of the first turns of the calls, None without any.
        later_turns: UAR after LEARNED_TURNS.
        confusion: true class by said class.
        coverage: (least confidence, share answered, accuracy).
        reliability: (mean confidence, accuracy, turns) per bin of confidence that is not empty.
    """

    turns: int
    speakers: int
    classes: tuple[str, ...]
    uar: Figure
    macro_f1: Figure
    accuracy: Figure
    ece: Figure
    surest: Figure
    by_class: Mapping[str, float]
    by_sex: Mapping[str, Figure]
    by_speaker: Mapping[str, float]
    valence: Figure | None
    arousal: Figure | None
    first_turns: float | None
    later_turns: float | None
    confusion: Sequence[Sequence[int]]
    coverage: Sequence[tuple[float, float, float]]
    reliability: Sequence[tuple[float, float, int]] = field(default_factory=tuple)


def score(judged: Judged, corpus: Corpus) -> Score:
    """Measure judgements on a corpus."""
    speakers, truth, said = judged.speakers, judged.truth, judged.said
    confidence, right = judged.confidence, judged.right
    confused = confusions(speakers, truth, said, judged.classes)
    bins = calibrations(speakers, confidence, right)
    whole = bins.sum(axis=0)
    valence, arousal = _concordances(judged, corpus)
    by_speaker = [float(uar(one)) for one in confused]
    return Score(
        turns=len(truth),
        speakers=len(confused),
        classes=judged.classes,
        uar=figure(confused, uar),
        macro_f1=figure(confused, macro_f1),
        accuracy=figure(confused, accuracy),
        ece=figure(bins, expected_calibration_error),
        surest=figure(coverages(speakers, confidence, right), accuracy_at(COVERAGE)),
        by_class={
            name: float(one)
            for name, one in zip(judged.classes, recalls(confused.sum(axis=0)), strict=True)
            if np.isfinite(one)
        },
        by_sex=_by_sex(judged, corpus),
        by_speaker={
            "worst": min(by_speaker),
            "median": float(np.median(by_speaker)),
            "best": max(by_speaker),
        },
        valence=valence,
        arousal=arousal,
        first_turns=_uar(judged.where(lambda turn: turn.number == 1)),
        later_turns=_uar(judged.where(lambda turn: turn.number > LEARNED_TURNS)),
        confusion=confused.sum(axis=0).astype(int).tolist(),
        coverage=coverage_curve(confidence, right),
        reliability=[(total / count, hits / count, int(count)) for count, total, hits in whole.tolist() if count],
    )


def _uar(judged: Judged) -> float | None:
    """None without turns."""
    if not judged.turns:
        return None
    return float(uar(confusions(judged.speakers, judged.truth, judged.said, judged.classes).sum(axis=0)))


def _by_sex(judged: Judged, corpus: Corpus) -> dict[str, Figure]:
    groups: dict[str, set[str]] = {}
    for speaker, sex in corpus.speakers.items():
        if sex is not None:
            groups.setdefault(sex, set()).add(speaker)
    found: dict[str, Figure] = {}
    for sex in sorted(groups):
        own = judged.of(groups[sex])
        if own.turns:
            found[sex] = figure(confusions(own.speakers, own.truth, own.said, own.classes), uar)
    return found


def _concordances(judged: Judged, corpus: Corpus) -> tuple[Figure | None, Figure | None]:
    rated = {one.name: (one.valence, one.arousal) for one in corpus.recordings}
    found: list[Figure | None] = []
    for column in (0, 1):
        pairs = [
            (turn.sample.speaker, rating, float(judged.affect[place, column]))
            for place, turn in enumerate(judged.turns)
            if (rating := rated.get(turn.sample.clip, (None, None))[column]) is not None
        ]
        if len(pairs) < 2:
            found.append(None)
            continue
        speakers, truth, said = zip(*pairs, strict=True)
        found.append(figure(moments(speakers, np.array(truth), np.array(said)), concordance))
    return found[0], found[1]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Guesses about speakers that the head never heard.

    Attributes:
        classes: of the heads.
        guesses: of all folds.
    """

    classes: tuple[str, ...]
    guesses: tuple[Guess, ...]

    def judged(self, condition: Condition) -> Judged:
        """By class, over one line; the temperature comes from other speakers."""
        chosen = self._calibrated(condition)
        truth = [one.turn.sample.emotion for one in chosen]
        return _judged(chosen, self.classes, truth, probabilities(chosen, 1.0))

    def judged_labels(self, condition: Condition) -> Judged:
        """The same by the product's labels."""
        chosen = self._calibrated(condition)
        truth = [str(AS_LABEL[one.turn.sample.emotion]) for one in chosen]
        return _judged(chosen, _LABELS, truth, product_probabilities(chosen, 1.0, self.classes))

    def _calibrated(self, condition: Condition) -> list[Guess]:
        """Guesses over a line, their scores divided by the temperature."""
        heats = self._temperatures()
        return [
            replace(one, scores=one.scores / np.float32(heats[one.turn.sample.speaker]))
            for one in self.guesses
            if one.turn.sample.condition is condition
        ]

    def _temperatures(self) -> dict[str, float]:
        """Speaker -> the temperature that fits speakers of other groups, on the lines that it is shipped for."""
        speakers = sorted({one.turn.sample.speaker for one in self.guesses})
        groups = [speakers[place::_TEMPERATURE_GROUPS] for place in range(min(_TEMPERATURE_GROUPS, len(speakers)))]
        lines = {one.turn.sample.condition for one in self.guesses}
        fitted_on = lines & _CALIBRATED_ON or lines
        found: dict[str, float] = {}
        for group in groups:
            others = [
                one
                for one in self.guesses
                if one.turn.sample.speaker not in group and one.turn.sample.condition in fitted_on
            ]
            found |= dict.fromkeys(group, best_temperature(others, self.classes) if others else 1.0)
        return found


def _judged(
    guesses: Sequence[Guess], classes: tuple[str, ...], truth: Sequence[str], shares: NDArray[np.float64]
) -> Judged:
    affect = np.clip(np.array([one.affect for one in guesses], np.float64).reshape(-1, 2), -1, 1)
    return Judged(tuple(one.turn for one in guesses), classes, tuple(truth), shares, affect)


def hold_out(
    corpus: Corpus,
    taught: Sequence[Sample],
    asked: Sequence[Sample],
    recipe: Recipe,
    *,
    readers: Sequence[Sample] = (),
    tick: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Each fold of a corpus judged by a head that learned from other speakers, in simulated calls.

    Args:
        corpus: whose folds they are.
        taught: its features over the lines of training.
        asked: its features over the lines that are measured.
        recipe: hyper-parameters.
        readers: calm speech that every head learns besides, as neutral.
        tick: called after each fold.

    Raises:
        TooSmall: fewer than two folds, or fewer than three classes that every fold can learn.
    """
    folds = corpus.folds()
    classes = _learnable(corpus, folds)
    affect_of = _affect(corpus)
    calm = readers if "neutral" in classes else ()
    guesses: list[Guess] = []
    for fold in folds:
        known = [one for one in taught if one.speaker in fold.taught and one.emotion in classes]
        head = train_head([*known, *calm], recipe, classes=classes, affect_of=affect_of)
        own = [one for one in asked if one.speaker in fold.held_out and one.emotion in classes]
        turns = simulate_calls(own, head.prior, seed=1000, use_baseline=recipe.use_baseline, weigh=as_in_calls(head))
        guesses += guess(head, turns)
        tick()
    return HeldOut(classes, tuple(guesses))


def _learnable(corpus: Corpus, folds: Sequence[Fold]) -> tuple[str, ...]:
    """The classes that the taught speakers of every fold have."""
    if not folds or not all(fold.taught and fold.held_out for fold in folds):
        raise TooSmall(f"{corpus.name}: held-out folds need two speakers or more")
    have = [{one.emotion for one in corpus.recordings if one.speaker in fold.taught} for fold in folds]
    classes = tuple(sorted(set.intersection(*have)))
    if len(classes) < 3:
        raise TooSmall(f"{corpus.name}: held-out folds need three classes that every fold has, here {len(classes)}")
    return classes


def _affect(corpus: Corpus) -> Callable[[Sample], tuple[float, float]]:
    """The listeners' ratings where there are some, else the anchors of the classes."""
    rated = {
        one.name: (one.valence, one.arousal)
        for one in corpus.recordings
        if one.valence is not None and one.arousal is not None
    }
    return lambda sample: rated.get(sample.clip) or anchored(sample)


class Normalised(StrEnum):
    """What a turn is compared with."""

    ON_LINE = "caller so far"
    NOBODY = "population"
    WHOLE_SPEAKER = "whole speaker"
    """Mean and deviation of everything that the speaker says in the corpus: what no call can know."""


def unheard(head: VoiceHead, samples: Collection[Sample], against: Normalised, *, orders: int = 3) -> Judged:
    """A corpus that the head never heard, judged on the four classes that most corpora share.

    Args:
        head: as shipped.
        samples: features of the corpus over one line; other classes than the four are left out.
        against: what turns are compared with.
        orders: random orders of the calls.

    Raises:
        TooSmall: it has fewer than two of the four classes.
    """
    known = [one for one in samples if one.emotion in FOUR]
    if len({one.emotion for one in known}) < 2:
        raise TooSmall("fewer than two of the four shared classes")
    turns = [
        turn
        for seed in range(orders)
        for turn in simulate_calls(
            known,
            head.prior,
            seed=seed,
            use_baseline=against is Normalised.ON_LINE,
            weigh=as_in_calls(head),
        )
    ]
    if against is Normalised.WHOLE_SPEAKER:
        turns = _against_whole_speaker(known, turns)
    guesses = guess(head, turns)
    shares = product_probabilities(guesses, head.temperature, head.classes)
    four = tuple(label for label in _LABELS if label in FOUR.values())
    columns = [_LABELS.index(label) for label in four]
    asked = shares[:, columns] + 1e-12
    return _judged(
        guesses,
        four,
        [FOUR[turn.sample.emotion] for turn in turns],
        asked / asked.sum(axis=1, keepdims=True),
    )


def _against_whole_speaker(samples: Sequence[Sample], turns: Sequence[Turn]) -> list[Turn]:
    groups: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    for one in samples:
        groups.setdefault((one.speaker, one.condition), []).append(one.vector)
    usual = {key: (np.mean(own, axis=0), np.std(own, axis=0) + 1e-3) for key, own in groups.items()}
    found: list[Turn] = []
    for turn in turns:
        mean, deviation = usual[turn.sample.speaker, turn.sample.condition]
        vector = np.clip((turn.sample.vector - mean) / deviation, -6, 6).astype(np.float32)
        found.append(replace(turn, vector=vector))
    return found


def unknown_readers(
    acted: Sequence[Sample],
    taught: Sequence[Sample],
    asked: Sequence[Sample],
    recipe: Recipe,
    temperature: float,
) -> Judged:
    """Calm readers judged by heads that learned from the other half of the readers, as the product's labels.

    Args:
        acted: acted speech that every head learns from.
        taught: readers over the lines of training.
        asked: readers over the line that is measured.
        recipe: hyper-parameters.
        temperature: of the shipped head.
    """
    names = sorted({one.speaker for one in asked})
    guesses: list[Guess] = []
    for half in (set(names[::2]), set(names[1::2])):
        known = [one for one in taught if one.speaker in half]
        head = replace(train_head([*acted, *known], recipe), temperature=temperature)
        unknown = [one for one in asked if one.speaker not in half]
        guesses += guess(head, simulate_calls(unknown, head.prior, seed=3, weigh=as_in_calls(head)))
    shares = product_probabilities(guesses, temperature)
    return _judged(guesses, _LABELS, [str(Label.NEUTRAL)] * len(guesses), shares)


def emotions(judged: Judged) -> list[Emotion]:
    """What the product makes of judgements by its labels, when there are no words: a label, or *unsure*."""
    readings = [
        Reading(
            valence=float(affect[0]),
            arousal=float(affect[1]),
            probabilities=dict(zip(LABELS, map(float, shares), strict=True)),
            confidence=min(1.0, float(shares.max())),
            model="held out",
        )
        for shares, affect in zip(judged.shares, judged.affect, strict=True)
    ]
    return [fuse(reading, None) for reading in readings]


@dataclass(frozen=True, slots=True)
class Calm:
    """What was made of calm speech, as shares of the utterances.

    Attributes:
        utterances: how many.
        unpleasant: with an unpleasant label that is sure enough to count.
        needs_attention: after which a call is at or above DEFAULT_THRESHOLD.
    """

    utterances: int
    unpleasant: Figure
    needs_attention: Figure


def calm(calls: Sequence[tuple[str, Sequence[Emotion]]], threshold: float = DEFAULT_THRESHOLD) -> Calm:
    """Measure the estimates of calm calls, each with its speaker."""
    speakers = [speaker for speaker, call in calls for _ in call]
    labelled = np.array([one.label.is_negative for _, call in calls for one in call], dtype=bool)
    scores = np.array([level for _, call in calls for _, level in attention(list(enumerate(call, 1)))])
    everything = np.ones(len(speakers), dtype=bool)
    return Calm(
        len(speakers),
        figure(counts(speakers, everything, labelled), share),
        figure(counts(speakers, everything, scores >= threshold), share),
    )


def in_calls(judged: Judged, found: Sequence[Emotion]) -> list[tuple[str, list[Emotion]]]:
    """Speaker and estimates of each simulated call, in the order of its turns."""
    calls: list[tuple[str, list[Emotion]]] = []
    for turn, one in zip(judged.turns, found, strict=True):
        if turn.number == 1:
            calls.append((turn.sample.speaker, []))
        calls[-1][1].append(one)
    return calls


@dataclass(frozen=True, slots=True)
class Alarms:
    """How well attention finds the calls and turns that need it, on simulated calls.

    Attributes:
        calls: how many; half turn upset in the middle.
        average_precision: area under `curve`.
        curve: (threshold, precision, recall) over turns; a turn is wanted from the first upset one on.
        precision: of turns at the threshold.
        recall: the same.
        false: share of the calm turns at or above it.
        noticed: share of the upset calls with an alarm after they turned.
        turns_to_notice: median upset turns up to the first alarm in those calls, None without any.
        calm_calls: share of the calm calls with an alarm.
    """

    calls: int
    average_precision: float
    curve: Sequence[tuple[float, float, float]]
    precision: Figure
    recall: Figure
    false: Figure
    noticed: Figure
    turns_to_notice: float | None
    calm_calls: Figure


def alarms(calls: Mapping[str, Sequence[SimulatedCall]], threshold: float = DEFAULT_THRESHOLD) -> Alarms:
    """Measure attention on the simulated calls (`joined.simulate`) of each speaker."""
    stories = [(speaker, call.scores, call.upset_from) for speaker, own in calls.items() for call in own]
    turns = [
        (speaker, level, began is not None and turn >= began)
        for speaker, levels, began in stories
        for turn, level in enumerate(levels)
    ]
    speakers = [speaker for speaker, _, _ in turns]
    scores, wanted = np.array([level for _, level, _ in turns]), np.array([want for _, _, want in turns], dtype=bool)
    alarmed = scores >= threshold
    curve = precision_recall(scores, wanted)
    upset = [(speaker, levels[began:]) for speaker, levels, began in stories if began is not None]
    quiet = [(speaker, levels) for speaker, levels, began in stories if began is None]
    waits = [next((turn for turn, one in enumerate(levels, 1) if one >= threshold), 0) for _, levels in upset]
    return Alarms(
        calls=len(stories),
        average_precision=average_precision(curve),
        curve=curve[:: max(1, len(curve) // 200)],
        precision=figure(counts(speakers, alarmed, wanted), share),
        recall=figure(counts(speakers, wanted, alarmed), share),
        false=figure(counts(speakers, ~wanted, alarmed), share),
        noticed=_with_alarm(upset, threshold),
        turns_to_notice=float(np.median([one for one in waits if one])) if any(waits) else None,
        calm_calls=_with_alarm(quiet, threshold),
    )


def _with_alarm(stories: Sequence[tuple[str, Sequence[float]]], threshold: float) -> Figure:
    """Share of the stories in which the threshold is reached."""
    reached = np.array([max(levels) >= threshold for _, levels in stories], dtype=bool)
    return figure(counts([speaker for speaker, _ in stories], np.ones(len(stories), dtype=bool), reached), share)


def voices_by_speaker(judged: Judged) -> dict[str, list[Known]]:
    """Held-out readings as `joined` takes them, by speaker."""
    found: dict[str, list[Known]] = {}
    for one in known_voices(judged):
        found.setdefault(one.who, []).append(one)
    return found


def known_voices(judged: Judged) -> list[Known]:
    """Held-out readings as `joined` takes them."""
    return [
        Known(one.voice, Label(truth), speaker)
        for one, truth, speaker in zip(emotions(judged), judged.truth, judged.speakers, strict=True)
        if one.voice is not None
    ]


def learning_curve(
    acted: Sequence[Sample],
    readers: Sequence[Sample],
    recipe: Recipe,
    measure: Callable[[VoiceHead], float],
    *,
    sizes: Sequence[int],
    draws: int = 3,
    tick: Callable[[], None] = lambda: None,
) -> list[tuple[int, list[float]]]:
    """How good a head gets with so many acting speakers, each size with speakers drawn anew.

    Args:
        acted: acted speech.
        readers: calm speech that every head learns besides.
        recipe: hyper-parameters.
        measure: a head to its figure, on speakers that are not in `acted`.
        sizes: numbers of speakers; those beyond what is there are left out.
        draws: heads per size; one where all speakers are taken.
        tick: called after each head.
    """
    names = sorted({one.speaker for one in acted})
    classes = {one.emotion for one in acted}
    curve: list[tuple[int, list[float]]] = []
    for size in (one for one in sizes if one <= len(names)):
        found: list[float] = []
        for draw in range(draws if size < len(names) else 1):
            chosen = set(np.random.default_rng((size, draw)).permutation(names)[:size].tolist())
            known = [one for one in acted if one.speaker in chosen]
            if {one.emotion for one in known} == classes:
                found.append(measure(train_head([*known, *readers], recipe)))
            tick()
        curve.append((size, found))
    return curve
