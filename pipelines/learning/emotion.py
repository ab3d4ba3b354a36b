"""Training and measuring the voice head. Offline; speakers are never shared between training and measuring.

The features come through the code that a call uses: the recogniser's encoder, `prosody`, `CallerBaseline`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import optimize
from sklearn.linear_model import LogisticRegression, Ridge

from pipelines.emotion.baseline import CallerBaseline, Prior, Vector
from pipelines.emotion.estimate import LABELS, Label
from pipelines.emotion.prosody import NAMES, prosody
from pipelines.emotion.voice import ACTED, AFFECT, AS_LABEL, VoiceHead, voice_vector
from pipelines.learning.line import LINE_RATE_HZ, Codec, Line
from pipelines.learning.measures import calibration_error, recall, recall_interval
from pipelines.learning.surroundings import Colour
from pipelines.ports import Pcm

Encoder = Callable[[Pcm, int], NDArray[np.float32]]
"""An utterance and its rate to pooled encoder states: the recogniser's own encoding (`Recognition.encoded`)."""

CALL_TURNS: Final = 12
"""Utterances of one simulated call."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One acted utterance."""

    name: str
    speaker: str
    emotion: str
    pcm: Pcm
    rate_hz: int


class Condition(StrEnum):
    """How an utterance reaches the recogniser."""

    CLEAN = "clean"
    NARROW = "narrow"
    """8 kHz, not coded."""
    MU_LAW = "mu_law"
    A_LAW = "a_law"
    AMR_LIKE = "amr_like"
    GSM = "gsm"
    OPUS = "opus"
    NOISE = "noise"
    """mu-law, babble 10 dB below the speech."""
    LOSS_1 = "loss_1"
    LOSS_3 = "loss_3"
    LOSS_10 = "loss_10"
    """mu-law with 10 % of its packets lost in bursts and concealed."""
    CLIPPING = "clipping"
    HOLD_MUSIC = "hold_music"
    FAR = "far"
    IN_CALL = "in_call"
    """mu-law, with the silence that a voice activity detector leaves before and after."""
    ANY_LINE = "any_line"
    """A line with troubles drawn by chance, the same for all utterances of a speaker, as in a call."""
    ANOTHER_LINE = "another_line"
    OTHER_PERSON = "other_person"
    """Another voice by resampling (pitch and formants shifted together), over any line."""


LINES: Final[Mapping[Condition, Line]] = {
    Condition.NARROW: Line(codec=None),
    Condition.MU_LAW: Line(),
    Condition.A_LAW: Line(codec=Codec.A_LAW),
    Condition.AMR_LIKE: Line(codec=Codec.AMR_NB, narrow=True),
    Condition.GSM: Line(codec=Codec.GSM, narrow=True),
    Condition.OPUS: Line(codec=Codec.OPUS),
    Condition.NOISE: Line(noise_db=10, colour=Colour.BABBLE),
    Condition.LOSS_1: Line(loss=0.01),
    Condition.LOSS_3: Line(loss=0.03),
    Condition.LOSS_10: Line(loss=0.1),
    Condition.CLIPPING: Line(clipped=0.03),
    Condition.HOLD_MUSIC: Line(music_db=12),
    Condition.FAR: Line(far=True, noise_db=20, colour=Colour.PINK),
}
"""The conditions that are one line and nothing else: what figures are told by."""

TRAINED_ON: Final = (
    Condition.CLEAN,
    Condition.MU_LAW,
    Condition.IN_CALL,
    Condition.ANY_LINE,
    Condition.ANOTHER_LINE,
    Condition.OTHER_PERSON,
)
NEUTRAL_TRAINED_ON: Final = (Condition.MU_LAW, Condition.IN_CALL, Condition.ANY_LINE)

_SHIFTS: Final = (0.88, 0.94, 1.07, 1.14)
"""Factors of pitch and formants that still sound like a person."""


