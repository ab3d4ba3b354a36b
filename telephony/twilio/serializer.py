"""Pipecat frames <-> Twilio messages. Nothing that arrives makes it raise: Pipecat ends a call at the first error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    AudioRawFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer

from telephony.audio import TELEPHONE_HZ, Upsampler, decode_ulaw, encode_ulaw, pcm_from_bytes
from telephony.twilio import codec
from telephony.twilio.codec import Dtmf, Ignored, IgnoredReason, Media, TwilioEvent


class FrameBudget:
    """At most `rate` messages a second after a burst; pure, seconds are given."""

    def __init__(self, rate: float, burst: float) -> None:
        """Start with the whole burst to spend."""
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        """Whether one more message is within the budget at `now_s`."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class TwilioSerializer(FrameSerializer):
    """One stream, both ways.

    In: mu-law -> 16 kHz audio frames, keys -> DTMF frames. Out: 8 kHz audio -> `media`, an interruption -> `clear`,
    a transport message `{"mark": name}` -> `mark`; other transport messages stay here.
    """

    def __init__(self, stream_id: str, tell: Callable[[TwilioEvent], None]) -> None:
        """Create the serializer of one stream.

        Args:
            stream_id: Twilio's StreamSid.
            tell: gets every event, ignored ones included; must neither block nor raise.
        """
        super().__init__()
        self._stream_id = stream_id
        self._tell = tell
        self._upsampler = Upsampler()
        self._budget = FrameBudget(rate=100, burst=200)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """The frame of one message, None where the pipeline needs none. Never raises."""
        if not self._budget.take(time.monotonic()):
            self._tell(Ignored(IgnoredReason.TOO_MANY))
            await asyncio.sleep(0)  # a flood must not keep the event loop to itself
            return None
        event = codec.parse(data)
        self._tell(event)
        match event:
            case Media(ulaw):
                pcm = self._upsampler.upsample(decode_ulaw(ulaw))
                return InputAudioRawFrame(audio=pcm.tobytes(), sample_rate=2 * TELEPHONE_HZ, num_channels=1)
            case Dtmf(digit):
                return InputDTMFFrame(button=KeypadEntry(digit))
            case _:
                return None

    async def serialize(self, frame: Frame) -> str | None:
        """The message of one frame, None where Twilio needs none.

        Raises:
            ValueError: audio at another rate than 8 kHz: the transport was set up wrongly.
        """
        match frame:
            case AudioRawFrame():
                if frame.sample_rate != TELEPHONE_HZ:
                    raise ValueError(f"Twilio plays {TELEPHONE_HZ} Hz, not {frame.sample_rate}")
                return codec.media(self._stream_id, encode_ulaw(pcm_from_bytes(frame.audio)))
            case InterruptionFrame():
                return codec.clear(self._stream_id)
            case OutputTransportMessageFrame() | OutputTransportMessageUrgentFrame():
                name = frame.message.get("mark") if isinstance(frame.message, dict) else None
                return codec.mark(self._stream_id, name) if isinstance(name, str) else None
            case _:
                return None
