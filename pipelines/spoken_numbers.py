"""Finds numbers in what was said, however it was said: "4532", "four five three two", "forty-five". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_TEENS: Final = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_TENS: Final = {
    "twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8",
    "ninety": "9",
}  # fmt: skip
_TIMES: Final = {"double": 2, "triple": 3, "treble": 3}
_MISHEARD: Final = {"to": "2", "too": "2", "for": "4", "fore": "4", "ate": "8", "won": "1", "tree": "3", "sex": "6"}
"""What a recogniser writes for a digit; counts only between two other digits."""
_FILLERS: Final = frozenset(
    {
        "uh",
        "um",
        "er",
        "erm",
        "ah",
        "hmm",
        "then",
        "and",
        "dash",
        "hyphen",
        "space",
        "dot",
        "next",
        "again",
        "like",
        "so",
    }
)
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+(?:['\u2019][^\W\d_]+)?|[^\w\s]|_|\s+")
_LOOSE: Final = frozenset(",.-\u2013\u2014/()+\u2026")
_LONGEST_GAP: Final = 5
"""Tokens that are no digits (spaces included) between two digits of one number."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of digits inside a number.

    Attributes:
        start: first character in the text.
        end: one past the last.
        digits: what it says.
        written: whether it was written in figures.
    """

    start: int
    end: int
    digits: str
    written: bool


@dataclass(frozen=True, slots=True)
class SaidNumber:
    """Pieces that follow each other with nothing but pauses between them."""

    pieces: tuple[Piece, ...]

    @property
    def start(self) -> int:
        """First character in the text."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.pieces[-1].end

    @property
    def digits(self) -> str:
        """All digits in a row."""
        return "".join(piece.digits for piece in self.pieces)

    @property
    def written(self) -> bool:
        """Whether every piece was written in figures."""
        return all(piece.written for piece in self.pieces)


def said_numbers(text: str) -> list[SaidNumber]:
    """Every number in a text, in order. A single "one" or "to" is one as well: the reader decides what counts."""
    tokens = [(found.group(), found.start(), found.end()) for found in _TOKEN.finditer(text)]
    numbers: list[SaidNumber] = []
    running: list[Piece] = []
    gap = 0
    place = 0
    while place < len(tokens):
        inside = running[-1] if running and gap <= _LONGEST_GAP else None
        piece, used = _piece(tokens, place, inside)
        if piece is not None:
            if running and gap > _LONGEST_GAP:
                numbers.append(SaidNumber(tuple(running)))
                running = []
            running.append(piece)
            gap, place = 0, place + used
            continue
        token = tokens[place][0]
        gap = gap + 1 if token.isspace() or token in _LOOSE or token.lower() in _FILLERS else _LONGEST_GAP + 1
        place += 1
    if running:
        numbers.append(SaidNumber(tuple(running)))
    return numbers


def _piece(tokens: list[tuple[str, int, int]], place: int, inside: Piece | None) -> tuple[Piece | None, int]:
    """The digits that start at a token and how many tokens they take; `inside` is the piece before it, if any."""
    token, start, end = tokens[place]
    word = token.lower()
    if token.isdigit() and token.isascii():
        return Piece(start, end, token, written=True), 1
    if word in _UNITS and (word not in ("o", "oh") or inside is not None or _digit_follows(tokens, place)):
        hundred = _next_word(tokens, place)
        if hundred is not None and tokens[hundred][0].lower() == "hundred" and not _digit_follows_and(tokens, hundred):
            return Piece(start, tokens[hundred][2], _UNITS[word] + "00", written=False), hundred - place + 1
        return Piece(start, end, _UNITS[word], written=False), 1
    if word in _TEENS:
        return Piece(start, end, _TEENS[word], written=False), 1
    if word in _TENS:
        after = _next_word(tokens, place)
        if after is not None and (unit := _UNITS.get(tokens[after][0].lower(), "0")) != "0":
            return Piece(start, tokens[after][2], _TENS[word] + unit, written=False), after - place + 1
        return Piece(start, end, _TENS[word] + "0", written=False), 1
    if word in _TIMES:
        after = _next_word(tokens, place)
        if after is not None:
            digit = _UNITS.get(
                tokens[after][0].lower(), tokens[after][0] if re.fullmatch("[0-9]", tokens[after][0]) else ""
            )
            if digit:
                return Piece(start, tokens[after][2], digit * _TIMES[word], written=False), after - place + 1
    if (
        word in _MISHEARD
        and inside is not None
        and len(inside.digits) == 1
        and _digit_follows(tokens, place, single=True)
    ):
        return Piece(start, end, _MISHEARD[word], written=False), 1
    return None, 1


def _next_word(tokens: list[tuple[str, int, int]], place: int) -> int | None:
    """The next token behind one space or hyphen."""
    after = place + 2
    between = after - 1
    if after < len(tokens) and (tokens[between][0].isspace() or tokens[between][0] in "-\u2013"):
        return after
    return None


def _digit_follows(tokens: list[tuple[str, int, int]], place: int, *, single: bool = False) -> bool:
    """Whether the next word, pauses aside, is a digit beyond doubt; `single` leaves out figures of several digits."""
    for token, _, _ in tokens[place + 1 : place + 1 + _LONGEST_GAP]:
        if token.isspace() or token in _LOOSE:
            continue
        word = token.lower()
        return (
            (token.isdigit() and not (single and len(token) > 1))
            or word in _UNITS
            or word in _TEENS
            or word in _TENS
            or word in _TIMES
        )
    return False


def _digit_follows_and(tokens: list[tuple[str, int, int]], place: int) -> bool:
    """Whether "hundred" is part of a sum ("two hundred and five"), which is no sequence of digits."""
    rest = [token.lower() for token, _, _ in tokens[place + 1 : place + 5] if not token.isspace()]
    return bool(rest) and rest[0] == "and"
