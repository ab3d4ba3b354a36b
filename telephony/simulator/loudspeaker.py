"""A telephone on the table: what its loudspeaker plays comes back through its microphone, late and weaker. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from telephony.audio import FRAME_SAMPLES, decode_ulaw, encode_ulaw
from telephony.simulator.caller import Act, HangUp, Key, Quiet, ScriptedCaller, Sound, Step
from telephony.simulator.playback import PlaybackBuffer, Played

_FRAME_S = 0.02


class Loudspeaker(PlaybackBuffer):
    """Plays aloud: what was played is kept for the microphone."""

    def __init__(self, delay_s: float, gain: float) -> None:
        """Create one.

        Args:
            delay_s: from the loudspeaker through the room and the network back to the service.
            gain: 0.1 is 20 dB down.
        """
        super().__init__()
        self._gain = gain
        silence = np.zeros(FRAME_SAMPLES)
        self._room: deque[NDArray[np.float64]] = deque([silence] * max(1, round(delay_s / _FRAME_S)))

    def tick(self) -> Played:
        """Play 20 ms."""
        played = super().tick()
        self._room.append(self._gain * decode_ulaw(played.ulaw).astype(np.float64))
        return played

    def picked_up(self, ulaw: bytes) -> bytes:
        """What the microphone sends while the caller makes this sound."""
        mixed = decode_ulaw(ulaw) + self._room.popleft()
        return encode_ulaw(np.clip(mixed, -32768, 32767).astype(np.int16))


class CallerOnLoudspeaker(ScriptedCaller):
    """A scripted caller in front of such a telephone."""

    def __init__(self, steps: Sequence[Step], loudspeaker: Loudspeaker, *, quiet_s: float = 1.0) -> None:
        """Create a caller; the call has to play into the same loudspeaker."""
        super().__init__(steps, quiet_s=quiet_s)
        self._loudspeaker = loudspeaker

    def act(self, at_s: float, hears: bool) -> Act:
        """The next 20 ms, with the echo in it."""
        match super().act(at_s, hears):
            case Quiet(ulaw):
                return Quiet(self._loudspeaker.picked_up(ulaw))
            case Sound(ulaw, first, last_sound):
                return Sound(self._loudspeaker.picked_up(ulaw), first, last_sound)
            case Key(digit, ulaw):
                return Key(digit, self._loudspeaker.picked_up(ulaw))
            case HangUp() as end:
                return end
