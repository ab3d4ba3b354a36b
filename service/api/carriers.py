"""The carriers' doors: a call rings, its media arrives, news of it come, its stream has ended."""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from fastapi import APIRouter, HTTPException, Request, Response, WebSocket
from starlette.requests import HTTPConnection

from service.calls.admission import Admission, Admitted, Refusal, Refused
from service.calls.desk import Desk
from service.calls.line_book import LineBook
from service.calls.meters import CallMeters
from service.calls.resume import Resumption
from service.domain.calls import Outcome
from service.store.seen import Seen
from telephony.accept import NO_TOKEN, TOO_MANY, AcceptedStream, Waiting, accept_stream, stream_purpose
from telephony.carrier import (
    Asks,
    CallTold,
    Carrier,
    CarrierCodec,
    Document,
    News,
    Rings,
    StreamOver,
    StreamTold,
    Unclear,
    WebRequest,
)
from telephony.leg import IncomingCall
from telephony.media_leg import MediaLeg
from telephony.tokens import TokenBook
from telephony.webhooks import clean_number, is_id

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
OUTCOME_S = 5.0
"""How long a carrier may wait for what became of a call whose stream has just ended."""
OUTCOMES_KEPT = 1000
CLOSED = "All our lines are busy, and our team is not in right now. We are sorry. Please call again later. Goodbye."
"""Nobody is left waiting in a queue that nobody looks after."""
WORDS_FOR = {
    Refusal.UNKNOWN_NUMBER: "We are sorry, this number is not in service. Goodbye.",
    Refusal.FULL: "All our lines are busy. One moment please, I am connecting you to a colleague.",
    Refusal.UNAVAILABLE: "One moment please, I am connecting you to a colleague.",
    Refusal.STRAINED: "All our lines are busy. One moment please, I am connecting you to a colleague.",
    Refusal.DRAINING: "One moment please, I am connecting you to a colleague.",
}


@dataclass(frozen=True, slots=True)
class CarrierDoor:
    """What the carriers' doors need.

    Attributes:
        carriers: those that are set up.
        seen: webhooks that were taken already.
        longest_call_s: a call is ended after so many seconds.
        resumption: takes calls up again whose line or process was lost.
        waiting: sockets that have proved nothing yet.
        book: where the carriers say that their calls are.
        outcomes: what becomes of the calls whose media runs here, by carrier and its call id.
    """

    carriers: Sequence[Carrier]
    tokens: TokenBook
    admission: Admission
    desk: Desk
    meters: CallMeters
    seen: Seen
    longest_call_s: float
    resumption: Resumption
    waiting: Waiting = field(default_factory=Waiting)
    book: LineBook = field(default_factory=LineBook)
    outcomes: OrderedDict[tuple[str, str], asyncio.Future[Outcome]] = field(default_factory=OrderedDict)


def carriers_router(door: CarrierDoor) -> APIRouter:
    """Webhooks and media sockets of every carrier that is set up, each below `/v1/<carrier>`."""
    router = APIRouter()
    for carrier in door.carriers:
        line = _Line(door, carrier)
        prefix, tags = f"/v1/{carrier.name}", [carrier.name]
        for name, methods in carrier.webhooks.items():
            router.add_api_route(f"{prefix}/{name}", line.webhook, methods=sorted(methods), tags=list(tags))
        router.add_api_websocket_route(f"{prefix}/media", line.media)
        router.add_api_websocket_route(f"{prefix}/media/{{token}}", line.media)
    return router


