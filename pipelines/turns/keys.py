"""What keys on the telephone mean: words at any time, digits while we ask for them. Pure; seconds are given."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = {"*9": "stop analysing my voice", "0": "I want to speak to a person"}
"""Key presses that stand for words; any other key starts anew."""

PAUSE_S = 5.0
"""So long after the last key an entry counts as finished."""
FIRST_KEY_S = 20.0
"""So long the caller may take to press the first key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Digits that are asked for: from `fewest` to `most` of them."""

    fewest: int
    most: int


@dataclass(frozen=True, slots=True)
class Says:
    """The keys stand for words."""

    words: str


@dataclass(frozen=True, slots=True)
class Typed:
    """An entry is complete. Whoever gets the digits must not write them down; they are no part of the text of this."""

    digits: str

    def __repr__(self) -> str:
        return f"Typed({len(self.digits)} digits)"


@dataclass(frozen=True, slots=True)
class Short:
    """The caller stopped before the entry was complete."""


Pressed = Says | Typed | Short


class Keys:
    """The keys of one call. `#` ends an entry, `*` begins it anew, a lone `0` asks for a human in it as well."""

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._digits = ""
        self._due_s = 0.0
        self._last = ""

    @property
    def collecting(self) -> bool:
        """Whether digits are asked for."""
        return self._entry is not None

    def ask(self, entry: Entry, now_s: float) -> None:
        """Digits are asked for from now on."""
        self._entry, self._digits, self._due_s = entry, "", now_s + FIRST_KEY_S

    def stop(self) -> None:
        """No digits are asked for any more."""
        self._entry, self._digits = None, ""

    def press(self, key: str, now_s: float) -> Pressed | None:
        """A key was pressed; None while it means nothing yet."""
        if self._entry is None:
            self._last = "*9" if self._last + key == "*9" else key
            words = WORDS.get(self._last)
            if words is None:
                return None
            self._last = ""
            return Says(words)
        self._due_s = now_s + PAUSE_S
        match key:
            case "#":
                return self._finish(self._entry)
            case "*":
                self._digits = ""
            case _:
                self._digits += key
        return self._finish(self._entry) if len(self._digits) >= self._entry.most else None

    def due(self, now_s: float) -> Pressed | None:
        """What an entry comes to that nobody goes on with; None while there is time."""
        return self._finish(self._entry) if self._entry is not None and now_s >= self._due_s else None

    def _finish(self, entry: Entry) -> Pressed:
        digits = self._digits
        self.stop()
        if digits == "0" and entry.fewest > 1:
            return Says(WORDS["0"])
        return Typed(digits) if len(digits) >= entry.fewest else Short()
