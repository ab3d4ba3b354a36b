"""Training and measuring the words model on GoEmotions (Demszky et al. 2020). Offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score

from pipelines.emotion.estimate import LABELS
from pipelines.emotion.terms import character_terms, word_terms
from pipelines.emotion.words import WordsModel

NEUTRAL: Final = "neutral"

TO_LABEL: Final[Mapping[str, str]] = {
    **dict.fromkeys(("admiration", "amusement", "approval", "excitement", "gratitude", "joy"), "satisfied"),
    **dict.fromkeys(("love", "optimism", "pride", "relief"), "satisfied"),
    **dict.fromkeys(("annoyance", "disappointment", "disapproval", "disgust"), "frustrated"),
    **dict.fromkeys(("fear", "nervousness"), "anxious"),
    **dict.fromkeys(("sadness", "grief", "remorse", "embarrassment"), "sad"),
    **dict.fromkeys((NEUTRAL, "curiosity", "desire", "realization"), NEUTRAL),
    "anger": "angry",
    "confusion": "confused",
}
"""GoEmotions to the product's labels. A question or a wish is the ordinary business of a call, so curiosity and desire
are neutral; caring and surprise say nothing about how a caller fares and are left out."""

TO_EKMAN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("anger", "annoyance", "disapproval"), "anger"),
    **dict.fromkeys(("fear", "nervousness"), "fear"),
    **dict.fromkeys(("admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude"), "joy"),
    **dict.fromkeys(("joy", "love", "optimism", "pride", "relief"), "joy"),
    **dict.fromkeys(("sadness", "disappointment", "embarrassment", "grief", "remorse"), "sadness"),
    **dict.fromkeys(("surprise", "realization", "confusion", "curiosity"), "surprise"),
    "disgust": "disgust",
    NEUTRAL: NEUTRAL,
}
"""The grouping published with the corpus; only for comparison."""

AFFECT: Final[Mapping[str, tuple[float, float]]] = {
    "admiration": (0.7, 0.2),
    "amusement": (0.6, 0.4),
    "anger": (-0.8, 0.8),
    "annoyance": (-0.5, 0.4),
    "approval": (0.5, 0.0),
    "caring": (0.4, 0.0),
    "confusion": (-0.2, 0.1),
    "curiosity": (0.1, 0.2),
    "desire": (0.2, 0.3),
    "disappointment": (-0.6, -0.2),
    "disapproval": (-0.5, 0.2),
    "disgust": (-0.7, 0.3),
    "embarrassment": (-0.4, 0.2),
    "excitement": (0.8, 0.8),
    "fear": (-0.7, 0.7),
    "gratitude": (0.8, 0.1),
    "grief": (-0.9, -0.2),
    "joy": (0.9, 0.5),
    "love": (0.9, 0.3),
    "nervousness": (-0.4, 0.5),
    "optimism": (0.6, 0.2),
    "pride": (0.7, 0.4),
    "realization": (0.0, 0.1),
    "relief": (0.6, -0.2),
    "remorse": (-0.6, -0.1),
    "sadness": (-0.7, -0.4),
    "surprise": (0.1, 0.6),
    NEUTRAL: (0.0, -0.1),
}
"""Valence and arousal of the fine labels, placed on the circumplex by judgement; the corpus has no such ratings."""

RAREST: Final = 3
"""Texts in which a term must occur."""


@dataclass(frozen=True, slots=True)
class Post:
    """One text and its fine labels."""

    text: str
    labels: tuple[str, ...]

    def classes(self, mapping: Mapping[str, str]) -> frozenset[str]:
        """Its classes; neutral gives way to any other."""
        found = frozenset(mapping[label] for label in self.labels if label in mapping)
        return found - {NEUTRAL} if len(found) > 1 else found

    @property
    def affect(self) -> tuple[float, float]:
        """Mean valence and arousal of its labels."""
        places = [AFFECT[label] for label in self.labels]
        return sum(v for v, _ in places) / len(places), sum(a for _, a in places) / len(places)


def read_posts(folder: Path, split: str) -> list[Post]:
    """One split ('train', 'dev', 'test') of GoEmotions in its published layout, with `labels.txt` beside it.

    Raises:
        OSError: a file is missing.
    """
    names = (folder / "labels.txt").read_text("utf-8").split()
    posts: list[Post] = []
    for line in (folder / f"{split}.tsv").read_text("utf-8").splitlines():
        text, labels, _ = line.split("\t")
        posts.append(Post(text, tuple(names[int(index)] for index in labels.split(","))))
    return posts


@dataclass(frozen=True, slots=True)
class Block:
    """The vocabulary of one group of terms: hash -> column, and the rarity of each."""

    columns: dict[int, int]
    rarity: NDArray[np.float32]

    def matrix(self, counted: Sequence[Counter[int]]) -> sparse.csr_array:
        """TF-IDF with rows of length one, exactly as `WordsModel` computes it."""
        places: list[int] = []
        values: list[float] = []
        starts = [0]
        for terms in counted:
            known = [(self.columns[term], count) for term, count in terms.items() if term in self.columns]
            row = np.array([(1 + np.log(count)) * self.rarity[place] for place, count in known])
            places.extend(place for place, _ in known)
            values.extend((row / (np.sqrt(row @ row) or 1.0)).tolist() if len(row) else [])
            starts.append(len(places))
        shape = (len(counted), len(self.columns))
        return sparse.csr_array((np.array(values, np.float32), np.array(places), np.array(starts)), shape=shape)


def vocabulary(counted: Sequence[Counter[int]], most: int) -> Block:
    """The terms of at least RAREST texts, the `most` frequent ones."""
    spread: Counter[int] = Counter()
    for terms in counted:
        spread.update(terms.keys())
    kept = [term for term, texts in spread.most_common(most) if texts >= RAREST]
    rarity = [np.log((1 + len(counted)) / (1 + spread[term])) + 1 for term in kept]
    return Block({term: column for column, term in enumerate(kept)}, np.array(rarity, np.float16).astype(np.float32))


def train_words(
    posts: Sequence[Post],
    held_out: Sequence[Post],
    *,
    mapping: Mapping[str, str] = TO_LABEL,
    classes: Sequence[str] = LABELS,
    most_terms: int = 45_000,
    strength: float = 3.0,
    say: Callable[[str], None] = lambda _: None,
) -> WordsModel:
    """Train the classes and the regression of valence and arousal.

    Args:
        posts: training texts; one with several classes counts for each in part.
        held_out: texts for the temperature.
        mapping: fine label -> class.
        classes: the columns, in order.
        most_terms: terms per group (words, characters).
        strength: inverse of the regularisation.
        say: is told what is going on.
    """
    say("counting terms")
    counted = [(word_terms(post.text), character_terms(post.text)) for post in posts]
    blocks = [vocabulary([pair[group] for pair in counted], most_terms) for group in (0, 1)]
    matrix = sparse.hstack(
        [block.matrix([pair[group] for pair in counted]) for group, block in enumerate(blocks)], format="csr"
    )
    say(f"training on {matrix.shape[0]} texts, {matrix.shape[1]} terms")
    rows, targets, shares = _examples(posts, mapping, classes)
    head = LogisticRegression(C=strength, max_iter=80, tol=1e-3)
    head.fit(matrix[rows], targets, sample_weight=shares * _evened(targets, shares)[targets])
    affect = Ridge(alpha=2.0, solver="lsqr").fit(matrix, np.array([post.affect for post in posts]))
    weights = np.vstack([head.coef_, affect.coef_]).T
    hashes = np.array([term for block in blocks for term in block.columns], np.uint32)
    order = np.argsort(hashes)
    scale = np.abs(weights).max(axis=0) / 127
    model = WordsModel(
        hashes=hashes[order],
        rarity=np.concatenate([block.rarity for block in blocks])[order],
        weights=np.rint(weights / scale).astype(np.int8)[order],
        scale=scale.astype(np.float32),
        bias=np.concatenate([head.intercept_, affect.intercept_]).astype(np.float32),
        temperature=1.0,
        classes=tuple(str(name) for name in classes),
        version="attune-words-1",
    )
    say("calibrating")
    return _calibrated(model, held_out, mapping)


def _examples(
    posts: Sequence[Post], mapping: Mapping[str, str], classes: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row, class and share of each example."""
    place = {str(name): index for index, name in enumerate(classes)}
    found = [
        (row, place[name], 1 / len(named))
        for row, post in enumerate(posts)
        for named in (post.classes(mapping),)
        for name in sorted(named)
    ]
    return (
        np.array([row for row, _, _ in found]),
        np.array([target for _, target, _ in found]),
        np.array([share for _, _, share in found]),
    )