class _Line:
    """The door of one carrier."""

    def __init__(self, door: CarrierDoor, carrier: Carrier) -> None:
        self._door = door
        self._carrier = carrier

    async def webhook(self, request: Request) -> Response:
        """A webhook that the carrier signed; 403 for any other, 413 for one that is too large."""
        asked = _asked(request, request.method, await _bounded_body(request))
        if not self._carrier.is_genuine(asked):
            self._door.meters.error(f"{self._carrier.name}_signature")
            raise HTTPException(403, "the signature does not match")
        document = await self._take(asked)
        return Response(document.text, document.status, media_type=document.media_type)

    async def _take(self, asked: WebRequest) -> Document:
        name = self._carrier.name
        news = _well_formed(self._carrier.read(asked))
        match news:
            case Rings(call):
                return await self._ring(call)
            case StreamOver(call_id):
                return await self._next(call_id)
            case CallTold():
                if await self._door.seen.is_first(news.key):
                    await self._told(news)
            case StreamTold(error=error, key=key):
                if error and await self._door.seen.is_first(key):
                    self._door.meters.error(f"{name}_stream")
                    log.warning("a carrier reports a stream error", extra={"carrier": name, "error": error})
            case Asks(answer):
                return answer
            case Unclear(reason):
                self._door.meters.error(f"{name}_unclear")
                log.warning("a webhook was not understood", extra={"carrier": name, "reason": reason})
            case never:
                assert_never(never)
        return self._carrier.acknowledge()

    async def _ring(self, call: IncomingCall) -> Document:
        """Answer a call with a stream, or send it to a human. The same call again gets the same answer and no more."""
        for missed in self._door.admission.overdue():
            await self._door.desk.missed(missed, "the stream never came")
        first = await self._door.seen.is_first(f"{self._carrier.name}:{call.carrier_call_id}:rings")
        verdict = await self._door.admission.weigh(call) if first else self._door.admission.waits(call)
        if isinstance(verdict, Admitted):
            call_id = verdict.start.call_id
            return self._carrier.answer(call, call_id, self._door.tokens.issue(self._purpose, call_id))
        if verdict is None:
            log.warning("a call rang again and was not answered again", extra={"carrier": self._carrier.name})
            return self._carrier.to_human()
        self._refused(verdict)
        if verdict.closed:
            return self._carrier.refuse(CLOSED)
        words = WORDS_FOR[verdict.reason]
        unknown = verdict.reason is Refusal.UNKNOWN_NUMBER
        return self._carrier.refuse(words) if unknown else self._carrier.to_human(words)

    def _refused(self, verdict: Refused) -> None:
        self._door.meters.refused(self._carrier.name)
        log.warning("a call was refused", extra={"reason": verdict.reason})

    async def _next(self, carrier_call_id: str) -> Document:
        """The stream is over: end the call, go on with it where it was lost, or send the caller on to a human."""
        became: Admitted | Outcome | None = None
        outcome = self._door.outcomes.get((self._carrier.name, carrier_call_id))
        if outcome is not None:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                became = await asyncio.wait_for(asyncio.shield(outcome), OUTCOME_S)
        if became in (None, Outcome.FAILED):
            became = await self._door.resumption.take_up(self._carrier.name, carrier_call_id)
        match became:
            case Admitted(start=start):
                log.warning("a call goes on after its line was lost", extra={"carrier": self._carrier.name})
                again = IncomingCall(start.carrier, start.carrier_call_id, start.from_number, start.to_number)
                token = self._door.tokens.issue(self._purpose, start.call_id)
                return self._carrier.answer(again, start.call_id, token)
            case Outcome.RESOLVED | Outcome.ABANDONED:
                return self._carrier.hang_up()
            case _:
                return self._carrier.to_human()

    async def _told(self, news: CallTold) -> None:
        """A call moved on at the carrier; one that is over before its media came is written down as abandoned."""
        if self._door.book.take(self._carrier.name, news) and news.status.is_over:
            missed = self._door.admission.forget(news.call_id)
            if missed is not None:
                await self._door.desk.missed(missed, f"the carrier says: {news.status}")

    async def media(self, websocket: WebSocket) -> None:
        """The media of an admitted call; anything else is closed with a reason."""
        if not self._carrier.is_genuine_socket(_asked(websocket, "GET", b"")):
            self._door.meters.error(f"{self._carrier.name}_handshake")
            await websocket.close(NO_TOKEN, "the signature does not match")
            return
        codec = self._carrier.codec()
        accepted = await self._accept(websocket, codec)
        call = None if accepted is None else await self._claim(accepted)
        if accepted is None or call is None:
            self._door.meters.error("media_refused")
            if accepted is not None:
                await _turn_away(websocket, codec)
            return
        await self._hold(websocket, codec, accepted, call)

    async def _accept(self, websocket: WebSocket, codec: CarrierCodec) -> AcceptedStream | None:
        proven = self._carrier.signs_sockets
        source = websocket.client.host if websocket.client and not proven else ""
        with self._door.waiting.one_of(source) if not proven else contextlib.nullcontext(True) as allowed:
            if not allowed:
                await websocket.close(TOO_MANY, "too many sockets without a start")
                return None
            return await accept_stream(
                websocket,
                codec,
                self._door.tokens,
                purpose=self._purpose,
                token=str(websocket.path_params.get("token", "")),
                proven=proven,
            )

    async def _claim(self, accepted: AcceptedStream) -> Admitted | None:
        """The call that the stream speaks for, live from here; None where there is none."""
        call_id, rings = accepted.call_id, accepted.start.rings
        if call_id is None and rings is not None:
            if not is_id(rings.carrier_call_id):
                return None
            if not await self._door.seen.is_first(f"{self._carrier.name}:{accepted.start.stream_id}:start"):
                return None
            verdict = await self._door.admission.weigh(_clean(rings))
            if isinstance(verdict, Refused):
                self._refused(verdict)
                return None
            call_id = verdict.start.call_id
        call = self._door.admission.claim(call_id or "")
        if call is not None and accepted.start.call_id not in ("", call.start.carrier_call_id):
            self._door.admission.release(call.start.call_id)
            await self._door.desk.missed(call, "the stream was another call's")
            return None
        return call

    async def _hold(self, websocket: WebSocket, codec: CarrierCodec, accepted: AcceptedStream, call: Admitted) -> None:
        outcomes, key = self._door.outcomes, (self._carrier.name, call.start.carrier_call_id)
        outcome = outcomes[key] = asyncio.get_running_loop().create_future()
        if len(outcomes) > OUTCOMES_KEPT:
            outcomes.popitem(last=False)
        try:
            leg = MediaLeg(
                websocket,
                codec,
                replace(accepted.start, call_id=call.start.carrier_call_id),
                self._carrier.control,
                on_ignored=lambda _: self._door.meters.ignored_message(),
                longest_s=self._door.longest_call_s,
            )
            opened = codec.reply(accepted.start)
            if opened is not None:
                await leg.send(opened)
            outcome.set_result(await self._door.desk.hold(call, leg))
        finally:
            self._door.admission.release(call.start.call_id)
            outcome.cancel()

    @property
    def _purpose(self) -> str:
        return stream_purpose(self._carrier.name)


