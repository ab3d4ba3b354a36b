"""What a page tells on its data channel. Pure; nothing that arrives makes it raise."""

from __future__ import annotations

import json
from dataclasses import dataclass

MAX_MESSAGE = 2048
"""Longest message in characters; a page has little to say."""

_KEYS = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True)
class Alive:
    """The page is there; it says so once a second."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key of the page's keypad: one of 0-9 * #."""

    digit: str


@dataclass(frozen=True, slots=True)
class Unread:
    """Nothing that we know."""


def read(message: object) -> Alive | KeyPressed | Unread:
    """One message: 'ping', or `{"type": "dtmf", "digit": "5"}`."""
    if not isinstance(message, str) or len(message) > MAX_MESSAGE:
        return Unread()
    if message.startswith("ping"):
        return Alive()
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        return Unread()
    match told:
        case {"type": "dtmf", "digit": str(digit)} if digit in _KEYS:
            return KeyPressed(digit)
        case _:
            return Unread()
