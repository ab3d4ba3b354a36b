"""Words of speech made comparable: plain text, stems, sentences. Pure Python, microseconds."""

from __future__ import annotations

import re
from functools import lru_cache

_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"'})
_CONTRACTIONS = (
    (re.compile(r"\bcan't\b|\bcannot\b|\bcant\b"), "can not"),
    (re.compile(r"\bwon't\b|\bwont\b"), "will not"),
    (re.compile(r"\bshan't\b"), "shall not"),
    (re.compile(r"\bain't\b"), "is not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|had|would|could|should|must|need)n'?t\b"), r"\1 not"),
    (re.compile(r"\bi'?m\b"), "i am"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"\bwanna\b"), "want to"),
    (re.compile(r"\bgonna\b"), "going to"),
    (re.compile(r"\bgimme\b"), "give me"),
    (re.compile(r"\blemme\b"), "let me"),
    (re.compile(r"\b(\w+)'re\b"), r"\1 are"),
    (re.compile(r"\b(\w+)'ve\b"), r"\1 have"),
    (re.compile(r"\bive\b"), "i have"),
    (re.compile(r"\b(\w+)'ll\b"), r"\1 will"),
    (re.compile(r"\b(\w+)'d\b"), r"\1 would"),
    (re.compile(r"\b(it|that|what|who|there|here|he|she|how|where|when)'s\b"), r"\1 is"),
    (re.compile(r"'s\b"), ""),
    (re.compile(r"\bwi[\s-]fi\b"), "wifi"),
    (re.compile(r"\be[\s-]mail"), "email"),
)
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+")


def wordset(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


STOP = wordset(
    """
    a an the and or but so if then than that this these those there here it its i me my mine we us our ours you
    your yours he him his she her they them their who whom whose which what when where why how is am are was
    were be been being do does did doing done have has had having will would shall should can could may might
    must not no nor to of in on at by for from with without into onto over under up down out off about as just
    only very really quite too also again still yet now already ever even much many more most some any all both
    each other another own same such well okay ok oh um uh er erm hmm yes yeah yep please thanks thank hi hello
    hey got get gets getting go goes going went gone come comes coming came want wants wanted need needs needed
    like know think say said tell told let make made take put thing things lot bit kind sort one ones im sorry
    right actually basically literally anyway because since while though something anything someone anyone
    everything nothing mean guess maybe perhaps try trying tried see look looking find give help always every
    keep keeps keeping kept whenever two three four five six seven eight nine ten eleven twelve twenty thirty
    hundred thousand happen happens call called calling phone phoning ringing ring
    """
)
"""Words that carry no topic in a contact centre."""


@lru_cache(maxsize=2048)
def plain(text: str) -> str:
    """Lower-case words and digits, contractions opened ("can't" -> "can not"), one space between."""
    words = text.lower().translate(_QUOTES)
    for pattern, opened in _CONTRACTIONS:
        words = pattern.sub(opened, words)
    return _NOT_A_WORD.sub(" ", words).strip()


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A light stem: plural, -ing, -ed and -ly endings fall; at least three letters stay."""
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ingly", "edly", "ing", "ed", "ly"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and re.search("[aeiouy]", rest):
            word = rest[:-1] if len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(maxsize=2048)
def content(text: str) -> tuple[str, ...]:
    """Stems of the words that carry a topic, in order."""
    return tuple(stem(word) for word in plain(text).split() if word not in STOP and (len(word) > 1 or word.isdigit()))


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its end mark."""
    return [part for raw in _SENTENCE_END.split(text) if (part := raw.strip())]


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]
