"""Our side of a web call's sound: one paced track that outlives the connection it is sent on."""

from __future__ import annotations

import asyncio
import fractions
from collections import deque
from collections.abc import Callable

import numpy as np
from aiortc import MediaStreamTrack
from av import AudioFrame

FRAME_S = 0.02
_BEHIND_S = 0.2
"""A clock that is further behind than this was not read for a while: it starts anew instead of catching up."""


class PacedVoice(MediaStreamTrack):
    """Gives out 20 ms at the pace of time: what was put in, silence where there is nothing or the far end is away."""

    kind = "audio"

    def __init__(self, rate_hz: int, is_away: Callable[[], bool]) -> None:
        """Say nothing yet.

        Args:
            rate_hz: sample rate.
            is_away: whether nobody listens just now; what was put in then waits.
        """
        super().__init__()
        self._rate_hz = rate_hz
        self._samples = round(rate_hz * FRAME_S)
        self._is_away = is_away
        self._pieces: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._sent = 0
        self._began_s: float | None = None

    async def put(self, pcm: bytes) -> None:
        """Take 16-bit samples and return once they have left; a cancelled wait takes them back."""
        step = 2 * self._samples
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pieces = [(pcm[at : at + step].ljust(step, b"\0"), left) for at in range(0, len(pcm), step)]
        self._pieces.extend(pieces)
        try:
            await left
        finally:
            for piece in pieces:
                if piece in self._pieces:
                    self._pieces.remove(piece)

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when they are due."""
        now_s = asyncio.get_running_loop().time()
        due_s = now_s if self._began_s is None else self._began_s + self._sent / self._rate_hz
        if self._began_s is None or now_s - due_s > _BEHIND_S:
            self._began_s, due_s = now_s - self._sent / self._rate_hz, now_s
        if due_s > now_s:
            await asyncio.sleep(due_s - now_s)
        frame = AudioFrame.from_ndarray(np.frombuffer(self._next(), dtype=np.int16)[None, :], layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._sent
        frame.time_base = fractions.Fraction(1, self._rate_hz)
        self._sent += self._samples
        return frame

    def _next(self) -> bytes:
        if not self._pieces or self._is_away():
            return bytes(2 * self._samples)
        pcm, left = self._pieces.popleft()
        if not left.done() and not any(other is left for _, other in self._pieces):
            left.set_result(None)
        return pcm
