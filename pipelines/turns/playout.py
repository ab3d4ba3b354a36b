"""The agent's speech on its way to the ear: what is queued, what was written to the line, what was heard. Pure.

Everything is counted in samples at the line's rate from the call's first one. Sound goes out in small pieces and is
counted again when the line has taken it, so that at any moment it is known which word the ear has reached: there an
answer is cut off, and from there it goes on after a false alarm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from pipelines.ports import Pcm, SpokenWord

Note = TypeVar("Note")

HEARD_SHARE = 0.5
"""A word counts as heard when so much of it was."""

SPOKEN_SHARE = 0.85
"""A word of which more than this was heard is not said again when the answer goes on."""

LONGEST_WORD_S = 1.2
"""More after a word's start is the pause after it."""

KEPT_S = 4.0
"""Sound that was written stays so long: an answer may have to go back to the beginning of a word."""

_SOFT_S = 0.008
"""Speech that goes on in its middle fades in, so that it does not click."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A little sound to be sent now.

    Attributes:
        pcm: samples at the line's rate.
        protected: whether nothing may cut it off.
    """

    pcm: Pcm
    protected: bool


@dataclass(frozen=True, slots=True)
class _Sound:
    start: int
    pcm: Pcm
    protected: bool

    @property
    def end(self) -> int:
        return self.start + len(self.pcm)


class Playout(Generic[Note]):
    """Sound and the notes between it (frames of the pipeline), in order."""

    def __init__(self, rate_hz: int) -> None:
        """Nothing to say.

        Args:
            rate_hz: sample rate of the line.
        """
        self.rate_hz = rate_hz
        self._sounds: deque[_Sound] = deque()
        self._words: list[tuple[int, str]] = []
        self._notes: deque[tuple[int, Note]] = deque()
        self._notes_sent = 0
        self._total = self._sent = self._written = self._soft_from = 0

    # -- in -----------------------------------------------------------------------------------

    def add_sound(self, pcm: Pcm, words: Sequence[SpokenWord], *, protected: bool) -> None:
        """Queue speech with its words, timed from the first of these samples."""
        self._words.extend((self._total + round(word.start_s * self.rate_hz), word.word) for word in words)
        if len(pcm):
            self._sounds.append(_Sound(self._total, pcm, protected))
            self._total += len(pcm)

    def add_note(self, note: Note) -> None:
        """Queue something that must come out after the sound before it."""
        self._notes.append((self._total, note))

    # -- out ----------------------------------------------------------------------------------

    def next(self, longest: int) -> Piece | Note | None:
        """What to send next: a note, at most `longest` samples of sound, or None where there is nothing."""
        following = self._total
        if self._notes_sent < len(self._notes):
            following, note = self._notes[self._notes_sent]
            if following <= self._sent:
                self._notes_sent += 1
                return note
        for sound in self._sounds:
            if sound.start <= self._sent < sound.end:
                end = min(self._sent + longest, sound.end, following)
                pcm = sound.pcm[self._sent - sound.start : end - sound.start]
                if self._sent == self._soft_from > 0:
                    pcm = _softened(pcm, int(_SOFT_S * self.rate_hz))
                self._sent = end
                return Piece(pcm, sound.protected)
        return None

    def wrote(self, samples: int) -> None:
        """The line took so many samples more."""
        self._written = min(self._written + samples, self._total)
        while self._sounds and self._sounds[0].end < self._written - KEPT_S * self.rate_hz:
            self._sounds.popleft()

    def passed(self, note: Note) -> None:
        """A note has come out at the far end of the line; one that is not known is left aside."""
        for place, (_, known) in enumerate(self._notes):
            if known is note:
                del self._notes[place]
                self._notes_sent = max(0, self._notes_sent - (place < self._notes_sent))
                return

    # -- what is known ------------------------------------------------------------------------

    @property
    def written(self) -> int:
        """Samples that the line took."""
        return self._written

    @property
    def queued_s(self) -> float:
        """Seconds of sound that wait to be sent."""
        return (self._total - self._sent) / self.rate_hz

    @property
    def sounding(self) -> bool:
        """Whether there is sound that the line has not taken yet."""
        return self._written < self._total

    @property
    def protected(self) -> bool:
        """Whether some of it may not be cut off."""
        return any(sound.protected and sound.end > self._written for sound in self._sounds)

    def holds(self, matches: Callable[[Note], bool]) -> bool:
        """Whether a note that matches has not come out yet."""
        return any(matches(note) for _, note in self._notes)

    def heard(self, since: int) -> str:
        """The words from a sample on that have reached the ear."""
        reached = [
            word
            for place, (start, word) in enumerate(self._words)
            if start >= since and start + HEARD_SHARE * self._length(place) <= self._written
        ]
        return " ".join(reached)

    def upcoming(self, seconds: float) -> str:
        """The words from now on back so many seconds: what an echo would bring."""
        since = self._written - seconds * self.rate_hz
        return " ".join(word for start, word in self._words if since <= start <= self._sent)

    # -- turning back -------------------------------------------------------------------------

    def back_to_word(self) -> None:
        """Go on from the beginning of the word that was being said; what was sent and not written is sent again."""
        at = self._written
        started = [place for place, (start, _) in enumerate(self._words) if start <= at]
        if started:
            start, length = self._words[started[-1]][0], self._length(started[-1])
            if at - start <= SPOKEN_SHARE * length:
                at = start
        kept_from = self._sounds[0].start if self._sounds else at
        self._written = self._sent = self._soft_from = max(at, kept_from)
        self._notes_sent = 0

    def cut(self, stays: Callable[[Note], bool]) -> None:
        """Drop what may be dropped: sound that is not protected, and the notes behind it that need not stay."""
        ends = [sound.end for sound in self._sounds if sound.protected and sound.end > self._written]
        at = ends[-1] if ends else self._written
        self._sounds = deque(sound for sound in self._sounds if sound.end <= at)
        self._words = [(start, word) for start, word in self._words if start < at]
        sent = [note for _, note in list(self._notes)[: self._notes_sent]]
        self._notes = deque((min(place, at), note) for place, note in self._notes if stays(note))
        self._notes_sent = sum(any(note is known for known in sent) for _, note in self._notes)
        self._total, self._sent = at, min(self._sent, at)

    def forget(self) -> None:
        """The words up to now have been told: nobody asks for them again."""
        self._words = [(start, word) for start, word in self._words if start >= self._written]

    def _length(self, place: int) -> float:
        """Samples of a word, the pause after it left out."""
        start = self._words[place][0]
        after = self._words[place + 1][0] if place + 1 < len(self._words) else self._total
        return max(1.0, min(after - start, LONGEST_WORD_S * self.rate_hz))


def _softened(pcm: Pcm, samples: int) -> Pcm:
    ramp = np.ones(len(pcm))
    ramp[:samples] = np.linspace(0, 1, samples)[: len(pcm)]
    return (pcm * ramp).astype(np.int16)
