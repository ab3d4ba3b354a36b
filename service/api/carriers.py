"""Twilio's doors: the call rings, its media arrives, its stream has ended."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response, WebSocket

from service.calls.admission import Admission, Refusal, Refused
from service.calls.desk import Desk
from service.calls.meters import CallMeters
from service.domain.calls import Outcome
from telephony.leg import IncomingCall
from telephony.tokens import TokenBook
from telephony.twilio import signature, twiml
from telephony.twilio.accept import STREAM_PURPOSE, accept_stream
from telephony.twilio.control import TwilioControl
from telephony.twilio.leg import TwilioLeg
from telephony.twilio.twiml import HumanFallback

log = logging.getLogger(__name__)

PREFIX = "/v1/twilio"
MAX_FORM_BYTES = 64 * 1024
OUTCOME_S = 5.0
"""How long Twilio may wait for what became of a call whose stream has just ended."""
OUTCOMES_KEPT = 1000
WORDS_FOR = {
    Refusal.UNKNOWN_NUMBER: "We are sorry, this number is not in service. Goodbye.",
    Refusal.FULL: "All our lines are busy. One moment please, I am connecting you to a colleague.",
    Refusal.UNAVAILABLE: "One moment please, I am connecting you to a colleague.",
    Refusal.DRAINING: "One moment please, I am connecting you to a colleague.",
}


@dataclass(frozen=True, slots=True)
class TwilioDoor:
    """What Twilio's doors need.

    Attributes:
        public_origin: where Twilio reaches us; signatures are checked on it.
        auth_tokens: tokens in force.
        control: call control by REST; None without an account.
        fallback: where callers go when the agent cannot take them.
    """

    public_origin: str
    auth_tokens: tuple[str, ...]
    control: TwilioControl | None
    fallback: HumanFallback
    tokens: TokenBook
    admission: Admission
    desk: Desk
    meters: CallMeters


Form = dict[str, str]


def carriers_router(door: TwilioDoor) -> APIRouter:
    """Twilio's webhooks and media socket."""
    router = APIRouter(prefix=PREFIX, tags=["twilio"])
    outcomes: dict[str, asyncio.Future[Outcome]] = {}

    async def signed_form(request: Request) -> Form:
        """The form of a webhook that Twilio signed; 403 for any other."""
        body = await request.body()
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, "the form is too large")
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
        url = signature.public_url(door.public_origin, request.url.path, request.url.query)
        header = request.headers.get(signature.HEADER)
        if not signature.is_signed_form(header, auth_tokens=door.auth_tokens, url=url, form=fields):
            door.meters.error("twilio_signature")
            raise HTTPException(403, "the signature does not match")
        return dict(fields)

    @router.post("/voice")
    async def voice(form: Annotated[Form, Depends(signed_form)]) -> Response:
        """A call rings: answer it with a stream, or send it to a human."""
        verdict = await door.admission.weigh(
            IncomingCall("twilio", form.get("CallSid", ""), form.get("From", ""), form.get("To", ""))
        )
        if isinstance(verdict, Refused):
            door.meters.refused("twilio")
            log.warning("a call was refused", extra={"reason": verdict.reason})
            words = WORDS_FOR[verdict.reason]
            if verdict.reason is Refusal.UNKNOWN_NUMBER:
                return _xml(twiml.refused(words))
            return _xml(twiml.to_human(HumanFallback(door.fallback.number, door.fallback.queue, words)))
        call_id = verdict.start.call_id
        return _xml(
            twiml.answer(
                stream_url=signature.socket_url(door.public_origin, f"{PREFIX}/media"),
                token=door.tokens.issue(STREAM_PURPOSE, call_id),
                name=call_id,
                ended_url=signature.public_url(door.public_origin, f"{PREFIX}/stream-ended"),
                status_url=signature.public_url(door.public_origin, f"{PREFIX}/stream-status"),
                fallback=door.fallback,
            )
        )

    @router.post("/stream-ended")
    async def stream_ended(form: Annotated[Form, Depends(signed_form)]) -> Response:
        """The stream is over: end the call, or send the caller on to a human."""
        outcome = outcomes.pop(form.get("CallSid", ""), None)
        if outcome is not None:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                if await asyncio.wait_for(asyncio.shield(outcome), OUTCOME_S) in (Outcome.RESOLVED, Outcome.ABANDONED):
                    return _xml(twiml.hang_up())
        return _xml(twiml.to_human(door.fallback))

    @router.post("/stream-status", status_code=204)
    async def stream_status(form: Annotated[Form, Depends(signed_form)]) -> None:
        """Twilio tells how a stream fares; failures are logged."""
        if form.get("StreamEvent") == "stream-error":
            door.meters.error("twilio_stream")
            log.warning("twilio reports a stream error", extra={"error": form.get("StreamError", "")})

    @router.websocket("/media")
    async def media(websocket: WebSocket) -> None:
        """The media of an admitted call; anything else is closed with a reason."""
        accepted = await accept_stream(websocket, door.tokens)
        if accepted is None:
            door.meters.error("media_refused")
            return
        call = door.admission.claim(accepted.call_id)
        if call is None or call.start.carrier_call_id != accepted.start.call_id:
            await websocket.close(1008, "no such call")
            return
        outcome = outcomes[call.start.carrier_call_id] = asyncio.get_running_loop().create_future()
        if len(outcomes) > OUTCOMES_KEPT:
            del outcomes[next(iter(outcomes))]
        try:
            leg = TwilioLeg(websocket, accepted.start, door.control, on_ignored=lambda _: door.meters.ignored_message())
            outcome.set_result(await door.desk.hold(call, leg))
        finally:
            door.admission.release(call.start.call_id)
            outcome.cancel()

    return router


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
