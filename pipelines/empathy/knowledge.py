"""Which of the agent's facts answers the caller: lexical retrieval that forgives spelling, below a millisecond.

BM25 (Robertson & Zaragoza, 2009) over topic, problem, text and known ways to ask finds candidates; the best covered
way to ask decides. Words the vocabulary does not hold are matched by letter trigrams, because a recogniser hears
"routar" and "direct debbit". The score is in 0..1; under THRESHOLD nothing is found, and the policy asks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from pipelines.empathy.words import content, plain, sentences, stem, wordset
from pipelines.plan import Fact

THRESHOLD = 0.50
_K1, _B = 1.2, 0.6
_STRANGE = 0.7
"""Weight of a word that no fact knows, in parts of the rarest known word's weight."""
_FUZZY = 0.6
"""Least trigram overlap (Dice) for an unknown word to stand for a known one."""

_WEAK = frozenset(
    stem(word)
    for word in wordset(
        """
        work working time times change new book order last month week day date today number name account
        much long cost reset start card check pay paid paying fix fixed morning afternoon evening tonight
        night minute year issue problem table box customer choose use idea home house area
        """
    )
)
"""Words that are at home in any trade: they support a match but never make one."""
_WEAK_SHARE = 0.35
_CANNOT_PAY = re.compile(r"\b(?:can|could|will) not (?:\w+ )?pay\b")

_SYNONYMS = (
    "internet broadband wifi wireless online connection web fibre",
    "router hub modem box",
    "bill invoice statement",
    "slow sluggish laggy lagging lag crawling buffering buffer",
    "engineer technician fitter",
    "move moving relocate relocating",
    "cancel terminate quit leave leaving",
    "rise increase raise raising expensive dearer",
    "refund compensation reimburse reimbursement compensate",
    "fault outage downtime",
    "died death dead deceased die bereavement",
    "electricity power electric",
    "money cash",
    "complaint complain complaining",
    "meter metre",
    "reading readings read",
    "broken faulty busted",
    "afford struggle struggling skint",
    "debt arrears owe owing overdue behind",
    "appointment slot visit",
    "house home flat",
    "pay payment paid paying",
    "drop dropping disconnect disconnecting cutting",
    "display monitor screen panel",
    "contract deal agreement",
    "end ending finish expire expiring run runs",
    "smell stink stinks whiff odour",
    "freeze freezing frozen",
)


class Knowledge:
    """The facts of one agent, indexed once and searched per turn. Immutable after construction."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = tuple(facts)
        self._by_id = {fact.id: fact for fact in self._facts}
        self._canon = {stem(word): stem(group.split()[0]) for group in _SYNONYMS for word in group.split()}
        self._asks = [
            [frozenset(self._terms(ask)) for ask in (*fact.asks, fact.topic) if self._terms(ask)]
            for fact in self._facts
        ]
        self._documents = [
            Counter(self._terms(" ".join((fact.topic, fact.problem or "", fact.text, *fact.asks, *fact.asks))))
            for fact in self._facts
        ]
        lengths = [sum(document.values()) for document in self._documents] or [1]
        self._average = sum(lengths) / len(lengths)
        frequency = Counter(term for document in self._documents for term in document)
        self._idf = {
            term: math.log(1 + (len(self._facts) - seen + 0.5) / (seen + 0.5)) * (_WEAK_SHARE if term in _WEAK else 1)
            for term, seen in frequency.items()
        }
        self._strange = _STRANGE * max(self._idf.values(), default=0.0)
        known = {*self._idf, *self._canon}
        self._trigrams = {word: _trigrams(word) for word in known if len(word) > 3}

    def fact(self, fact_id: str) -> Fact | None:
        """The fact of that id."""
        return self._by_id.get(fact_id)

    def find(self, text: str) -> tuple[Fact, float] | None:
        """The fact that answers, with its score in THRESHOLD..1; None where nothing is close enough."""
        ranked = self.rank(text)
        return ranked[0] if ranked and ranked[0][1] >= THRESHOLD else None

    def rank(self, text: str) -> list[tuple[Fact, float]]:
        """Every fact that shares a word with the text, best first. A long story is judged by its best sentence."""
        parts = sentences(text)
        best: dict[int, float] = {}
        for part in parts if len(parts) < 2 else (*parts, text):
            asked, strange = self._heard(part)
            for index, document in enumerate(self._documents):
                if (asked & document.keys()) - _WEAK:
                    best[index] = max(best.get(index, 0.0), self._score(asked, strange, index))
        return [(self._facts[index], score) for index, score in sorted(best.items(), key=lambda pair: -pair[1])]

    def _score(self, asked: frozenset[str], strange: int, index: int) -> float:
        """Mostly the best covered way to ask, partly BM25 against what the caller's words could reach at most."""
        document = self._documents[index]
        length = sum(document.values()) / self._average
        best, weight = 0.0, strange * self._strange
        for term in asked:
            idf = self._idf.get(term, 0.0)
            count = document[term]
            best += idf * count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length))
            weight += idf * (_K1 + 1)
        matched = best / weight if weight else 0.0
        covered = max((self._coverage(asked, strange, ask) for ask in self._asks[index]), default=0.0)
        return 0.65 * covered + 0.35 * min(1.0, matched * 1.25)

    def _coverage(self, asked: frozenset[str], strange: int, ask: frozenset[str]) -> float:
        """Weighted mean of how much of the way to ask was said and how much of what was said it explains."""
        shared = sum(self._idf.get(term, 0.0) for term in asked & ask)
        if not shared:
            return 0.0
        said = shared / sum(self._idf.get(term, 0.0) for term in ask)
        explained = shared / (sum(self._idf[term] for term in asked) + strange * self._strange)
        return float(said**0.6 * explained**0.4)

    def _terms(self, text: str) -> list[str]:
        return [self._canon.get(term, term) for term in _topical(text)]

    def _heard(self, text: str) -> tuple[frozenset[str], int]:
        """The known words of a text, and how many words it has that no fact knows."""
        stems = _topical(text)
        pairs = (stem(one + other) for one, other in pairwise(plain(text).split()))
        joined = {self._known(word) for word in pairs if word in self._trigrams}
        terms = {self._known(term) for term in stems}
        strange = sum(term not in self._idf for term in terms) - 2 * len(joined)
        return frozenset(term for term in terms | joined if term in self._idf), max(0, strange)

    def _known(self, term: str) -> str:
        """The vocabulary's word for a term: itself, its synonym, or the word it is a misspelling of."""
        if term in self._canon:
            return self._canon[term]
        if term in self._idf or len(term) < 4:
            return term
        letters = _trigrams(term)
        word, overlap = max(
            ((word, _dice(letters, grams)) for word, grams in self._trigrams.items() if _alike(word, term)),
            key=lambda match: match[1],
            default=("", 0.0),
        )
        return self._canon.get(word, word) if overlap >= _FUZZY else term


def _topical(text: str) -> tuple[str, ...]:
    return content(_CANNOT_PAY.sub("afford", plain(text)))


def _alike(one: str, other: str) -> bool:
    return one[0] == other[0] and abs(len(one) - len(other)) < 2


def _trigrams(word: str) -> frozenset[str]:
    padded = f"^{word}$"
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
