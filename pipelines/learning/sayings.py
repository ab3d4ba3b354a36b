"""What callers may say, written for training: patterns with choices, spelled out into lines. Pure but for the file.

`sayings_en.txt` holds a section per label ("# label") and a pattern per line: "[a|b] c" says "a c" or "b c". Nobody's
call is in it, and no pattern repeats a line of the test set (a test holds that).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Final

from pipelines.emotion.estimate import Label

Saying = tuple[Label, str]

_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")
_FILLERS: Final = ("um", "uh", "er", "you know", "like", "well", "so", "i mean")
_OPENINGS: Final = (
    "Hi, ",
    "Hello, ",
    "Well, ",
    "Look, ",
    "Listen, ",
    "So, ",
    "Right, ",
    "Okay, ",
    "Good morning, ",
    "It's about my order, ",
    "My name is Kim, ",
    "I have a contract with you, ",
)
_SPOKEN: Final = 0.25
_OPENED: Final = 0.1
_JOINED: Final = 0.15
"""Shares of the lines that look as a recogniser without punctuation writes them, that open like a call, and that are
said after or before an ordinary line."""


def patterns() -> list[Saying]:
    """The patterns of the file with their labels."""
    text = files("pipelines.learning").joinpath("sayings_en.txt").read_text("utf-8")
    found: list[Saying] = []
    label = Label.NEUTRAL
    for line in text.splitlines():
        if line.startswith("#"):
            label = Label(line[1:].strip())
        elif line.strip():
            found.append((label, line))
    return found


def spelled_out(pattern: str, chance: random.Random) -> str:
    """One of the lines that a pattern stands for."""
    while found := _CHOICE.search(pattern):
        pattern = pattern[: found.start()] + chance.choice(found[1].split("|")) + pattern[found.end() :]
    plain = re.sub(r"\s+", " ", pattern)
    return re.sub(r"[, ]+([?!.,])", r"\1", plain).strip(" ,")


def as_heard(text: str, chance: random.Random) -> str:
    """A line as a plain recogniser writes it: no capitals, no punctuation, fillers and repeated words."""
    said: list[str] = []
    for word in re.sub(r"[^\w\s']", "", text.lower()).split():
        if chance.random() < 0.06:
            said.append(chance.choice(_FILLERS))
        said.extend([word] * (2 if chance.random() < 0.04 else 1))
    return " ".join(said)


def say(each: int = 12, seed: int = 1, known: Iterable[Saying] | None = None) -> list[Saying]:
    """At most `each` lines of every pattern, some of them as heard, with an opening, or beside an ordinary line.

    Args:
        each: different lines of one pattern.
        seed: the same seed says the same.
        known: patterns; None for those of the file.
    """
    chance = random.Random(seed)
    plain = [
        (label, text)
        for label, pattern in (patterns() if known is None else known)
        for text in sorted(_several(pattern, each, chance))
    ]
    ordinary = [text for label, text in plain if label is Label.NEUTRAL] or [""]
    return [(label, _varied(text, label, ordinary, chance)) for label, text in plain]


def _several(pattern: str, each: int, chance: random.Random) -> set[str]:
    said: set[str] = set()
    for _ in range(each * 4):
        said.add(spelled_out(pattern, chance))
        if len(said) >= each:
            break
    return said


def _varied(text: str, label: Label, ordinary: Sequence[str], chance: random.Random) -> str:
    draw = chance.random()
    if draw < _SPOKEN:
        return as_heard(text, chance)
    if draw < _SPOKEN + _OPENED:
        return chance.choice(_OPENINGS) + (text if re.match(r"I\b", text) else text[0].lower() + text[1:])
    if draw < _SPOKEN + _OPENED + _JOINED and label is not Label.NEUTRAL:
        beside = chance.choice(ordinary)
        return f"{beside} {text}" if chance.random() < 0.6 else f"{text} {beside}"
    return text


def apart(lines: Sequence[Saying], measured: Iterable[str]) -> Iterator[Saying]:
    """The lines that share no five words in a row, and no more than 60 % of their words, with a measured line."""
    tested = [_words(text) for text in measured]
    runs = {run for words in tested for run in _runs(words)}
    sets = [frozenset(words) for words in tested]
    for label, text in lines:
        words = _words(text)
        own = frozenset(words)
        if not runs & _runs(words) and all(len(own & other) <= 0.6 * len(own | other) for other in sets):
            yield label, text


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}
