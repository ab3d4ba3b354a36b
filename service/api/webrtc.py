"""The web call's doors: a join token for the page, an offer for a call, more of its addresses, and another offer.

The join token lets one offer in, once. What comes back with the answer, a resume token, belongs to that call alone:
with it the page may add network candidates, and offer again when its network has changed. Each answer brings a new one.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from pydantic import BaseModel, Field

from pipelines.events import AgentSays, AgentSpoke, CallerSpoke, DisclosureHeard, Event, TurnTimed
from service.api.rates import SourceRates
from service.calls.admission import Admission, Admitted, Refusal, Refused
from service.calls.desk import Desk
from service.calls.meters import CallMeters
from service.domain.calls import Outcome
from telephony.leg import IncomingCall
from telephony.tokens import TokenBook
from telephony.webrtc.door import WebRtcDoor
from telephony.webrtc.leg import MAX_CANDIDATES, MAX_SDP, Answer, BadOffer, WebRtcLeg
from telephony.webrtc.turn import IceServers

log = logging.getLogger(__name__)

JOIN_PURPOSE = "web-call"


class Join(BaseModel):
    """Who is to be called: a number, '' for the agent that answers by default."""

    agent: str = Field(default="", max_length=100)


class Joined(BaseModel):
    """What a page needs to place its offer."""

    token: str
    ice_servers: list[dict[str, str]]
    company: str
    expires_s: int


class Offer(BaseModel):
    """A browser's offer: the first one of a call, or with its `pc_id` another one for it."""

    sdp: str = Field(max_length=MAX_SDP)
    type: str = Field(default="offer", max_length=16)
    pc_id: str | None = Field(default=None, max_length=64)


class Answered(BaseModel):
    """Our answer.

    `pc_id` is our id of the call. `resume_token` lets the page offer once more within `grace_s` seconds of silence.
    """

    sdp: str
    type: str
    pc_id: str
    resume_token: str
    grace_s: float


class Candidate(BaseModel):
    """One of the page's addresses, as a browser's `toJSON()` tells it."""

    candidate: str = Field(max_length=512)
    mid: str | None = Field(default=None, alias="sdpMid", max_length=64)
    index: int | None = Field(default=None, alias="sdpMLineIndex", ge=0, le=8)


class Candidates(BaseModel):
    """Addresses that were found after the offer."""

    pc_id: str = Field(max_length=64)
    candidates: list[Candidate] = Field(max_length=MAX_CANDIDATES)


@dataclass(slots=True)
class WebCall:
    """A web call under way.

    Attributes:
        leg: its line.
        resume_token: what its page shows to be the same one.
        task: holds the call.
    """

    leg: WebRtcLeg
    resume_token: str
    task: asyncio.Task[Outcome]


@dataclass(frozen=True, slots=True)
class WebDoor:
    """What the web call's doors need.

    Attributes:
        door: answers first offers.
        ice_servers: STUN and TURN for browsers.
        join_token_s: how long a page may take from join to offer.
        grace_s: how long a call waits for a page whose network is gone.
        rates: how often one source may join or offer.
        default_number: whose agent answers where the page names none.
        calls: web calls under way, by our call id; each ends with its own task.
    """

    door: WebRtcDoor
    ice_servers: IceServers
    join_token_s: int
    grace_s: float
    rates: SourceRates
    default_number: str
    tokens: TokenBook
    admission: Admission
    desk: Desk
    meters: CallMeters
    calls: dict[str, WebCall] = field(default_factory=dict)

    async def close(self) -> None:
        """Hang up every web call and wait for its end."""
        await self.door.close()
        if self.calls:
            await asyncio.wait({call.task for call in self.calls.values()}, timeout=10.0)

    def known(self, call_id: str, token: str) -> WebCall:
        """The call of a page that has its resume token.

        Raises:
            HTTPException: 401, no such call or not its page; which of the two is not told.
        """
        call = self.calls.get(call_id)
        if call is None or not hmac.compare_digest(call.resume_token.encode(), token.encode()):
            raise HTTPException(401, "the call's resume token is needed")
        return call


class Captions:
    """Shows a web caller what is said and in which state the call is."""

    def __init__(self, leg: WebRtcLeg) -> None:
        self._leg = leg
        self._state("disclosure")

    def tell(self, event: Event) -> None:
        """Turn an event into a caption or a state."""
        match event:
            case DisclosureHeard():
                self._state("listening")
            case CallerSpoke(text=text):
                self._caption("caller", text)
                self._state("thinking")
            case AgentSays(text=text):
                self._caption("agent", text)
            case TurnTimed():
                self._state("speaking")
            case AgentSpoke(turn=turn) if turn > 0:
                self._state("listening")
            case _:
                pass

    async def close(self, outcome: Outcome, reason: str) -> None:
        """The call is over; the line is closed already."""

    def _caption(self, party: str, text: str) -> None:
        self._leg.send_caption({"type": "caption", "party": party, "text": text, "final": True})

    def _state(self, state: str) -> None:
        self._leg.send_caption({"type": "state", "state": state})


