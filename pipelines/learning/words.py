"""What the words model learns from and is measured on: GoEmotions (Demszky et al. 2020), lines of a contact centre."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import f1_score

from pipelines.emotion.estimate import Label
from pipelines.emotion.words import WordsModel
from pipelines.learning.sayings import Saying

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

FINE: Final = tuple(TO_EKMAN)
"""The fine labels that teach the encoder."""

ORDINARY: Final = (
    "activate_my_card",
    "age_limit",
    "apple_pay_or_google_pay",
    "atm_support",
    "automatic_top_up",
    "card_about_to_expire",
    "card_acceptance",
    "change_pin",
    "country_support",
    "disposable_card_limits",
    "edit_personal_details",
    "exchange_via_app",
    "fiat_currency_support",
    "get_physical_card",
    "getting_spare_card",
    "order_physical_card",
    "receiving_money",
    "supported_cards_and_currencies",
    "top_up_limits",
    "visa_or_mastercard",
)
"""Intents of Banking77 (Casanueva et al. 2020) that only ask: their questions are neutral."""

PRODUCT: Final = "product"
POSTS: Final = "posts"
EKMAN: Final = "ekman"
"""Heads of the shipped model: PRODUCT reads calls; POSTS (the same labels) and EKMAN (Ekman's groups) read the kind of
text that published figures are about, and are there to compare with them."""


@dataclass(frozen=True, slots=True)
class Post:
    """One text and its fine labels."""

    text: str
    labels: tuple[str, ...]

    def classes(self, mapping: Mapping[str, str]) -> frozenset[str]:
        """Its classes; neutral gives way to any other."""
        found = frozenset(mapping[label] for label in self.labels if label in mapping)
        return found - {NEUTRAL} if len(found) > 1 else found


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


def ordinary_questions(folder: Path, each: int = 30) -> list[Saying]:
    """Questions of bank customers that only ask, the first of each intent in Banking77's published layout.

    Raises:
        OSError: the file is missing.
    """
    taken: Counter[str] = Counter()
    found: list[Saying] = []
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["category"] in ORDINARY and taken[row["category"]] < each:
                taken[row["category"]] += 1
                found.append((Label.NEUTRAL, " ".join(row["text"].split())))
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the contact-centre set.

    Attributes:
        half: 'dev' (errors were looked at) or 'test' (only its figures were).
        label: what the caller feels.
        sign: of the valence, '-', '0' or '+'.
        phenomenon: what makes it hard.
        domain: of the business.
        text: the words.
    """

    half: str
    label: Label
    sign: str
    phenomenon: str
    domain: str
    text: str


def read_lines(file: Path) -> list[Line]:
    """The contact-centre set, tab-separated with a header."""
    _, *rows = (row.split("\t") for row in file.read_text("utf-8").splitlines())
    return [Line(half, Label(label), *rest) for half, label, *rest in rows]


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
    """Measure a head on posts of one class."""
    texts, truth = single(posts, mapping)
    guess = [model.classes[int(model.scores(text).argmax())] for text in texts]
    each = f1_score(truth, guess, average=None, labels=list(model.classes), zero_division=0.0)
    right = float(np.mean([one == other for one, other in zip(truth, guess, strict=True)]))
    by_class = {name: float(value) for name, value in zip(model.classes, each, strict=True)}
    return WordsScore(len(texts), float(np.mean(list(by_class.values()))), right, by_class)
