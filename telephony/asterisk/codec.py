"""Asterisk's `chan_websocket` <-> typed events. Pure, and `parse` never raises, whatever a socket delivers.

Asterisk is the websocket client (`Dial(WebSocket/attune/c(ulaw)f(json),,g)`). Audio travels in binary messages without
any framing, control in JSON text messages: `event` towards us, `command` towards Asterisk. Since Asterisk 22.8, 23.2
and 20.18: https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/
What is not written there was seen on the wire of 22.10.1: `connection_id` is the name of the client and not of the
call; of the dialplan's variables only those set as `__NAME` arrive, under that name; marks that a flush drops are never
reported; a flush empties the queue at once.
"""

from __future__ import annotations

from telephony.bounded_json import BadField, Fields, get_digit, get_text, get_texts, read_audio, read_object
from telephony.carrier import (
    TOKEN_PARAMETER,
    Dtmf,
    Encoding,
    Ignored,
    IgnoredReason,
    LineEvent,
    Mark,
    Start,
    Wire,
    WireAudio,
)
from telephony.json_codec import compact
from telephony.leg import IncomingCall

NAME = "asterisk"

LOST_AFTER_S = 60.0
"""A caller's telephone may suppress silence and send nothing for long; Asterisk sends nothing then either.

A dead Asterisk is found sooner by the websocket's own pings, a dead caller by `rtp_timeout` of the trunk.
"""

_FORMATS = {
    "ulaw": WireAudio(),
    "slin16": WireAudio(Encoding.L16, 16_000),
    "slin": WireAudio(Encoding.L16, 8000),
}
"""Asterisk's names of what we speak; `slin` is signed 16-bit in the machine's byte order, little-endian on ours."""

_QUIET_NEWS = frozenset({"MEDIA_BUFFERING_COMPLETED", "QUEUE_DRAINED", "STATUS"})

_NUMBER = frozenset("+0123456789")
_LONGEST_NUMBER = 32
_LONGEST_ID = 150


class AsteriskCodec:
    """The messages of one media socket."""

    def __init__(self) -> None:
        """Nothing has started."""
        self.channel_id = ""
        self._audio = WireAudio()
        self._is_full = False

    def parse(self, data: object) -> LineEvent:
        """The event of one message. Never raises."""
        if isinstance(data, bytes):
            return read_audio(data, self._audio) if self.channel_id else Ignored(IgnoredReason.BEFORE_START)
        message = read_object(data)
        if isinstance(message, Ignored):
            return message
        try:
            return self._event(message)
        except BadField as bad:
            return Ignored(IgnoredReason.BAD_FIELD, str(bad))

    def _event(self, message: Fields) -> LineEvent:
        event = message.get("event")
        if event == "MEDIA_START":
            return self._start(message)
        if not self.channel_id:
            return Ignored(IgnoredReason.BEFORE_START)
        if message.get("channel_id", self.channel_id) != self.channel_id:
            return Ignored(IgnoredReason.OTHER_STREAM)
        match event:
            case "DTMF_END":
                return Dtmf(get_digit(message, "digit"))
            case "MEDIA_MARK_PROCESSED":
                return Mark(get_text(message, "correlation_id"))
            case "MEDIA_XOFF":
                self._is_full = True
                return Ignored(IgnoredReason.TOO_MANY, "Asterisk's queue is full")
            case "MEDIA_XON":
                self._is_full = False
                return Ignored(IgnoredReason.UNKNOWN_EVENT, "Asterisk's queue is free again")
            case "ERROR":
                return Ignored(IgnoredReason.UNKNOWN_EVENT, "Asterisk did not understand us")
            case str() if event in _QUIET_NEWS:
                return Ignored(IgnoredReason.UNKNOWN_EVENT, event)
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def _start(self, message: Fields) -> Start | Ignored:
        if self.channel_id:
            return Ignored(IgnoredReason.REPEATED_START)
        channel_id = get_text(message, "channel_id")
        if not channel_id:
            raise BadField("channel_id")
        variables = {name.lstrip("_"): value for name, value in get_texts(message, "channel_variables").items()}
        audio = _FORMATS.get(get_text(message, "format"))
        call_id = variables.get("ATTUNE_CALL", "")[:_LONGEST_ID] or channel_id
        token = variables.get("ATTUNE_TOKEN", "")
        rings = IncomingCall(
            NAME, call_id, _number(variables.get("ATTUNE_FROM", "")), _number(variables.get("ATTUNE_TO", ""))
        )
        self.channel_id = channel_id
        self._audio = audio or self._audio
        return Start(
            stream_id=channel_id,
            call_id=call_id,
            parameters={TOKEN_PARAMETER: token} if token else {},
            audio=audio,
            rings=None if token else rings,
            lost_after_s=LOST_AFTER_S,
            says_stop=False,
        )

    def reply(self, event: LineEvent) -> Wire | None:
        """Nothing is sent back."""
        return None

    def audio(self, data: bytes) -> Wire | None:
        """Audio for the caller: whole 20 ms frames, which Asterisk plays in order; none while its queue is full."""
        return None if self._is_full else data

    def mark(self, name: str) -> Wire:
        """Ask for a mark when the audio sent so far was played."""
        return compact({"command": "MARK_MEDIA", "correlation_id": name})

    def clear(self) -> Wire:
        """Throw away what is buffered and not yet played; the queue is empty then, whatever it said before."""
        self._is_full = False
        return compact({"command": "FLUSH_MEDIA"})

    def goodbye(self, *, hand_off: bool) -> Wire | None:
        """Hang the media channel up; to hand off, closing is enough. The dialplan then asks what is next."""
        return None if hand_off else compact({"command": "HANGUP"})


def _number(text: str) -> str:
    """A telephone number out of what a SIP header said; '' for anything else."""
    return text if len(text) <= _LONGEST_NUMBER and set(text) <= _NUMBER else ""
