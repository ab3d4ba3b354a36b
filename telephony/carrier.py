"""What every carrier does for us, whichever it is: the interface between one folder per carrier and everything else.

A carrier's folder holds a codec (messages of a media socket <-> events, pure), a signature check, the documents that
answer its webhooks, and call control over its REST interface. `Carrier` brings them together. The door
(`service/api/carriers.py`), the accepting of sockets (`telephony/accept.py`) and the leg (`telephony/media_leg.py`)
know these names and no carrier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from telephony.leg import IncomingCall

MAX_MESSAGE = 64 * 1024
"""Longest message of a media socket, in bytes or characters; a longer one closes the socket with 1009."""

TOKEN_PARAMETER = "t"
"""Name of the stream parameter that carries the single-use token."""

Wire = str | bytes
"""One websocket message: text or binary."""


class Encoding(StrEnum):
    """How samples travel."""

    MULAW = "mulaw"
    L16 = "l16"
    """Little-endian signed 16-bit samples."""


@dataclass(frozen=True, slots=True)
class WireAudio:
    """The audio of a media socket, the same both ways.

    Attributes:
        encoding: how samples travel.
        rate_hz: 8000 or 16000.
        chunk_ms: how much we send in one message; a multiple of 10.
    """

    encoding: Encoding = Encoding.MULAW
    rate_hz: int = 8000
    chunk_ms: int = 40


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
    OTHER_STREAM = "other_stream"
    REPEATED_START = "repeated_start"
    BEFORE_START = "before_start"


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket is up; some carriers say so before `Start`."""

    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """The stream begins.

    Attributes:
        stream_id: the carrier's id of the stream.
        call_id: the carrier's id of the call; '' where only the token says which call it is.
        account_id: the carrier's account; '' where it names none.
        parameters: what our answer document gave the stream to bring along, the token among it.
        audio: how the samples travel; None where the carrier wants something that we do not speak.
        rings: the call itself, from a carrier that has no webhook before its stream.
        says_stop: whether a hang-up is told by a `Stop`; else the carrier just closes the socket.
        lost_after_s: seconds without any message after which the line counts as lost; most carriers send 50 a second.
    """

    stream_id: str
    call_id: str
    account_id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    audio: WireAudio | None = WireAudio()
    rings: IncomingCall | None = None
    says_stop: bool = True
    lost_after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Media:
    """A piece of the caller's audio in the stream's encoding.

    Attributes:
        audio: 1 byte per sample for mu-law, 2 for L16 (an even number).
        chunk: its place in the stream from a carrier that does not promise to deliver in order; None from others.
    """

    audio: bytes
    chunk: int | None = None


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key: one of 0-9 * #."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The audio before our mark of this name was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The carrier threw away what was not played yet: we asked for it, or it lost it."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The carrier wants to know whether we are there, without a call; `CarrierCodec.reply` has the answer."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The carrier sends no audio for a while and plays none (hold, a secret being typed)."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Audio flows again."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream ends: the caller hung up or the call was redirected."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that says nothing to us; `detail` is bounded and holds nothing personal."""

    reason: IgnoredReason
    detail: str = ""


LineEvent = Connected | Start | Media | Dtmf | Mark | Cleared | Ping | Paused | Resumed | Stop | Ignored


class CarrierCodec(Protocol):
    """The messages of one media socket, both ways.

    One object per socket: it remembers what the protocol makes it remember (the stream's id, sequence numbers) and
    nothing else. No clock, no socket. Nothing that arrives makes it raise, and no input takes it more than 100 ms.
    """

    def parse(self, data: object) -> LineEvent:
        """The event of one message (text or bytes; anything else is ignored). Never raises."""
        ...

    def reply(self, event: LineEvent) -> Wire | None:
        """What the protocol wants sent back at once for an event (a pong, 'opened'); None for nothing.

        For `Start` it is asked only once the stream was let in.
        """
        ...

    def audio(self, data: bytes) -> Wire | None:
        """Audio for the caller in the stream's encoding, played in order after what the carrier has buffered.

        None while the carrier's buffer is full and takes no more.
        """
        ...

    def mark(self, name: str) -> Wire | None:
        """Ask for a `Mark` when the audio sent so far was played.

        None where the protocol has no marks: the leg then reckons by the clock when the audio was played.
        """
        ...

    def clear(self) -> Wire | None:
        """Throw away what is buffered and not yet played; None where the protocol cannot."""
        ...

    def goodbye(self, *, hand_off: bool) -> Wire | None:
        """Our last message before we close the socket; None where closing says it all.

        Args:
            hand_off: the caller goes on to a human (True) or the call is over (False).
        """
        ...


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What a carrier sent over HTTP: a webhook or the handshake of a socket. Nothing in it is trusted.

    Attributes:
        method: 'GET' or 'POST'.
        path: as it arrived, with its leading slash.
        query: without the question mark, '' for none.
        headers: names in lower case; the last one wins where a name is repeated.
        body: b'' for a handshake.
        now_s: wall clock in seconds since 1970, for signatures with a time window.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    now_s: float


