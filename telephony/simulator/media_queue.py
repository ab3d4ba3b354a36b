"""Asterisk's side of a media socket, as a pure thing that is asked every 20 ms: its queue of frames and their marks.

As seen of `chan_websocket` in 22.10.1: messages are cut into frames and what does not fill one is dropped, the queue
holds a thousand, XOFF is told at 900 and XON below 800, a flush empties it at once and its marks are never reported.
"""

from __future__ import annotations

from collections import deque

from telephony.audio import FRAME_SAMPLES, ULAW_SILENCE
from telephony.simulator.playback import Played

LONGEST_MESSAGE = 65_500
"""A longer message from the service ends the call."""

MOST_FRAMES = 1000
XOFF_AT = 900
XON_BELOW = 800

_NOTHING = Played(bytes([ULAW_SILENCE]) * FRAME_SAMPLES, sounding=False, marks=())


class MediaQueue:
    """Frames and marks in order."""

    def __init__(self) -> None:
        """Empty."""
        self._queue: deque[tuple[bytes, bool] | str] = deque()
        self._frames = 0
        self._told_xoff = False
        self.dropped_bytes = 0
        self.longest = 0

    def __len__(self) -> int:
        """Frames that wait to be played."""
        return self._frames

    def put(self, ulaw: bytes, *, sounding: bool) -> None:
        """Take one message."""
        for at in range(0, len(ulaw), FRAME_SAMPLES):
            frame = ulaw[at : at + FRAME_SAMPLES]
            if len(frame) < FRAME_SAMPLES or self._frames >= MOST_FRAMES:
                self.dropped_bytes += len(frame)
                continue
            self._queue.append((frame, sounding))
            self._frames += 1
        self.longest = max(self.longest, self._frames)

    def mark(self, name: str) -> None:
        """Take a mark after the audio so far."""
        self._queue.append(name)

    def flush(self) -> None:
        """Throw everything away."""
        self._queue.clear()
        self._frames = 0

    def tick(self) -> Played:
        """Play 20 ms; marks before and right after it are reached."""
        marks: list[str] = []
        frame: tuple[bytes, bool] | None = None
        while self._queue:
            item = self._queue[0]
            if isinstance(item, str):
                marks.append(item)
            elif frame is None:
                frame = item
                self._frames -= 1
            else:
                break
            self._queue.popleft()
        if frame is None and not marks:
            return _NOTHING
        ulaw, sounding = frame or (_NOTHING.ulaw, False)
        return Played(ulaw, sounding, tuple(marks))

    def news(self) -> str | None:
        """'MEDIA_XOFF' or 'MEDIA_XON' when it has to be told now, once each."""
        if not self._told_xoff and self._frames >= XOFF_AT:
            self._told_xoff = True
            return "MEDIA_XOFF"
        if self._told_xoff and self._frames < XON_BELOW:
            self._told_xoff = False
            return "MEDIA_XON"
        return None
