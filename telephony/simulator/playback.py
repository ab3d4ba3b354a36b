"""What the far end's ear hears: Twilio's playback buffer as a pure thing that is asked every 20 ms."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from telephony.audio import FRAME_SAMPLES, ULAW_SILENCE

_SILENCE = bytes([ULAW_SILENCE]) * FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Played:
    """What was played in 20 ms.

    Attributes:
        ulaw: 160 mu-law bytes, silence where the buffer ran dry.
        sounding: whether any of it came from a piece with sound in it.
        marks: names of the marks that were reached.
    """

    ulaw: bytes
    sounding: bool
    marks: tuple[str, ...]


_NOTHING = Played(_SILENCE, sounding=False, marks=())


class PlaybackBuffer:
    """Audio and marks in order; `clear` throws both away and gives the marks back."""

    def __init__(self) -> None:
        """Empty."""
        self._queue: deque[tuple[bytes, bool] | str] = deque()

    def put(self, ulaw: bytes, *, sounding: bool) -> None:
        """Queue a piece of audio of any length."""
        self._queue.append((ulaw, sounding))

    def mark(self, name: str) -> None:
        """Queue a mark after the audio so far."""
        self._queue.append(name)

    def clear(self) -> tuple[str, ...]:
        """Empty the buffer; the marks that were in it."""
        marks = tuple(item for item in self._queue if isinstance(item, str))
        self._queue.clear()
        return marks

    def tick(self) -> Played:
        """Play 20 ms."""
        if not self._queue:
            return _NOTHING
        pieces: list[bytes] = []
        marks: list[str] = []
        sounding = False
        left = FRAME_SAMPLES
        while self._queue:
            match self._queue[0]:
                case str() as name:
                    marks.append(name)
                    self._queue.popleft()
                case (ulaw, sounds):
                    if not left:
                        break
                    pieces.append(ulaw[:left])
                    sounding = sounding or sounds
                    if len(ulaw) > left:
                        self._queue[0] = (ulaw[left:], sounds)
                    else:
                        self._queue.popleft()
                    left -= len(pieces[-1])
        return Played(b"".join(pieces) + _SILENCE[:left], sounding, tuple(marks))
