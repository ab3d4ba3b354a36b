"""Pipecat frames <-> a carrier's messages. Nothing that arrives makes it raise: the first error would end a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

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
from telephony.carrier import (
    CarrierCodec,
    Dtmf,
    Encoding,
    Ignored,
    IgnoredReason,
    LineEvent,
    Media,
    Wire,
    WireAudio,
)
from telephony.order import ChunkOrder

HEARD_HZ = 16_000
"""Sample rate of the frames that come in, whatever the line has."""


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


class MediaSerializer(FrameSerializer):
    """One stream, both ways.

    In: audio -> 16 kHz frames, keys -> DTMF frames. Out: audio at the line's rate, an interruption -> clear, a
    transport message `{"mark": name}` -> a mark; other transport messages stay here.
    """

    def __init__(
        self,
        codec: CarrierCodec,
        audio: WireAudio,
        tell: Callable[[LineEvent], None],
        answer: Callable[[Wire], Awaitable[None]],
    ) -> None:
        """Create the serializer of one stream.

        Args:
            codec: has seen the start of the stream.
            audio: how its samples travel.
            tell: gets every event, ignored ones included; must neither block nor raise.
            answer: sends what the protocol wants sent back at once; must not raise.
        """
        super().__init__()
        self._codec = codec
        self._audio = audio
        self._tell = tell
        self._answer = answer
        self._upsampler = Upsampler()
        self._order = ChunkOrder()
        self._budget = FrameBudget(rate=100, burst=200)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """The frame of one message, None where the pipeline needs none. Never raises."""
        if not self._budget.take(time.monotonic()):
            self._tell(Ignored(IgnoredReason.TOO_MANY))
            await asyncio.sleep(0)  # a flood must not keep the event loop to itself
            return None
        event = self._codec.parse(data)
        self._tell(event)
        reply = self._codec.reply(event)
        if reply is not None:
            await self._answer(reply)
        match event:
            case Media(audio, chunk):
                due = audio if chunk is None else self._order.put(chunk, audio)
                return InputAudioRawFrame(self._heard(due), HEARD_HZ, 1) if due else None
            case Dtmf(digit):
                return InputDTMFFrame(button=KeypadEntry(digit))
            case _:
                return None

    def _heard(self, data: bytes) -> bytes:
        pcm = decode_ulaw(data) if self._audio.encoding is Encoding.MULAW else pcm_from_bytes(data)
        if self._audio.rate_hz == TELEPHONE_HZ:
            pcm = self._upsampler.upsample(pcm)
        return pcm.astype("<i2", copy=False).tobytes()

    async def serialize(self, frame: Frame) -> Wire | None:
        """The message of one frame, None where the line needs none.

        Raises:
            ValueError: audio at another rate than the line's: the transport was set up wrongly.
        """
        match frame:
            case AudioRawFrame():
                if frame.sample_rate != self._audio.rate_hz:
                    raise ValueError(f"the line plays {self._audio.rate_hz} Hz, not {frame.sample_rate}")
                mulaw = self._audio.encoding is Encoding.MULAW
                return self._codec.audio(encode_ulaw(pcm_from_bytes(frame.audio)) if mulaw else frame.audio)
            case InterruptionFrame():
                return self._codec.clear()
            case OutputTransportMessageFrame() | OutputTransportMessageUrgentFrame():
                name = frame.message.get("mark") if isinstance(frame.message, dict) else None
                return self._codec.mark(name) if isinstance(name, str) else None
            case _:
                return None
