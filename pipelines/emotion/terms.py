"""Text to hashed terms: what the words model was trained on and what it reads, in one place. Pure."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Final
from zlib import crc32

_TOKEN: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[!?]")
_NEGATION: Final = re.compile(r"^(?:not|no|never|nothing|nobody|neither|without|hardly|barely|cannot|[a-z]+n't)$")
_REACH: Final = 3
"""Words after a negation that it turns round."""

WORDS: Final = 1
CHARACTERS: Final = 2


def tokens(text: str) -> list[str]:
    """Lower-case words, numbers as '0', exclamation and question marks."""
    plain = text.lower().replace("\u2019", "'").replace("[name]", "name")
    return ["0" if token[0].isdigit() else token for token in _TOKEN.findall(plain)]


def negated(words: list[str]) -> list[bool]:
    """Whether each word stands within reach of a negation before it; '!' and '?' end the reach."""
    marks: list[bool] = []
    left = 0
    for word in words:
        if word in "!?":
            left = 0
        marks.append(left > 0)
        left = _REACH if _NEGATION.match(word) else max(0, left - 1)
    return marks


def word_terms(text: str) -> Counter[int]:
    """Hashes of words, pairs of words and negated words, with their counts."""
    words = tokens(text)
    terms = Counter(_term(WORDS, word) for word in words)
    terms.update(_term(WORDS, f"{a} {b}") for a, b in pairwise(words))
    terms.update(_term(WORDS, f"not_{word}") for word, flipped in zip(words, negated(words), strict=True) if flipped)
    return terms


def character_terms(text: str) -> Counter[int]:
    """Hashes of the runs of 2 to 5 characters inside each word and its borders, with their counts."""
    terms: Counter[int] = Counter()
    for word in tokens(text):
        edged = f" {word} "
        terms.update(
            _term(CHARACTERS, edged[start : start + size])
            for size in range(2, min(5, len(edged)) + 1)
            for start in range(len(edged) - size + 1)
        )
    return terms


def _term(block: int, term: str) -> int:
    return crc32(term.encode(), block)
