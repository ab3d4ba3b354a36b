"""How long the caller has been waiting for us. Pure; seconds are given on one clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Waiting:
    """Counts only while something of ours is under way: a caller who thinks aloud keeps us waiting, not we them.

    Attributes:
        said: how many times the caller was told to wait.
    """

    said: int = 0
    _last_sound_s: float | None = None
    _since_s: float | None = None

    def begins(self, now_s: float, last_sound_s: float | None = None) -> None:
        """A stage of ours begins: recognition, or the answer to a turn that ended.

        Args:
            now_s: now.
            last_sound_s: when the caller was last heard; None where it is known already.
        """
        self._since_s = now_s
        if last_sound_s is not None:
            self._last_sound_s = last_sound_s
        elif self._last_sound_s is None:
            self._last_sound_s = now_s

    def pauses(self) -> None:
        """The stage is done and it is the caller's turn to go on or to fall silent."""
        self._since_s = None

    def over(self) -> None:
        """The caller speaks, or an answer is on its way to the voice."""
        self._since_s = self._last_sound_s = None
        self.said = 0

    def seconds(self, now_s: float) -> tuple[float, float]:
        """Seconds since the caller's last sound and since the stage began; zeros while nobody waits for us."""
        if self._since_s is None or self._last_sound_s is None:
            return 0.0, 0.0
        return now_s - self._last_sound_s, now_s - self._since_s
