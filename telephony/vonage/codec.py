"""Vonage Voice API websocket messages <-> events. Pure, and `parse` never raises.

Protocol: https://developer.vonage.com/en/voice/voice-api/concepts/websockets. Audio is binary, 20 ms of L16 in a
message; text messages are JSON. The first one brings along the headers of our answer document.
"""

from __future__ import annotations

import hashlib

from telephony.bounded_json import (
    BadField,
    Fields,
    get_digit,
    get_object,
    get_text,
    read_audio,
)
from telephony.carrier import (
    MAX_MESSAGE,
    TOKEN_PARAMETER,
    Cleared,
    Dtmf,
    Encoding,
    Ignored,
    IgnoredReason,
    LineEvent,
    Mark,
    Start,
    WireAudio,
)
from telephony.json_codec import JsonCodec, compact

CALL_PARAMETER = "call"
"""Name of the header that brings the caller's leg along: the protocol itself does not name it."""

_SPOKEN = {
    "audio/l16;rate=8000": WireAudio(Encoding.L16, 8000),
    "audio/l16;rate=16000": WireAudio(Encoding.L16, 16000),
}


class VonageCodec(JsonCodec):
    """One stream; a `telephony.carrier.CarrierCodec`."""

    STREAM_FIELD = ""

    def parse(self, data: object) -> LineEvent:
        """The event of one message. Never raises."""
        if not isinstance(data, bytes):
            return super().parse(data)
        if len(data) > MAX_MESSAGE:
            return Ignored(IgnoredReason.TOO_BIG, f"{len(data)} bytes")
        if not self.stream_id:
            return Ignored(IgnoredReason.BEFORE_START)
        return read_audio(data, self._audio)

    def _event(self, message: Fields) -> LineEvent:
        match message.get("event"):
            case "websocket:connected":
                return _start(message)
            case "websocket:dtmf":
                holder = message if "digit" in message else get_object(message, "dtmf")
                return Dtmf(get_digit(holder, "digit"))
            case "websocket:notify":
                return Mark(get_text(get_object(message, "payload"), "mark"))
            case "websocket:cleared":
                return Cleared()
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def audio(self, data: bytes) -> bytes:
        """L16, played in order."""
        return data

    def mark(self, name: str) -> str:
        """Ask for a `websocket:notify` with this name when the audio sent so far was played."""
        return compact({"action": "notify", "payload": {"mark": name}})

    def clear(self) -> str:
        """Throw away what is buffered and not yet played."""
        return compact({"action": "clear"})


def _start(message: Fields) -> Start:
    token = get_text(message, TOKEN_PARAMETER)
    kind = get_text(message, "content-type").replace(" ", "").lower()
    call_id = message.get(CALL_PARAMETER, "")
    if not isinstance(call_id, str) or len(call_id) > 128:
        raise BadField(CALL_PARAMETER)
    # The protocol gives a stream no id: the token's fingerprint is one.
    stream_id = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Start(stream_id, call_id, parameters={TOKEN_PARAMETER: token}, audio=_SPOKEN.get(kind), says_stop=False)
