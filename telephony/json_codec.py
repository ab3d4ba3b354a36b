"""What the codecs of carriers that speak JSON have in common. Pure; each carrier's folder has the words."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

from telephony.bounded_json import BadField, Fields, read_object
from telephony.carrier import Ignored, IgnoredReason, LineEvent, Start, Wire, WireAudio


class JsonCodec(ABC):
    """Bounds, one start per stream, and no message of another stream.

    A subclass names the field of the stream's id and reads one event from a message's fields.
    """

    STREAM_FIELD = "streamSid"
    """The field, at the top of a message, that says which stream it belongs to; '' where there is none."""

    def __init__(self) -> None:
        """Nothing has started."""
        self.stream_id = ""
        self._audio = WireAudio()

    def parse(self, data: object) -> LineEvent:
        """The event of one message. Never raises."""
        message = read_object(data)
        return message if isinstance(message, Ignored) else self._read(message)

    def _read(self, message: Fields) -> LineEvent:
        try:
            stream_id = message.get(self.STREAM_FIELD)
            if self.stream_id and isinstance(stream_id, str) and stream_id != self.stream_id:
                return Ignored(IgnoredReason.OTHER_STREAM)
            event = self._event(message)
        except BadField as bad:
            return Ignored(IgnoredReason.BAD_FIELD, str(bad))
        return self._started(event) if isinstance(event, Start) else event

    def _started(self, start: Start) -> Start | Ignored:
        if self.stream_id:
            return Ignored(IgnoredReason.REPEATED_START)
        self.stream_id = start.stream_id
        self._audio = start.audio or self._audio
        return start

    @abstractmethod
    def _event(self, message: Fields) -> LineEvent:
        """The event of a message.

        Raises:
            BadField: a field is missing or of the wrong type.
        """

    def reply(self, event: LineEvent) -> Wire | None:
        """Nothing is sent back."""
        return None

    def goodbye(self, *, hand_off: bool) -> Wire | None:
        """Closing the socket says it all."""
        return None


def compact(message: dict[str, object]) -> str:
    """One message as text."""
    return json.dumps(message, separators=(",", ":"))
