"""Which stretch of speech a scripted recogniser is given: the same one may come twice, early and whole."""

from __future__ import annotations

import time

from pipelines.ports import Pcm

_SAME = 4000
_WITHIN_S = 5.0


class Stretches:
    """What was made of each stretch, in order.

    Recognition begins before a silence is sure. When the voice goes on that is thrown away, and the longer stretch
    comes again: it begins with the same samples, a moment later.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._last = b""
        self._at_s = 0.0

    def is_new(self, pcm: Pcm) -> bool:
        """Whether this stretch was not begun before; a new one is written down as nothing yet."""
        begins, now_s = pcm[:_SAME].tobytes(), time.monotonic()
        again = begins == self._last and now_s - self._at_s < _WITHIN_S
        self._last, self._at_s = begins, now_s
        if not again:
            self.texts.append("")
        return not again