def _well_formed(news: News) -> News:
    """News whose ids and numbers may be written down; a signature says who sent them, not that they make sense."""
    match news:
        case Rings(call):
            return Rings(_clean(call)) if is_id(call.carrier_call_id) else Unclear("not an id")
        case StreamOver(call_id) | CallTold(call_id) | StreamTold(call_id):
            return news if is_id(call_id) else Unclear("not an id")
        case _:
            return news


def _clean(call: IncomingCall) -> IncomingCall:
    return replace(call, from_number=clean_number(call.from_number), to_number=clean_number(call.to_number))


async def _turn_away(websocket: WebSocket, codec: CarrierCodec) -> None:
    """Close a socket whose call is not taken; the carrier sends the caller on to a human."""
    goodbye = codec.goodbye(hand_off=True)
    with contextlib.suppress(RuntimeError, OSError):
        if isinstance(goodbye, str):
            await websocket.send_text(goodbye)
        await websocket.close(NO_TOKEN, "no such call")


async def _bounded_body(request: Request) -> bytes:
    """The body of a request; 413 as soon as it grows too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, "the body is too large")
    return body


def _asked(connection: HTTPConnection, method: str, body: bytes) -> WebRequest:
    return WebRequest(
        method=method,
        path=connection.url.path,
        query=connection.url.query,
        headers={name.lower(): value for name, value in connection.headers.items()},
        body=body,
        now_s=time.time(),
    )
