"""Twilio Media Streams messages <-> events. Pure, and `parse` never raises, whatever a socket delivers.

Protocol: https://www.twilio.com/docs/voice/media-streams/websocket-messages. Twilio is the websocket client; every
message is JSON in a text frame; `sequenceNumber`, `chunk` and `timestamp` are strings. The socket keeps the order, so
the numbers are left aside: believing them would let one forged number silence a call.
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
    Ignored,
    IgnoredReason,
    LineEvent,
    Mark,
    Start,
    Stop,
    WireAudio,
)
from telephony.json_codec import JsonCodec, compact


class TwilioCodec(JsonCodec):
    """One stream; a `telephony.carrier.CarrierCodec`."""

    def _event(self, message: Fields) -> LineEvent:
        match message.get("event"):
            case "media":
                media = get_object(message, "media")
                if media.get("track", "inbound") != "inbound":
                    return Ignored(IgnoredReason.OTHER_TRACK)
                return read_base64_audio(media, "payload", self._audio)
            case "mark":
                return Mark(get_text(get_object(message, "mark"), "name"))
            case "dtmf":
                return Dtmf(get_digit(get_object(message, "dtmf"), "digit"))
            case "start":
                return _start(get_object(message, "start"), get_text(message, "streamSid"))
            case "stop":
                return Stop()
            case "connected":
                return Connected(get_text(message, "protocol"))
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def audio(self, data: bytes) -> str:
        """Mu-law at 8 kHz, played in order after what Twilio has buffered."""
        payload = base64.b64encode(data).decode()
        return compact({"event": "media", "streamSid": self.stream_id, "media": {"payload": payload}})

    def mark(self, name: str) -> str:
        """Ask for a `mark` of this name when the audio sent so far was played."""
        return compact({"event": "mark", "streamSid": self.stream_id, "mark": {"name": name}})

    def clear(self) -> str:
        """Throw away what is buffered and not yet played."""
        return compact({"event": "clear", "streamSid": self.stream_id})


def _start(start: Fields, stream_id: str) -> Start:
    audio = get_object(start, "mediaFormat")
    spoken = (get_text(audio, "encoding"), get_number(audio, "sampleRate")) == ("audio/x-mulaw", 8000)
    return Start(
        stream_id=stream_id,
        call_id=get_text(start, "callSid"),
        account_id=get_text(start, "accountSid"),
        parameters=get_texts(start, "customParameters"),
        audio=WireAudio() if spoken else None,
    )
