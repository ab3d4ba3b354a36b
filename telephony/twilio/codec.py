"""Twilio Media Streams messages <-> typed events. Pure, and `parse` never raises, whatever a socket delivers.

Protocol: https://www.twilio.com/docs/voice/media-streams/websocket-messages. Twilio is the websocket client; every
message is JSON in a text frame; `sequenceNumber`, `chunk` and `timestamp` are strings.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_TEXT = 64 * 1024
"""Longest message in characters."""

MAX_AUDIO = 8000
"""Most mu-law bytes in one message: a second of audio (Twilio sends 160)."""

_MAX_NAME = 512
_MAX_OPENINGS = 64
"""Most opening brackets in a message: it bounds the nesting before the JSON parser sees it; `start` has three."""


class IgnoredReason(StrEnum):
    """Why a message was left aside; the values are metric labels."""

    BINARY = "binary"
    TOO_BIG = "too_big"
    TOO_DEEP = "too_deep"
    TOO_MANY = "too_many"
    NOT_JSON = "not_json"
    UNKNOWN_EVENT = "unknown_event"
    BAD_FIELD = "bad_field"
    BAD_AUDIO = "bad_audio"
    OTHER_TRACK = "other_track"


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket is up; the first message of a stream."""

    protocol: str


@dataclass(frozen=True, slots=True)
class Start:
    """The stream begins.

    Attributes:
        stream_id: Twilio's StreamSid.
        call_id: Twilio's CallSid.
        account_id: Twilio's AccountSid.
        parameters: the `<Parameter>`s of the answer document.
        encoding: 'audio/x-mulaw'.
        rate_hz: 8000.
    """

    stream_id: str
    call_id: str
    account_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "audio/x-mulaw"
    rate_hz: int = 8000


@dataclass(frozen=True, slots=True)
class Media:
    """A piece of the caller's audio as mu-law bytes at 8 kHz."""

    ulaw: bytes


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key: one of 0-9 * #."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The audio before our mark of this name was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream ends: the caller hung up or the call was redirected."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that says nothing to us; `detail` is bounded and holds nothing personal."""

    reason: IgnoredReason
    detail: str = ""


TwilioEvent = Connected | Start | Media | Dtmf | Mark | Stop | Ignored


class _BadField(Exception):
    """A field of a message is missing or of the wrong type; the message names it."""


def parse(data: object) -> TwilioEvent:
    """The event of one websocket message."""
    if not isinstance(data, str):
        return Ignored(IgnoredReason.BINARY)
    if len(data) > MAX_TEXT:
        return Ignored(IgnoredReason.TOO_BIG, f"{len(data)} characters")
    if data.count("{") + data.count("[") > _MAX_OPENINGS:
        return Ignored(IgnoredReason.TOO_DEEP)
    try:
        message = json.loads(data)
    except ValueError:
        return Ignored(IgnoredReason.NOT_JSON)
    if not isinstance(message, dict):
        return Ignored(IgnoredReason.NOT_JSON, "not an object")
    try:
        return _event(message)
    except _BadField as bad:
        return Ignored(IgnoredReason.BAD_FIELD, str(bad))


def _event(message: dict[str, object]) -> TwilioEvent:
    match message.get("event"):
        case "media":
            return _media(_object(message, "media"))
        case "mark":
            return Mark(_name(_object(message, "mark"), "name"))
        case "dtmf":
            digit = _name(_object(message, "dtmf"), "digit")
            return Dtmf(digit) if digit in set("0123456789*#") else Ignored(IgnoredReason.BAD_FIELD, "digit")
        case "start":
            return _start(_object(message, "start"), _name(message, "streamSid"))
        case "stop":
            return Stop()
        case "connected":
            return Connected(_name(message, "protocol"))
        case _:
            return Ignored(IgnoredReason.UNKNOWN_EVENT)


def _media(media: dict[str, object]) -> Media | Ignored:
    if media.get("track", "inbound") != "inbound":
        return Ignored(IgnoredReason.OTHER_TRACK)
    payload = media.get("payload")
    if not isinstance(payload, str):
        raise _BadField("payload")
    try:
        ulaw = base64.b64decode(payload, validate=True)
    except ValueError:
        return Ignored(IgnoredReason.BAD_AUDIO, "not base64")
    if not 0 < len(ulaw) <= MAX_AUDIO:
        return Ignored(IgnoredReason.BAD_AUDIO, f"{len(ulaw)} bytes")
    return Media(ulaw)


def _start(start: dict[str, object], stream_id: str) -> Start:
    audio = _object(start, "mediaFormat")
    rate_hz = audio.get("sampleRate")
    if not isinstance(rate_hz, int):
        raise _BadField("sampleRate")
    parameters = start.get("customParameters") or {}
    if not isinstance(parameters, dict):
        raise _BadField("customParameters")
    return Start(
        stream_id=stream_id,
        call_id=_name(start, "callSid"),
        account_id=_name(start, "accountSid"),
        parameters={name: value for name, value in parameters.items() if isinstance(value, str)},
        encoding=_name(audio, "encoding"),
        rate_hz=rate_hz,
    )


def _object(holder: dict[str, object], name: str) -> dict[str, object]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise _BadField(name)
    return value


def _name(holder: dict[str, object], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        raise _BadField(name)
    return value


def media(stream_id: str, ulaw: bytes) -> str:
    """Audio for the caller: mu-law at 8 kHz, played in order after what Twilio has buffered."""
    payload = base64.b64encode(ulaw).decode()
    return json.dumps({"event": "media", "streamSid": stream_id, "media": {"payload": payload}})


def mark(stream_id: str, name: str) -> str:
    """Ask for a `mark` of this name when the audio sent so far was played."""
    return json.dumps({"event": "mark", "streamSid": stream_id, "mark": {"name": name}})


def clear(stream_id: str) -> str:
    """Throw away what is buffered and not yet played."""
    return json.dumps({"event": "clear", "streamSid": stream_id})
