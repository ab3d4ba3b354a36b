"""One party's line, whichever carrier it came by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipecat.transports.base_transport import BaseTransport


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that rings.

    Attributes:
        carrier: the carrier's name, as in our paths ('twilio', 'telnyx', ...), or 'webrtc'.
        carrier_call_id: the carrier's own id (Twilio's CallSid and the like; our join id for web calls).
        from_number: E.164, or '' where withheld or a web call.
        to_number: the number or agent name that was called.
    """

    carrier: str
    carrier_call_id: str
    from_number: str
    to_number: str


LOST = "the line was lost"
"""How the reason begins where nobody hung up: the call itself may still be up at the carrier."""


class CallLeg(Protocol):
    """One party's live line. From here nobody knows which carrier it was."""

    @property
    def transport(self) -> BaseTransport:
        """Two-way audio: 16 kHz in, paced out."""
        ...

    @property
    def audio_out_hz(self) -> int:
        """Sample rate that the line plays (8000 for telephones, 24000 or more for web calls)."""
        ...

    async def until_played(self, name: str, deadline_s: float) -> bool:
        """Wait until everything queued so far was played at the far end.

        Args:
            name: names the mark; unique within the call.
            deadline_s: longest wait in seconds.

        Returns:
            True once the far end confirmed it; False where an interruption cleared it, the line ended or time was up.
        """
        ...

    async def until_hung_up(self) -> str:
        """Wait until the far side hung up or the line was lost; return the reason in words."""
        ...

    @property
    def can_hand_off(self) -> bool:
        """Whether the caller goes on to a human when we `leave`."""
        ...

    async def leave(self) -> None:
        """Let go of the line but not of the caller: the carrier asks what comes next. Idempotent.

        Where nothing can come next this is `hang_up`.
        """
        ...

    async def hang_up(self) -> None:
        """End the line from our side. Idempotent; a carrier that does not answer is logged, never raised."""
        ...