def web_router(web: WebDoor) -> APIRouter:
    """Join, offer, candidates."""
    router = APIRouter(prefix="/v1/webrtc", tags=["web calls"])

    async def not_too_often(request: Request) -> None:
        """429 for a source that asks more often than a person would."""
        if not web.rates.take(request.client.host if request.client else "", time.monotonic()):
            web.meters.error("web_rate")
            raise HTTPException(429, "too many calls from here", {"Retry-After": "10"})

    @router.post("/join", dependencies=[Depends(not_too_often)])
    async def join(wish: Join) -> Joined:
        """Weigh a web call and hand out its single-use token."""
        number = wish.agent or web.default_number
        verdict = await web.admission.weigh(IncomingCall("webrtc", f"web-{secrets.token_hex(8)}", "", number))
        if isinstance(verdict, Refused):
            web.meters.refused("webrtc")
            if verdict.reason is Refusal.UNKNOWN_NUMBER:
                raise HTTPException(404, "nobody answers by that name")
            raise HTTPException(503, f"the call cannot be taken: {verdict.reason}", {"Retry-After": "20"})
        call_id = verdict.start.call_id
        return Joined(
            token=web.tokens.issue(JOIN_PURPOSE, call_id, web.join_token_s),
            ice_servers=[one.as_browser() for one in web.ice_servers.access_for(call_id, time.time())],
            company=verdict.plan.agent.company,
            expires_s=web.join_token_s,
        )

    @router.post("/offer", dependencies=[Depends(not_too_often)])
    async def offer(wish: Offer, authorization: Annotated[str, Header(max_length=4096)] = "") -> Answered:
        """Answer a browser's offer: it starts its call, or brings it back."""
        token = authorization.removeprefix("Bearer ").strip()
        if wish.pc_id is not None:
            return await _offer_again(web, wish, wish.pc_id, token)
        call_id = web.tokens.redeem(token, JOIN_PURPOSE)
        call = web.admission.claim(call_id) if call_id else None
        if call is None:
            raise HTTPException(401, "a fresh join token is needed")
        try:
            answer = await web.door.offer(wish.sdp, wish.type, lambda leg: _start(web, call, leg))
        except BadOffer as bad:
            web.admission.release(call.start.call_id)
            raise HTTPException(400, str(bad)) from bad
        except BaseException:
            web.admission.release(call.start.call_id)
            raise
        return _answered(web, call.start.call_id, answer)

    @router.patch("/offer", status_code=204)
    async def candidates(found: Candidates, authorization: Annotated[str, Header(max_length=4096)] = "") -> None:
        """Add addresses that the page has found after its offer; an empty one says that there are no more."""
        call = web.known(found.pc_id, authorization.removeprefix("Bearer ").strip())
        try:
            for one in found.candidates:
                if one.candidate:
                    await call.leg.add_candidate(one.candidate, one.mid, one.index)
        except BadOffer as bad:
            raise HTTPException(400, str(bad)) from bad

    return router


async def _offer_again(web: WebDoor, wish: Offer, call_id: str, token: str) -> Answered:
    call = web.known(call_id, token)
    call.resume_token = secrets.token_urlsafe(32)
    try:
        answer = await call.leg.accept(wish.sdp, wish.type)
    except BadOffer as bad:
        call.resume_token = token
        raise HTTPException(400, str(bad)) from bad
    return _answered(web, call_id, answer)


def _answered(web: WebDoor, call_id: str, answer: Answer) -> Answered:
    call = web.calls.get(call_id)
    resume_token = "" if call is None else call.resume_token
    return Answered(sdp=answer.sdp, type=answer.type, pc_id=call_id, resume_token=resume_token, grace_s=web.grace_s)


async def _start(web: WebDoor, call: Admitted, leg: WebRtcLeg) -> None:
    """Start the call in a task of its own: the answer must not wait for it."""
    call_id = call.start.call_id
    task = asyncio.create_task(web.desk.hold(call, leg, listeners=[Captions(leg)]), name=f"web-{call_id}")
    web.calls[call_id] = WebCall(leg, secrets.token_urlsafe(32), task)

    def over(ended: asyncio.Task[Any]) -> None:
        web.calls.pop(call_id, None)
        web.admission.release(call_id)
        if not ended.cancelled() and ended.exception() is not None:
            web.meters.error("web_call")
            log.error("a web call broke", exc_info=ended.exception())

    task.add_done_callback(over)