class LineStatus(StrEnum):
    """Where the carrier says a call is; it only moves forward."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Whether nothing comes after it."""
        return self.rank == 3

    @property
    def rank(self) -> int:
        """Its place on the way forward; the ends share one place, and the first end told stands."""
        return {"queued": 0, "ringing": 1, "in-progress": 2}.get(self.value, 3)


@dataclass(frozen=True, slots=True)
class Rings:
    """A call rings; the answer is a document."""

    call: IncomingCall


@dataclass(frozen=True, slots=True)
class StreamOver:
    """The media stream of a call has ended and the carrier asks what comes next; the answer is a document."""

    call_id: str


@dataclass(frozen=True, slots=True)
class CallTold:
    """The carrier tells where a call is.

    Attributes:
        call_id: the carrier's id.
        status: where it is.
        order: later news have higher numbers; None where the carrier numbers nothing.
        key: the same for every delivery of the same news.
    """

    call_id: str
    status: LineStatus
    order: int | None
    key: str


@dataclass(frozen=True, slots=True)
class StreamTold:
    """The carrier tells how a media stream fares.

    Attributes:
        call_id: the carrier's id.
        error: what went wrong; '' for plain news.
        key: the same for every delivery of the same news.
    """

    call_id: str
    error: str
    key: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Genuine, but not something that we understand."""

    reason: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a webhook is answered with."""

    text: str
    media_type: str = "application/xml"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Asks:
    """The carrier asks for something that it alone knows about, such as what a caller in a queue should hear."""

    answer: Document


News = Rings | StreamOver | CallTold | StreamTold | Asks | Unclear


class Taken(StrEnum):
    """What became of something that we asked a carrier to do."""

    DONE = "done"
    GONE = "gone"
    """The call was over already."""
    FAILED = "failed"


class CallControl(Protocol):
    """What we ask of a carrier while a call runs, over its REST interface; one for the whole process."""

    async def hang_up(self, call_id: str) -> Taken:
        """End the call at the carrier; a failure is logged, never raised."""
        ...

    async def transfer(self, call_id: str, words: str) -> Taken:
        """Send the caller to a human, which ends the stream.

        Mark the call as being transferred before you ask: the stream stops while the answer is on its way.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Carrier(Protocol):
    """One carrier, set up for this installation."""

    @property
    def name(self) -> str:
        """Its place in our paths (`/v1/<name>/...`), records and metrics."""
        ...

    @property
    def webhooks(self) -> Mapping[str, frozenset[str]]:
        """The paths below `/v1/<name>/` that it calls, each with its HTTP methods."""
        ...

    @property
    def control(self) -> CallControl | None:
        """Call control; None without an account."""
        ...

    def is_genuine(self, request: WebRequest) -> bool:
        """Whether a webhook really comes from the carrier. Never raises."""
        ...

    def is_genuine_socket(self, request: WebRequest) -> bool:
        """Whether the handshake of a media socket may come from the carrier, before it is accepted. Never raises.

        True where the carrier proves nothing at this point; then the token in the start has to.
        """
        ...

    @property
    def signs_sockets(self) -> bool:
        """Whether `is_genuine_socket` proves who is there; else sockets without a start are few per source."""
        ...

    def read(self, request: WebRequest) -> News:
        """What a genuine webhook tells. Never raises."""
        ...

    def codec(self) -> CarrierCodec:
        """The codec of a fresh socket."""
        ...

    def answer(self, call: IncomingCall, call_id: str, token: str) -> Document:
        """Stream the call to us; if that cannot be had, send it to a human (where the carrier can).

        Args:
            call: as it rang.
            call_id: our id, the name of the stream in the carrier's logs.
            token: single-use token for the stream.
        """
        ...

    def to_human(self, words: str = "") -> Document:
        """Send the caller to a human: refused for load, or after the agent left the call.

        Args:
            words: said on the way there; '' for the usual ones.
        """
        ...

    def refuse(self, words: str) -> Document:
        """Say why the call is not taken and hang up; for numbers that nobody answers."""
        ...

    def hang_up(self) -> Document:
        """End the call: the conversation came to its end."""
        ...

    def acknowledge(self) -> Document:
        """The answer to news that need no document."""
        ...