def _evened(targets: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """A weight per class: the square root of what would even the classes out (rare ones matter, but stay rare)."""
    mass = np.bincount(targets, weights=shares)
    return np.asarray(np.sqrt(mass.mean() / mass))


def _calibrated(model: WordsModel, held_out: Sequence[Post], mapping: Mapping[str, str]) -> WordsModel:
    """The same model with the temperature of least cross-entropy on held-out texts of one class."""
    texts, truth = single(held_out, mapping)
    logits = np.array([model.outputs(text)[0] for text in texts])
    picked = np.array([model.classes.index(name) for name in truth])

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(picked)), picked]).mean())

    best = optimize.minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded")
    return WordsModel(
        model.hashes,
        model.rarity,
        model.weights,
        model.scale,
        model.bias,
        float(best.x),
        model.classes,
        model.version,
    )


def single(posts: Sequence[Post], mapping: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Texts that have exactly one class, and that class."""
    pairs = [(post.text, *named) for post in posts if len(named := post.classes(mapping)) == 1]
    return [text for text, _ in pairs], [name for _, name in pairs]


@dataclass(frozen=True, slots=True)
class WordsScore:
    """How well a words model does on texts of one class.

    Attributes:
        texts: how many.
        macro_f1: mean F1 over the classes.
        accuracy: share that is right.
        by_class: F1 per class.
    """

    texts: int
    macro_f1: float
    accuracy: float
    by_class: Mapping[str, float]


def score_words(model: WordsModel, posts: Sequence[Post], mapping: Mapping[str, str] = TO_LABEL) -> WordsScore:
    """Measure the linear model alone, without cues and VADER."""
    texts, truth = single(posts, mapping)
    guess = [model.classes[int(model.outputs(text)[0].argmax())] for text in texts]
    each = f1_score(truth, guess, average=None, labels=list(model.classes), zero_division=0.0)
    right = float(np.mean([one == other for one, other in zip(truth, guess, strict=True)]))
    by_class = {name: float(value) for name, value in zip(model.classes, each, strict=True)}
    return WordsScore(len(texts), float(np.mean(list(by_class.values()))), right, by_class)
