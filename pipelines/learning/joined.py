"""Calibrating and measuring voice and words together, on pairs and calls put together from held-out readings. Offline.

No corpus here has a caller's voice and words with a label. So voices that the head never heard are paired with texts
that the words model never saw: mostly of the same label, and a share where one of them hides what is felt. What that
measures is the arithmetic of the fusion, not how people mix tone and words on the telephone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from pipelines.emotion.attention import attention
from pipelines.emotion.estimate import LABELS, Emotion, Label, Reading
from pipelines.emotion.fusion import SHARPER, WORDS_WEIGHT, fuse, shares
from pipelines.learning.measures import calibration_error

CONFLICTING: Final = 0.3
"""Share of the pairs in which one source hides what is felt."""

UPSET: Final = (Label.ANGRY, Label.FRUSTRATED, Label.ANXIOUS, Label.SAD)
WELL: Final = (Label.NEUTRAL, Label.SATISFIED)


@dataclass(frozen=True, slots=True)
class Known:
    """A reading, what is really felt, and who spoke or wrote ('' where that is not known)."""

    reading: Reading
    label: Label
    who: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A voice and words that might have been one turn, and what is felt."""

    voice: Reading
    words: Reading
    label: Label


def pair_up(voices: Sequence[Known], texts: Sequence[Known], count: int, seed: int = 1) -> list[Pair]:
    """Turns put together.

    Labels are drawn evenly. Most turns say what they sound like. Of the CONFLICTING ones a third has a neutral text in
    an emotional voice (the voice is right), a third an emotional text in a neutral voice (the words are right), and a
    third pleasant words in an angry or frustrated voice (the voice is right: a mask). Nobody acted confusion: confused
    words come in a neutral voice.
    """
    chance = random.Random(seed)
    sounded, said = _by_label(voices), _by_label(texts)
    made: list[Pair] = []
    for _ in range(count):
        felt = chance.choice(LABELS)
        tone, told = felt, felt
        if felt is Label.CONFUSED:
            tone = Label.NEUTRAL
        elif chance.random() < CONFLICTING and felt is not Label.NEUTRAL:
            draw = chance.randrange(3)
            if draw == 0:
                told = Label.NEUTRAL
            elif draw == 1:
                tone = Label.NEUTRAL
            elif felt in (Label.ANGRY, Label.FRUSTRATED):
                told = Label.SATISFIED
        made.append(Pair(chance.choice(sounded[tone]).reading, chance.choice(said[told]).reading, felt))
    return made


def _by_label(known: Sequence[Known]) -> Mapping[Label, list[Known]]:
    found: dict[Label, list[Known]] = {}
    for one in known:
        found.setdefault(one.label, []).append(one)
    return found


