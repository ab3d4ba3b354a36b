"""Where a caller goes when the agent cannot, or should no longer, take the call."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class HumanFallback:
    """Where a caller goes when we cannot answer.

    Attributes:
        number: E.164 number to dial; None for the queue.
        queue: name of the queue of waiting callers; carriers without queues hang up where there is no number either.
        words: what is said on the way there; '' for nothing.
        ring_s: seconds that the number may ring.
        wait_url: asked while a caller waits in the queue what they should hear; '' for the carrier's own music.
    """

    number: str | None
    queue: str
    words: str = "One moment please, I am connecting you to a colleague."
    ring_s: int = 30
    wait_url: str = ""

    def saying(self, words: str) -> HumanFallback:
        """The same place with other words; '' changes nothing."""
        return replace(self, words=words) if words else self
