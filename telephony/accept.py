"""The door of a media socket: nobody gets past it without a valid, unused token or a proof of the carrier's own."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketState

from telephony.carrier import (
    MAX_MESSAGE,
    TOKEN_PARAMETER,
    CarrierCodec,
    Connected,
    Ignored,
    IgnoredReason,
    Ping,
    Start,
    Stop,
)
from telephony.tokens import TokenBook

log = logging.getLogger(__name__)

NO_TOKEN = 1008
TOO_BIG = 1009
PROTOCOL = 1002
TOO_MANY = 1013
_MAX_MESSAGES = 4
"""Messages before a valid start: carriers send one, and a few where they only try the connection."""


def stream_purpose(carrier: str) -> str:
    """Purpose of the tokens that let a carrier's streams in; their subject is our call id."""
    return f"{carrier}-stream"


@dataclass(frozen=True, slots=True)
class AcceptedStream:
    """A stream that may speak for a call.

    Attributes:
        call_id: our id of the call, from the token; None where the stream itself rings (`start.rings`).
        start: what the stream said of itself; its call still has to be the one of our call id.
    """

    call_id: str | None
    start: Start


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: int
    reason: str


class Waiting:
    """Counts the sockets of each source that have proved nothing yet."""

    def __init__(self, most: int = 10) -> None:
        """Allow so many per source."""
        self._most = most
        self._of: Counter[str] = Counter()

    @contextmanager
    def one_of(self, source: str) -> Iterator[bool]:
        """While the block runs one more of `source` waits; False where that is too many."""
        if self._of[source] >= self._most:
            yield False
            return
        self._of[source] += 1
        try:
            yield True
        finally:
            self._of[source] -= 1
            if not self._of[source]:
                del self._of[source]


async def accept_stream(
    websocket: WebSocket,
    codec: CarrierCodec,
    tokens: TokenBook,
    *,
    purpose: str,
    token: str = "",
    proven: bool = False,
    deadline_s: float = 5.0,
) -> AcceptedStream | None:
    """Accept the socket and wait for a valid start; a socket without one is closed and None is returned.

    Close codes: 1008 no valid token in time, 1009 too big, 1002 not the protocol.

    Args:
        websocket: fresh or already accepted.
        codec: the socket's codec.
        tokens: the book that issued the token of the answer document.
        purpose: `stream_purpose` of the carrier.
        token: the token where the socket's path carried it.
        proven: the handshake proved who is there, so that a start may ring by itself.
        deadline_s: longest wait for the start.
    """
    try:
        async with asyncio.timeout(deadline_s):
            if websocket.client_state is WebSocketState.CONNECTING:
                await websocket.accept()
            verdict = await _until_start(websocket, codec)
    except TimeoutError:
        verdict = _Refusal(NO_TOKEN, "no start in time")
    accepted = _weigh(verdict, tokens, purpose, token, proven) if isinstance(verdict, Start) else verdict
    if isinstance(accepted, _Refusal):
        log.warning("A media stream was refused", extra={"code": accepted.code, "reason": accepted.reason})
        await websocket.close(accepted.code, accepted.reason)
        return None
    return accepted


async def _until_start(websocket: WebSocket, codec: CarrierCodec) -> Start | _Refusal | None:
    """The start among the first messages; None where the other side left."""
    for _ in range(_MAX_MESSAGES):
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return None
        data = received.get("bytes")
        if len(data or b"") > MAX_MESSAGE:
            return _Refusal(TOO_BIG, "message too big")
        event = codec.parse(received.get("text") if data is None else data)
        match event:
            case Connected():
                continue
            case Ping() | Stop():  # a carrier that tries the connection, without a call
                reply = codec.reply(event)
                if isinstance(reply, str):
                    await websocket.send_text(reply)
                if reply is None:
                    break
            case Start() as start:
                return start
            case Ignored(IgnoredReason.TOO_BIG):
                return _Refusal(TOO_BIG, "message too big")
            case _:
                return _Refusal(PROTOCOL, "expected the start of a stream")
    return _Refusal(PROTOCOL, "expected the start of a stream")


def _weigh(start: Start, tokens: TokenBook, purpose: str, token: str, proven: bool) -> AcceptedStream | _Refusal:
    if start.audio is None:
        return _Refusal(PROTOCOL, "the stream's audio is not spoken here")
    if proven and start.rings is not None:
        return AcceptedStream(None, start)
    call_id = tokens.redeem(start.parameters.get(TOKEN_PARAMETER, token), purpose)
    return _Refusal(NO_TOKEN, "no valid token") if call_id is None else AcceptedStream(call_id, start)
