"""Genesys AudioHook messages <-> events, with the answers that the protocol wants. Pure, and `parse` never raises.

Protocol: https://developer.genesys.cloud/devapps/audiohook/session-walkthrough. Audio is binary mu-law; text messages
are JSON with `seq`, and `serverseq` for the last of ours that the client has seen; ours carry `clientseq` likewise.
"""

from __future__ import annotations

from telephony.bounded_json import (
    BadField,
    Fields,
    get_digit,
    get_number,
    get_object,
    get_text,
    get_texts,
    read_audio,
)
from telephony.carrier import (
    MAX_MESSAGE,
    Dtmf,
    Ignored,
    IgnoredReason,
    LineEvent,
    Paused,
    Ping,
    Resumed,
    Start,
    Stop,
    WireAudio,
)
from telephony.json_codec import JsonCodec, compact
from telephony.leg import IncomingCall

NAME = "genesys"
CHUNK_MS = 200
"""AudioHook counts messages: longer pieces keep us below its limit."""

_TRY_OUT = "00000000-0000-0000-0000-000000000000"
"""The conversation id of a connection that is only being tried."""


class GenesysCodec(JsonCodec):
    """One stream; a `telephony.carrier.CarrierCodec`."""

    STREAM_FIELD = "id"

    def __init__(self) -> None:
        """Nothing said yet on either side."""
        super().__init__()
        self._client_seq = 0
        self._server_seq = 0
        self._asked = ""
        self._media: Fields = {}
        self._hears_two = False

    def parse(self, data: object) -> LineEvent:
        """The event of one message. Never raises."""
        if not isinstance(data, bytes):
            return super().parse(data)
        if len(data) > MAX_MESSAGE:
            return Ignored(IgnoredReason.TOO_BIG, f"{len(data)} bytes")
        if not self.stream_id:
            return Ignored(IgnoredReason.BEFORE_START)
        return read_audio(data[::2] if self._hears_two else data, self._audio)

    def _event(self, message: Fields) -> LineEvent:
        kind = get_text(message, "type")
        self._client_seq = max(self._client_seq, get_number(message, "seq"))
        self._asked = kind
        return self._of_kind(kind, message)

    def _of_kind(self, kind: str, message: Fields) -> LineEvent:
        match kind:
            case "open":
                return self._open(message)
            case "ping":
                return Ping()
            case "close":
                return Stop()
            case "dtmf":
                return Dtmf(get_digit(get_object(message, "parameters"), "digit"))
            case "paused":
                return Paused()
            case "resumed" | "discarded":  # what was discarded is the caller's own audio, never sent to us
                return Resumed()
            case _:
                return Ignored(IgnoredReason.UNKNOWN_EVENT)

    def _open(self, message: Fields) -> Start | Ping | Ignored:
        if self.stream_id:
            return Ignored(IgnoredReason.REPEATED_START)
        said = get_object(message, "parameters")
        call_id = get_text(said, "conversationId")
        media, self._hears_two = _chosen(said.get("media"))
        self._media = media or {}
        if call_id == _TRY_OUT:
            self.stream_id = get_text(message, "id")
            return Ping()
        caller = get_object(said, "participant")
        numbers = _number(caller, "ani"), _number(caller, "dnis")
        return Start(
            stream_id=get_text(message, "id"),
            call_id=call_id,
            account_id=get_text(said, "organizationId"),
            parameters=get_texts(said, "inputVariables"),
            audio=None if media is None else WireAudio(chunk_ms=CHUNK_MS),
            rings=IncomingCall(NAME, call_id, *numbers),
        )

    def reply(self, event: LineEvent) -> str | None:
        """opened, pong, closed."""
        match event, self._asked:
            case (Start() | Ping(), "open"):
                return self._say("opened", {"startPaused": False, "media": [self._media] if self._media else []})
            case (Ping(), "ping"):
                return self._say("pong", {})
            case (Stop(), "close"):
                return self._say("closed", {})
            case _:
                return None

    def audio(self, data: bytes) -> bytes:
        """Mu-law, played in order."""
        return data

    def mark(self, name: str) -> None:
        """The protocol has no marks."""
        return None

    def clear(self) -> str:
        """The caller cuts in: the client throws away what it has not played."""
        return self._say("event", {"entities": [{"type": "barge_in", "data": {}}]})

    def goodbye(self, *, hand_off: bool) -> str:
        """Give the call back to the flow, which reads in `attune_next` where to."""
        following = {"attune_next": "human" if hand_off else "end"}
        return self._say("disconnect", {"reason": "completed", "outputVariables": following})

    def _say(self, kind: str, parameters: dict[str, object]) -> str:
        self._server_seq += 1
        return compact(
            {
                "version": "2",
                "type": kind,
                "seq": self._server_seq,
                "clientseq": self._client_seq,
                "id": self.stream_id,
                "parameters": parameters,
            }
        )


def _chosen(offered: object) -> tuple[Fields | None, bool]:
    """The media that we take of those that are offered, and whether the caller is one of two channels in it.

    Raises:
        BadField: what is offered is not a list.
    """
    if not isinstance(offered, list):
        raise BadField("media")
    for channels in (["external"], ["external", "internal"]):
        for media in offered:
            if not isinstance(media, dict):
                continue
            spoken = (media.get("type"), media.get("format"), media.get("rate")) == ("audio", "PCMU", 8000)
            if spoken and media.get("channels") == channels:
                return {"type": "audio", "format": "PCMU", "channels": channels, "rate": 8000}, len(channels) == 2
    return None, False


def _number(caller: Fields, name: str) -> str:
    """A telephone number in E.164 where it is one: `tel:+1-555-0100` and the like are unwrapped."""
    text = caller.get(name)
    if not isinstance(text, str) or len(text) > 128:
        return ""
    bare = text.removeprefix("tel:").removeprefix("sip:").partition("@")[0]
    digits = "".join(sign for sign in bare if sign.isascii() and sign.isdigit())
    return f"+{digits}" if digits and bare.startswith("+") else digits
