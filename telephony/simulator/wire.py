"""Media Streams messages as the carrier writes and reads them. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Play:
    """The service sends audio."""

    ulaw: bytes


@dataclass(frozen=True, slots=True)
class MarkAsked:
    """The service wants to know when the audio so far was played."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearAsked:
    """The service takes back what was not played."""


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Not a message that the carrier knows."""

    text: str


def read(text: object) -> Play | MarkAsked | ClearAsked | Nonsense:
    """One message of the service; the ids are not checked."""
    try:
        match json.loads(text) if isinstance(text, str) else None:
            case {"event": "media", "streamSid": str(), "media": {"payload": str(payload)}}:
                return Play(base64.b64decode(payload, validate=True))
            case {"event": "mark", "streamSid": str(), "mark": {"name": str(name)}}:
                return MarkAsked(name)
            case {"event": "clear", "streamSid": str()}:
                return ClearAsked()
    except ValueError:
        pass
    return Nonsense(str(text)[:200])


class StreamWriter:
    """Writes the carrier's messages of one stream, numbered."""

    def __init__(self, stream_id: str, call_id: str, account_id: str) -> None:
        """Nothing written yet."""
        self._stream = stream_id
        self._call = call_id
        self._account = account_id
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        """The first message."""
        return '{"event":"connected","protocol":"Call","version":"1.0.0"}'

    def start(self, parameters: Mapping[str, str]) -> str:
        """The second message."""
        body = {
            "accountSid": self._account,
            "streamSid": self._stream,
            "callSid": self._call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._numbered("start", "start", body)

    def media(self, ulaw: bytes) -> str:
        """20 ms of the caller."""
        self._sequence += 1
        self._chunk += 1
        payload = base64.b64encode(ulaw).decode()
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","streamSid":"{self._stream}","media":{{'
            f'"track":"inbound","chunk":"{self._chunk}","timestamp":"{self._chunk * 20}","payload":"{payload}"}}}}'
        )

    def dtmf(self, digit: str) -> str:
        """A key."""
        return self._numbered("dtmf", "dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        """A mark comes back."""
        return self._numbered("mark", "mark", {"name": name})

    def stop(self) -> str:
        """The last message."""
        return self._numbered("stop", "stop", {"accountSid": self._account, "callSid": self._call})

    def _numbered(self, event: str, key: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        return json.dumps(
            {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self._stream, key: body},
            separators=(",", ":"),
        )