def under(clip: Clip, condition: Condition) -> tuple[Pcm, int]:
    """The clip under a condition and its rate; the same every time."""
    chance = np.random.default_rng(crc32(f"{clip.name} {condition}".encode()))
    if condition in LINES:
        return LINES[condition].carry(clip.pcm, clip.rate_hz, chance), LINE_RATE_HZ
    pcm = clip.pcm
    match condition:
        case Condition.CLEAN:
            return pcm, clip.rate_hz
        case Condition.IN_CALL:
            return Line().carry(_padded(pcm, clip.rate_hz, 0.3, 0.5, chance), clip.rate_hz, chance), LINE_RATE_HZ
        case Condition.OTHER_PERSON:
            factor = np.random.default_rng(crc32(clip.speaker.encode())).permutation(_SHIFTS)[0]
            pcm = np.asarray(soxr.resample(pcm, clip.rate_hz, clip.rate_hz / factor), dtype=np.int16)
        case _:
            pass
    padded = _padded(pcm, clip.rate_hz, chance.uniform(0, 0.5), chance.uniform(0, 0.6), chance)
    line = Line.drawn(np.random.default_rng(crc32(f"{clip.speaker} {condition}".encode())))
    return line.carry(padded, clip.rate_hz, chance), LINE_RATE_HZ


def _padded(pcm: Pcm, rate_hz: int, before_s: float, after_s: float, chance: np.random.Generator) -> Pcm:
    """With nearly silent audio before and after."""
    before, after = (chance.standard_normal(int(seconds * rate_hz)) * 15 for seconds in (before_s, after_s))
    return np.concatenate([before, pcm, after]).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Sample:
    """Features of one clip under one condition, not normalised."""

    clip: str
    speaker: str
    emotion: str
    condition: Condition
    vector: Vector


def describe(
    clips: Iterable[Clip],
    encode: Encoder,
    conditions: Sequence[Condition] = TRAINED_ON,
    say: Callable[[str], None] = lambda _: None,
) -> list[Sample]:
    """Features of clips under conditions; about 0.1 s each on one core."""
    samples: list[Sample] = []
    for count, clip in enumerate(clips):
        if count % 50 == 0:
            say(f"{count} clips")
        for condition in conditions:
            pcm, rate_hz = under(clip, condition)
            vector = voice_vector(encode(pcm, rate_hz), prosody(pcm, rate_hz)[0])
            samples.append(Sample(clip.name, clip.speaker, clip.emotion, condition, vector))
    return samples


def keep_samples(samples: Sequence[Sample], file: Path) -> None:
    """Write features to an npz."""
    np.savez_compressed(
        file,
        vectors=np.array([sample.vector for sample in samples], np.float16),
        names=np.array([(one.clip, one.speaker, one.emotion, one.condition.value) for one in samples]),
    )


