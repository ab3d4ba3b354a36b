"""Exotel voice streaming messages <-> events. Pure, and `parse` never raises.

Protocol: https://developer.exotel.com/docs/agentstream. JSON in text frames, shaped as Twilio's with other names; audio
is L16, about 100 ms in a message, in multiples of 320 bytes.
"""

from __future__ import annotations

import base64

from telephony.bounded_json import (
    Fields,
    get_digit,
    get_number,
    get_object,
    get_text,
    get_texts,
    read_base64_audio,
)
from telephony.carrier import (
    Cleared,
    Connected,
    Dtmf,
    Encoding,
    Ignored,
    IgnoredReason,
    LineEvent,
    Mark,
    Start,
    Stop,
    WireAudio,
)
from telephony.json_codec import JsonCodec, compact

CHUNK_MS = 100
_RATES = frozenset({8000, 16000})


class ExotelCodec(JsonCodec):
    """One stream; a `telephony.carrier.CarrierCodec`."""

    STREAM_FIELD = "stream_sid"

    def _event(self, message: Fields) -> LineEvent:
        match message.get("event"):
            case "media":
                return read_base64_audio(get_object(message, "media"), "payload", self._audio)
            case "mark":
                return Mark(get_text(get_object(message, "mark"), "name"))
            case "clear":
                return Cleared()
            case "dtmf":
                return Dtmf(get_digit(get_object(message, "dtmf"), "digit"))
            case "start":
                return _start(get_object(message, "start"))
            case "stop":
                return Stop()
            case "connected":
                return Connected()
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def audio(self, data: bytes) -> str:
        """L16, played in order."""
        payload = base64.b64encode(data).decode()
        return compact({"event": "media", "stream_sid": self.stream_id, "media": {"payload": payload}})

    def mark(self, name: str) -> str:
        """Ask for a `mark` of this name when the audio sent so far was played."""
        return compact({"event": "mark", "stream_sid": self.stream_id, "mark": {"name": name}})

    def clear(self) -> str:
        """Throw away what is buffered and not yet played."""
        return compact({"event": "clear", "stream_sid": self.stream_id})


def _start(start: Fields) -> Start:
    rate_hz = get_number(get_object(start, "media_format"), "sample_rate")
    return Start(
        stream_id=get_text(start, "stream_sid"),
        call_id=get_text(start, "call_sid"),
        account_id=get_text(start, "account_sid"),
        parameters=get_texts(start, "custom_parameters"),
        audio=WireAudio(Encoding.L16, rate_hz, CHUNK_MS) if rate_hz in _RATES else None,
    )
