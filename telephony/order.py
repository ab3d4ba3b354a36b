"""Puts pieces of audio back in order, for carriers that do not promise to deliver in order. Pure."""

from __future__ import annotations


class ChunkOrder:
    """Holds a piece back while the one before it is missing, for at most a few pieces; never loses its way.

    A piece that comes too late is dropped. A number far away from what is expected is believed: the count then goes
    on from there, so that no forged or broken number can silence a call for longer than the window.
    """

    def __init__(self, window: int = 5) -> None:
        """Expect any first number.

        Args:
            window: how many pieces may wait for a missing one.
        """
        self._window = window
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}

    def put(self, chunk: int, audio: bytes) -> bytes:
        """The audio that is due now, in order; b'' while a missing piece is waited for."""
        if self._next is None or abs(chunk - self._next) > 4 * self._window:
            due = self._flush()
            self._next = chunk + 1
            return due + audio
        if chunk < self._next:
            return b""
        self._waiting[chunk] = audio
        if len(self._waiting) > self._window:
            self._next = min(self._waiting)
        due = b""
        while self._next in self._waiting:
            due += self._waiting.pop(self._next)
            self._next += 1
        return due

    def _flush(self) -> bytes:
        waiting = b"".join(self._waiting[chunk] for chunk in sorted(self._waiting))
        self._waiting.clear()
        return waiting