def read_samples(file: Path) -> list[Sample]:
    """Read features that `keep_samples` wrote."""
    with np.load(file, allow_pickle=False) as held:
        vectors, names = held["vectors"].astype(np.float32), held["names"]
    return [
        Sample(str(clip), str(speaker), str(emotion), Condition(condition), vector)
        for (clip, speaker, emotion, condition), vector in zip(names, vectors, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyper-parameters of the head.

    Attributes:
        prior_strength: turns that the population counts for.
        regularisation: inverse strength (C) of the logistic regression.
        ridge: strength of the regressions of valence and arousal.
        orders: random orders of each speaker's clips that are simulated.
        use_baseline: False normalises by the population alone.
    """

    prior_strength: float = 3.0
    regularisation: float = 0.01
    ridge: float = 3000.0
    orders: int = 2
    use_baseline: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a simulated call, normalised by what was known of the caller before it.

    Attributes:
        number: from 1.
    """

    sample: Sample
    number: int
    vector: Vector


Weigh = Callable[[Sample, Vector], Mapping[Label, float]]
"""A turn and its normalised features to the labels by which the baseline takes its emotion off (`Prior.usual`)."""

TAKEN_OFF: Final = 0.85
"""Share of an emotion that is taken off a turn before the baseline learns it. With less, a caller who is angry all
along becomes their own normal; with all of it, a voice that the head misreads never becomes usual."""


@dataclass(frozen=True, slots=True)
class Populations:
    """Whom a caller may be compared with: people who act, people who read, and anybody between them.

    A corpus brings a language, microphones and a manner along. A head that always meets it beside the same population
    learns to tell corpora instead of emotions; therefore every call of training is compared with a population of its
    own. (EmoDB held out, compared with the readers' population alone: recall 0.69 without that, 0.87 with it.)

    Attributes:
        prior: the middle of both, with which calls are compared.
        towards: from the middle to the readers, shape (features,); zero where all act or all read.
        voices: usual voices of single speakers, shape (speakers, features).
    """

    prior: Prior
    towards: NDArray[np.float64]
    voices: NDArray[np.float64]

    def drawn(self, chance: np.random.Generator) -> Prior:
        """Anywhere between the two and a little beyond, displaced as one speaker is from another."""
        one, other = self.voices[chance.integers(len(self.voices), size=2)]
        mean = self.prior.mean + chance.uniform(-_BEYOND, _BEYOND) * self.towards + (one - other) / np.sqrt(2)
        return replace(self.prior, mean=mean.astype(np.float32))


_BEYOND: Final = 1.4


def populations(samples: Sequence[Sample], strength: float) -> Populations:
    """The usual voices of speakers, their variance around them, and what each label adds to a voice.

    All are means over speakers and conditions. Variance, and what a label adds, are measured where a speaker has
    several labels; a speaker with one label is taken for a reader.
    """
    stacks: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
    added: list[NDArray[np.float64]] = []
    for group in _grouped(samples):
        stack = np.array([sample.vector for sample in group], np.float64)
        labels = np.array([LABELS.index(AS_LABEL[sample.emotion]) for sample in group])
        stacks.append((stack, labels))
        means = np.full((len(LABELS), stack.shape[1]), np.nan)
        for label in np.unique(labels):
            means[label] = stack[labels == label].mean(axis=0)
        if len(np.unique(labels)) > 1:
            added.append(means - np.nanmean(means, axis=0))
    whole = _mean_of_known(added, (len(LABELS), len(samples[0].vector)))
    acts = np.array([len(np.unique(labels)) > 1 for _, labels in stacks])
    voices = np.array([(stack - TAKEN_OFF * whole[labels]).mean(axis=0) for stack, labels in stacks])
    spreads = np.array([(stack - whole[labels]).var(axis=0) for stack, labels in stacks])
    acting, reading = voices[acts], voices[~acts]
    kinds = [kind.mean(axis=0) for kind in (acting, reading) if len(kind)]
    prior = Prior(
        np.mean(kinds, axis=0).astype(np.float32),
        np.maximum((spreads[acts] if acts.any() else spreads).mean(axis=0), 1e-6).astype(np.float32),
        strength,
        (TAKEN_OFF * whole).astype(np.float32),
    )
    return Populations(prior, (kinds[-1] - kinds[0]) / 2, reading if len(reading) else acting)


def _mean_of_known(tables: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Cell by cell over the tables that know it; zero where none does."""
    total, count = np.zeros(shape), np.zeros(shape)
    for table in tables:
        total += np.nan_to_num(table)
        count += np.isfinite(table)
    return total / np.maximum(1, count)


def simulate_calls(
    samples: Sequence[Sample],
    prior: Prior,
    *,
    seed: int,
    use_baseline: bool = True,
    weigh: Weigh,
    turns: int = CALL_TURNS,
    another: Callable[[np.random.Generator], Prior] | None = None,
) -> list[Turn]:
    """Each speaker's clips, per condition, in random order, cut into calls; the baseline learns turn by turn.

    Args:
        samples: the clips.
        prior: the population.
        seed: of the order.
        use_baseline: False compares every turn with the population.
        weigh: the labels that a turn is taken for.
        turns: length of a call.
        another: draws the population of each call; None takes `prior` for all.
    """
    played: list[Turn] = []
    for number, group in enumerate(_grouped(samples)):
        chance = np.random.default_rng((seed, number))
        for place, index in enumerate(chance.permutation(len(group))):
            if place % turns == 0:
                baseline, compared = CallerBaseline(), prior if another is None else another(chance)
            sample = group[index]
            vector = baseline.normalise(sample.vector, compared)
            played.append(Turn(sample, place % turns + 1, vector))
            if use_baseline:
                baseline.learn(compared.usual(sample.vector, weigh(sample, vector)))
    return played


def _grouped(samples: Sequence[Sample]) -> list[list[Sample]]:
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.speaker, sample.condition), []).append(sample)
    return [groups[key] for key in sorted(groups)]


def anchored(sample: Sample) -> tuple[float, float]:
    """Valence and arousal of a clip by its class."""
    return AFFECT[sample.emotion]


def train_head(
    samples: Sequence[Sample],
    recipe: Recipe,
    version: str = "attune-voice-2",
    *,
    classes: Sequence[str] = ACTED,
    affect_of: Callable[[Sample], tuple[float, float]] = anchored,
) -> VoiceHead:
    """Train the classes and the regressions on simulated calls; the temperature stays 1 (see `calibrate`).

    Args:
        samples: clips of the classes.
        recipe: hyper-parameters.
        version: name of the head.
        classes: the rows of the head, each known to AS_LABEL.
        affect_of: valence and arousal of a clip, for corpora whose listeners rated them.
    """
    known = populations(samples, recipe.prior_strength)
    turns = [
        turn
        for seed in range(recipe.orders)
        for turn in simulate_calls(
            samples,
            known.prior,
            seed=seed,
            use_baseline=recipe.use_baseline,
            weigh=as_acted,
            another=known.drawn if recipe.use_baseline else None,
        )
    ]
    inputs = np.array([turn.vector for turn in turns])
    wanted = [classes.index(turn.sample.emotion) for turn in turns]
    rows, bias = np.zeros((len(classes), inputs.shape[1])), np.zeros(len(classes))
    groups = _kinds(inputs.shape[1])
    for kind in groups:
        labels = LogisticRegression(C=recipe.regularisation, class_weight="balanced", max_iter=300, tol=1e-3)
        labels.fit(inputs[:, kind], wanted)
        rows[:, kind] = labels.coef_ / len(groups)
        bias += labels.intercept_ / len(groups)
    affect = Ridge(alpha=recipe.ridge).fit(inputs, np.array([affect_of(turn.sample) for turn in turns]))
    return VoiceHead(
        known.prior,
        np.vstack([rows, affect.coef_]).astype(np.float32),
        np.concatenate([bias, affect.intercept_]).astype(np.float32),
        1.0,
        version,
        tuple(classes),
    )


def _kinds(width: int) -> list[slice]:
    """Encoder states and prosody: each kind learns the classes alone and both are averaged.

    Together the many states would leave the few numbers of prosody little to say, and those know no language.
    """
    states = width - len(NAMES)
    return [slice(0, states), slice(states, width)] if states > 0 else [slice(0, width)]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a head that never heard the speaker says of one turn.

    Attributes:
        scores: class scores before the temperature, shape (classes,).
        affect: valence and arousal.
    """

    turn: Turn
    scores: Vector
    affect: Vector


def as_in_calls(head: VoiceHead) -> Weigh:
    """What a call takes a turn for: what the head says."""
    return lambda _, vector: head.read(vector).probabilities


def as_acted(sample: Sample, _: Vector) -> Mapping[Label, float]:
    """What training takes it for: as a head would that is always right."""
    return {AS_LABEL[sample.emotion]: 1.0}


def guess(head: VoiceHead, turns: Sequence[Turn]) -> list[Guess]:
    """Scores of turns."""
    out = np.array([turn.vector for turn in turns]) @ head.weights.T + head.bias
    rows = len(head.classes)
    return [Guess(turn, row[:rows], row[rows:]) for turn, row in zip(turns, out, strict=True)]


def leave_one_speaker_out(
    samples: Sequence[Sample],
    recipe: Recipe,
    conditions: Sequence[Condition],
    *,
    neutral: Sequence[Sample] = (),
    seed: int = 1000,
) -> list[Guess]:
    """Guesses for every speaker by a head trained on all others, in simulated calls under the given conditions.

    Args:
        samples: acted speech.
        recipe: hyper-parameters.
        conditions: what is guessed under.
        neutral: read speech that every head is trained on besides.
        seed: of the order of the calls.
    """
    guesses: list[Guess] = []
    for speaker in sorted({sample.speaker for sample in samples}):
        head = train_head([*(one for one in samples if one.speaker != speaker), *neutral], recipe)
        own = [sample for sample in samples if sample.speaker == speaker and sample.condition in conditions]
        turns = simulate_calls(own, head.prior, seed=seed, use_baseline=recipe.use_baseline, weigh=as_in_calls(head))
        guesses += guess(head, turns)
    return guesses


def probabilities(guesses: Sequence[Guess], temperature: float) -> NDArray[np.float64]:
    """Class probabilities, shape (guesses, classes)."""
    scaled = np.array([one.scores for one in guesses], np.float64) / temperature
    weighed = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))


def product_probabilities(
    guesses: Sequence[Guess], temperature: float, classes: Sequence[str] = ACTED
) -> NDArray[np.float64]:
    """Probabilities of LABELS, shape (guesses, len(LABELS))."""
    shares = probabilities(guesses, temperature)
    joined = np.zeros((len(guesses), len(LABELS)))
    for place, acted in enumerate(classes):
        joined[:, LABELS.index(AS_LABEL[acted])] += shares[:, place]
    return joined


def best_temperature(guesses: Sequence[Guess], classes: Sequence[str] = ACTED) -> float:
    """The temperature of least cross-entropy of the classes."""
    truth = np.array([classes.index(one.turn.sample.emotion) for one in guesses])

    def loss(temperature: float) -> float:
        picked = probabilities(guesses, temperature)[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(picked, 1e-12)).mean())

    return float(optimize.minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded").x)


def calibrate(head: VoiceHead, held_out: Sequence[Guess]) -> VoiceHead:
    """The head with the temperature that fits speakers who were held out."""
    return replace(head, temperature=best_temperature(held_out))


@dataclass(frozen=True, slots=True)
class VoiceScore:
    """How well the voice is read.

    Attributes:
        turns: how many utterances.
        uar: unweighted average recall of the classes.
        interval: 95 % bootstrap interval of `uar` over speakers.
        product_uar: the same over the product's labels.
        ece: calibration error of the product's labels after temperature scaling fitted on other speakers.
        by_class: recall per class.
        coverage: threshold -> (share of turns not unsure, accuracy on them), product labels.
        first_turn_uar: of the first turns of the calls.
        later_turn_uar: from the sixth turn on.
    """

    turns: int
    uar: float
    interval: tuple[float, float]
    product_uar: float
    ece: float
    by_class: Mapping[str, float]
    coverage: Mapping[float, tuple[float, float]]
    first_turn_uar: float
    later_turn_uar: float


def score_voice(guesses: Sequence[Guess], thresholds: Sequence[float] = (0.0, 0.4, 0.45, 0.5, 0.6)) -> VoiceScore:
    """Measure held-out guesses."""
    truth = [one.turn.sample.emotion for one in guesses]
    said = [ACTED[int(np.argmax(one.scores))] for one in guesses]
    speakers = [one.turn.sample.speaker for one in guesses]
    shares = np.zeros((len(guesses), len(LABELS)))
    for speaker in sorted(set(speakers)):
        own = [place for place, name in enumerate(speakers) if name == speaker]
        others = [one for one, name in zip(guesses, speakers, strict=True) if name != speaker]
        temperature = best_temperature(others or guesses)
        shares[own] = product_probabilities([guesses[place] for place in own], temperature)
    meant = [str(AS_LABEL[emotion]) for emotion in truth]
    labelled = [str(LABELS[int(place)]) for place in shares.argmax(axis=1)]
    right = np.array([one == other for one, other in zip(meant, labelled, strict=True)])
    confidence = shares.max(axis=1)

    def of_turns(wanted: Callable[[int], bool]) -> float:
        chosen = [place for place, one in enumerate(guesses) if wanted(one.turn.number)]
        return recall([truth[place] for place in chosen], [said[place] for place in chosen])

    return VoiceScore(
        turns=len(guesses),
        uar=recall(truth, said),
        interval=recall_interval(truth, said, speakers),
        product_uar=recall(meant, labelled),
        ece=calibration_error(confidence, right),
        by_class={
            name: float(np.mean([one == name for one, other in zip(said, truth, strict=True) if other == name]))
            for name in sorted(set(truth))
        },
        coverage={
            least: (float((confidence >= least).mean()), float(right[confidence >= least].mean()))
            for least in thresholds
            if (confidence >= least).any()
        },
        first_turn_uar=of_turns(lambda number: number == 1),
        later_turn_uar=of_turns(lambda number: number > 5),
    )


FOUR: Final = {"anger": "angry", "happiness": "satisfied", "neutral": "neutral", "sadness": "sad"}
"""The classes that most corpora share, as product labels."""