def fit(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Weight of the words and sharpness (see `fusion.shares`) of least cross-entropy."""

    def loss(point: NDArray[np.float64]) -> float:
        weight, sharper = float(point[0]), float(point[1])
        given = [shares(one.voice, one.words, weight=weight, sharper=sharper)[one.label] for one in pairs]
        return float(-np.log(np.maximum(given, 1e-9)).mean())

    found = optimize.minimize(
        loss, np.array([WORDS_WEIGHT, 1.0]), method="Nelder-Mead", bounds=[(0.05, 0.95), (0.3, 4.0)], tol=1e-3
    )
    return float(found.x[0]), float(found.x[1])


def judged(
    pairs: Sequence[Pair], weight: float = WORDS_WEIGHT, sharper: float = SHARPER
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence of each pair's leading label, and whether it is right."""
    told = [shares(one.voice, one.words, weight=weight, sharper=sharper) for one in pairs]
    leading = [max(LABELS, key=one.__getitem__) for one in told]
    confidence = np.array([one[label] for one, label in zip(told, leading, strict=True)])
    return confidence, np.array([label is one.label for label, one in zip(leading, pairs, strict=True)])


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A call of one speaker's turns; `upset_from` is the index of the first upset turn, None for none."""

    turns: tuple[Emotion, ...]
    upset_from: int | None

    @property
    def scores(self) -> list[float]:
        """Attention after each turn."""
        return [score for _, score in attention(list(enumerate(self.turns, start=1)))]


def simulate(
    voices: Sequence[Known],
    texts: Sequence[Known],
    calls: int,
    *,
    turns: int = 8,
    seed: int = 1,
    with_words: bool = True,
) -> list[SimulatedCall]:
    """Calls of one speaker each: half stay neutral or pleasant, half turn upset in the middle and stay so.

    In an upset turn the words are of the same label, or (four in ten) neutral: people are often angry in plain words.

    Args:
        voices: held-out readings; `who` is the speaker.
        texts: held-out readings.
        calls: how many.
        turns: of each call.
        seed: of everything.
        with_words: False for the voice alone.
    """
    chance = random.Random(seed)
    said = _by_label(texts)
    names = sorted({one.who for one in voices})
    speakers = {name: _by_label([one for one in voices if one.who == name]) for name in names}
    made: list[SimulatedCall] = []
    for number in range(calls):
        own = speakers[chance.choice(names)]
        kinds = [label for label in UPSET if label in own]
        upset = chance.choice(kinds) if number % 2 and kinds else None
        began = turns // 2 if upset else None
        story: list[Emotion] = []
        for turn in range(turns):
            felt = upset if upset and began is not None and turn >= began else chance.choices(WELL, (3, 1))[0]
            felt = felt if felt in own else Label.NEUTRAL
            told = felt if felt not in UPSET or chance.random() < 0.6 else Label.NEUTRAL
            words = chance.choice(said[told]).reading if with_words else None
            story.append(fuse(chance.choice(own[felt]).reading, words))
        made.append(SimulatedCall(tuple(story), began))
    return made


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a threshold of attention notices.

    Attributes:
        threshold: of the score.
        precision: upset calls among those noticed.
        recall: noticed calls among the upset ones.
        turns: mean number of upset turns until an upset call is noticed.
        false_turns: share of the turns of quiet calls that are at or above the threshold.
    """

    threshold: float
    precision: float
    recall: float
    turns: float
    false_turns: float


def noticed(calls: Sequence[SimulatedCall], threshold: float) -> Noticed:
    """Measure a threshold. A call that was noticed before it turned upset counts as noticed, and its turns as false."""
    upset = [call for call in calls if call.upset_from is not None]
    quiet = [call for call in calls if call.upset_from is None]
    waits = [
        wait
        for call in upset
        for wait in [next((n for n, one in enumerate(call.scores[call.upset_from :], 1) if one >= threshold), 0)]
        if wait
    ]
    wrongly = sum(max(call.scores) >= threshold for call in quiet)
    still = [score for call in quiet for score in call.scores]
    still += [score for call in upset for score in call.scores[: call.upset_from]]
    return Noticed(
        threshold,
        len(waits) / max(1, len(waits) + wrongly),
        len(waits) / max(1, len(upset)),
        float(np.mean(waits)) if waits else 0.0,
        float(np.mean([score >= threshold for score in still])) if still else 0.0,
    )


@dataclass(frozen=True, slots=True)
class JoinedScore:
    """How well voice and words go together.

    Attributes:
        weight: of the words, fitted on the first half of the speakers and texts.
        sharper: fitted there.
        accuracy: of the shipped fusion on pairs of the other half.
        ece: expected calibration error of the shipped fusion there.
        ece_plain: the same without sharpening.
        attention: what thresholds notice in calls of the other half, with words.
        attention_voice: the same, voice alone.
    """

    weight: float
    sharper: float
    accuracy: float
    ece: float
    ece_plain: float
    attention: tuple[Noticed, ...]
    attention_voice: tuple[Noticed, ...]


THRESHOLDS: Final = (0.3, 0.4, 0.5, 0.6, 0.7)


def score_joined(
    voices: Sequence[Known],
    fitted_on: Sequence[Known],
    measured_on: Sequence[Known],
    *,
    pairs: int = 4000,
    calls: int = 600,
) -> JoinedScore:
    """Fit on every other speaker with some texts, measure on the other speakers with other texts.

    Args:
        voices: readings by heads that never heard the speaker; `who` is the speaker.
        fitted_on: readings of texts.
        measured_on: readings of other texts.
        pairs: for the fit, and again for the measuring.
        calls: to simulate.
    """
    first = set(sorted({one.who for one in voices})[::2])
    known, other = [one for one in voices if one.who in first], [one for one in voices if one.who not in first]
    weight, sharper = fit(pair_up(known, fitted_on, pairs, seed=1))
    measured = pair_up(other, measured_on, pairs, seed=2)
    confidence, right = judged(measured)
    plain, right_plain = judged(measured, sharper=1.0)
    with_words = simulate(other, measured_on, calls, seed=3)
    without = simulate(other, measured_on, calls, seed=3, with_words=False)
    return JoinedScore(
        weight,
        sharper,
        float(right.mean()),
        calibration_error(confidence, right),
        calibration_error(plain, right_plain),
        tuple(noticed(with_words, threshold) for threshold in THRESHOLDS),
        tuple(noticed(without, threshold) for threshold in THRESHOLDS),
    )
