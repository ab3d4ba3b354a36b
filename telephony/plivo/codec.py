"""Plivo audio streaming messages <-> events. Pure, and `parse` never raises.

Protocol: https://www.plivo.com/docs/voice/concepts/audio-streaming. JSON in text frames.
"""

from __future__ import annotations

import base64

from telephony.bounded_json import (
    Fields,
    get_digit,
    get_number,
    get_object,
    get_text,
    read_base64_audio,
)
from telephony.carrier import (
    Cleared,
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
    ("audio/x-mulaw", 8000): WireAudio(),
    ("audio/x-l16", 8000): WireAudio(Encoding.L16, 8000),
    ("audio/x-l16", 16000): WireAudio(Encoding.L16, 16000),
}


class PlivoCodec(JsonCodec):
    """One stream; a `telephony.carrier.CarrierCodec`."""

    STREAM_FIELD = "streamId"

    def _event(self, message: Fields) -> LineEvent:
        match message.get("event"):
            case "media":
                media = get_object(message, "media")
                if media.get("track", "inbound") != "inbound":
                    return Ignored(IgnoredReason.OTHER_TRACK)
                return read_base64_audio(media, "payload", self._audio)
            case "playedStream":
                return Mark(get_text(message, "name"))
            case "clearedAudio":
                return Cleared()
            case "dtmf":
                return Dtmf(get_digit(get_object(message, "dtmf"), "digit"))
            case "start":
                return _start(get_object(message, "start"))
            case "stop":
                return Stop()
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def audio(self, data: bytes) -> str:
        """Audio in the stream's encoding, played in order."""
        kind = "audio/x-mulaw" if self._audio.encoding is Encoding.MULAW else "audio/x-l16"
        payload = base64.b64encode(data).decode()
        media = {"contentType": kind, "sampleRate": self._audio.rate_hz, "payload": payload}
        return compact({"event": "playAudio", "streamId": self.stream_id, "media": media})

    def mark(self, name: str) -> str:
        """Ask for a `playedStream` of this name when the audio sent so far was played."""
        return compact({"event": "checkpoint", "streamId": self.stream_id, "name": name})

    def clear(self) -> str:
        """Throw away what is buffered and not yet played."""
        return compact({"event": "clearAudio", "streamId": self.stream_id})


def _start(start: Fields) -> Start:
    audio = get_object(start, "mediaFormat")
    return Start(
        stream_id=get_text(start, "streamId"),
        call_id=get_text(start, "callId"),
        account_id=get_text(start, "accountId"),
        audio=_SPOKEN.get((get_text(audio, "encoding"), get_number(audio, "sampleRate"))),
    )
