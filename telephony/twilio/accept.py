"""The door of the media socket: nobody gets past it without a valid, unused token."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketState

from telephony.tokens import TokenBook
from telephony.twilio import codec
from telephony.twilio.codec import Connected, Ignored, IgnoredReason, Start
from telephony.twilio.twiml import TOKEN_PARAMETER

log = logging.getLogger(__name__)

STREAM_PURPOSE = "twilio-stream"
"""Purpose of the tokens that let a stream in; their subject is our call id."""

_NO_TOKEN = 1008
_TOO_BIG = 1009
_PROTOCOL = 1002
_MAX_MESSAGES = 4
"""Messages before a valid `start`: Twilio sends one."""


@dataclass(frozen=True, slots=True)
class AcceptedStream:
    """A stream that may speak for a call.

    Attributes:
        call_id: our id of the call, from the token.
        start: what the stream said of itself; its CallSid still has to be the call's.
    """

    call_id: str
    start: Start


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: int
    reason: str


async def accept_stream(websocket: WebSocket, tokens: TokenBook, *, deadline_s: float = 5.0) -> AcceptedStream | None:
    """Accept the socket and wait for a valid `start`; a socket without one is closed and None is returned.

    Close codes: 1008 no valid token in time, 1009 too big, 1002 not the protocol.

    Args:
        websocket: fresh or already accepted.
        tokens: the book that issued the token of the answer document, for STREAM_PURPOSE.
        deadline_s: longest wait for the `start`.
    """
    try:
        async with asyncio.timeout(deadline_s):
            if websocket.client_state is WebSocketState.CONNECTING:
                await websocket.accept()
            verdict = await _until_start(websocket, tokens)
    except TimeoutError:
        verdict = _Refusal(_NO_TOKEN, "no start in time")
    if isinstance(verdict, _Refusal):
        log.warning("A media stream was refused", extra={"code": verdict.code, "reason": verdict.reason})
        await websocket.close(verdict.code, verdict.reason)
        return None
    return verdict


async def _until_start(websocket: WebSocket, tokens: TokenBook) -> AcceptedStream | _Refusal | None:
    """The verdict on the first messages; None where the other side left."""
    for _ in range(_MAX_MESSAGES):
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return None
        if len(received.get("bytes") or b"") > codec.MAX_TEXT:
            return _Refusal(_TOO_BIG, "message too big")
        match codec.parse(received.get("text")):
            case Connected():
                continue
            case Start() as start:
                return _weigh(start, tokens)
            case Ignored(IgnoredReason.TOO_BIG):
                return _Refusal(_TOO_BIG, "message too big")
            case _:
                return _Refusal(_PROTOCOL, "expected connected and start")
    return _Refusal(_PROTOCOL, "expected start")


def _weigh(start: Start, tokens: TokenBook) -> AcceptedStream | _Refusal:
    if (start.encoding, start.rate_hz) != ("audio/x-mulaw", 8000):
        return _Refusal(_PROTOCOL, "expected audio/x-mulaw at 8000 Hz")
    call_id = tokens.redeem(start.parameters.get(TOKEN_PARAMETER, ""), STREAM_PURPOSE)
    if call_id is None:
        return _Refusal(_NO_TOKEN, "no valid token")
    return AcceptedStream(call_id, start)
