"""Words that show that somebody listens, and do not ask for the floor. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z']+")

_LISTENING = (
    "mm mmm mmmm hm hmm hmmm mhm mmhm mmhmm mhmm uh huh uhhuh uhuh aha ah oh ooh um umm er erm eh",
    "yeah yea yep yup yah ya yes ok okay right alright sure true exactly absolutely fine cool good great nice",
    "perfect lovely gotcha understood indeed course",
)
LISTENING = frozenset(word for line in _LISTENING for word in line.split())
"""Each alone, and any few in a row."""

_PHRASES = (
    "i see", "i know", "got it", "all right", "of course", "go on", "makes sense", "that's right", "that's fine",
    "i understand", "oh i see", "sounds good", "fair enough", "very good", "no problem", "uh huh", "mm hmm",
)  # fmt: skip

MOST_WORDS = 5
"""Whoever says more has something to say."""

NOISE = frozenset(("you", "thank you", "thanks for watching", "bye", "so", "the", "a", "i", "oh", "huh", "hmm"))
"""What recognisers make of coughs, breath and clicks."""

SURE = 0.6
"""Below this confidence a short sound that is heard as one of `NOISE` was none."""


HUM_S = 0.6
HUM_SURE = 0.4
"""A sound no longer and no surer is a hum ("mm-hm" comes out as "man", "my"), unless it asks for the floor."""

_ASKING = (
    "stop no nope not wait hold hello hey hi what why who where when how which pardon sorry excuse help human agent",
    "person operator but actually quiet enough cancel listen repeat again please don't slower louder fire police",
)
ASKING = frozenset(word for line in _ASKING for word in line.split())
"""These ask for the floor however short and unclear they are."""


def is_hum(text: str, confidence: float, spoken_s: float) -> bool:
    """Whether words that were recognised in a short sound are more likely a hum."""
    words = _WORD.findall(text.lower())
    short = spoken_s <= HUM_S and len(words) <= 2
    return short and confidence < HUM_SURE and ASKING.isdisjoint(words)


def is_listening(text: str) -> bool:
    """Whether the words only show that the speaker listens: "mm-hm", "okay", "yeah, I see"."""
    words = _WORD.findall(text.lower().replace("-", " "))
    if not words or len(words) > MOST_WORDS:
        return False
    rest = " ".join(words)
    for phrase in _PHRASES:
        rest = re.sub(rf"\b{phrase}\b", " ", rest)
    return all(word in LISTENING for word in rest.split())


def is_noise(text: str, confidence: float) -> bool:
    """Whether there were no words: nothing recognised, or what recognisers make of noise."""
    words = _WORD.findall(text.lower())
    return not words or text.strip()[:1] in "[(*♪" or (confidence < SURE and " ".join(words) in NOISE)


def is_ours(text: str, said: str) -> bool:
    """Whether the words are what we were saying: an echo. At least two words, nearly all of them ours, in order."""
    words, ours = _WORD.findall(text.lower()), _WORD.findall(said.lower())
    if len(words) < 2:
        return False
    place = matched = 0
    for word in words:
        if word in ours[place:]:
            place = ours.index(word, place) + 1
            matched += 1
    return matched >= 0.75 * len(words)
