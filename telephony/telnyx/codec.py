"""Telnyx media streaming messages <-> events. Pure, and `parse` never raises.

Protocol: https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming. JSON in text frames, shaped as
Twilio's with other names. Telnyx does not promise the order of media messages: `chunk` has it.
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

_SPOKEN = {
    ("PCMU", 8000): WireAudio(),
    ("L16", 8000): WireAudio(Encoding.L16, 8000),
    ("L16", 16000): WireAudio(Encoding.L16, 16000),
}


class TelnyxCodec(JsonCodec):
    """One stream; a `telephony.carrier.CarrierCodec`."""

    STREAM_FIELD = "stream_id"

    def _event(self, message: Fields) -> LineEvent:
        match message.get("event"):
            case "media":
                media = get_object(message, "media")
                if media.get("track", "inbound") != "inbound":
                    return Ignored(IgnoredReason.OTHER_TRACK)
                return read_base64_audio(media, "payload", self._audio, get_number(media, "chunk"))
            case "mark":
                return Mark(get_text(get_object(message, "mark"), "name"))
            case "dtmf":
                return Dtmf(get_digit(get_object(message, "dtmf"), "digit"))
            case "start":
                return _start(get_object(message, "start"), get_text(message, "stream_id"))
            case "stop":
                return Stop()
            case "connected":
                return Connected()
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def audio(self, data: bytes) -> str:
        """Audio in the stream's encoding, played in order."""
        return compact({"event": "media", "media": {"payload": base64.b64encode(data).decode()}})

    def mark(self, name: str) -> str:
        """Ask for a `mark` of this name when the audio sent so far was played."""
        return compact({"event": "mark", "mark": {"name": name}})

    def clear(self) -> str:
        """Throw away what is buffered and not yet played."""
        return compact({"event": "clear"})


def _start(start: Fields, stream_id: str) -> Start:
    audio = get_object(start, "media_format")
    return Start(
        stream_id=stream_id,
        call_id=get_text(start, "call_control_id"),
        account_id=get_text(start, "user_id"),
        parameters=get_texts(start, "custom_parameters"),
        audio=_SPOKEN.get((get_text(audio, "encoding"), get_number(audio, "sample_rate"))),
    )
