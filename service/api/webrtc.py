"""The web call's doors: a join token for the page, then one offer for one call."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel, Field

from pipelines.events import AgentSays, AgentSpoke, CallerSpoke, DisclosureHeard, Event, TurnTimed
from service.calls.admission import Admission, Admitted, Refusal, Refused
from service.calls.desk import Desk
from service.calls.meters import CallMeters
from service.domain.calls import Outcome
from telephony.leg import IncomingCall
from telephony.tokens import TokenBook
from telephony.webrtc.leg import MAX_SDP, BadOffer, WebRtcDoor, WebRtcLeg

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
    """A browser's offer."""

    sdp: str = Field(max_length=MAX_SDP)
    type: str = "offer"


class Answered(BaseModel):
    """Our answer; `pc_id` is our id of the call."""

    sdp: str
    type: str
    pc_id: str


@dataclass(frozen=True, slots=True)
class WebDoor:
    """What the web call's doors need.

    Attributes:
        door: answers offers.
        ice_servers: as a browser takes them.
        join_token_s: how long a page may take from join to offer.
        default_number: whose agent answers where the page names none.
        calls: web calls under way; each ends with its own task.
    """

    door: WebRtcDoor
    ice_servers: tuple[dict[str, str], ...]
    join_token_s: int
    default_number: str
    tokens: TokenBook
    admission: Admission
    desk: Desk
    meters: CallMeters
    calls: set[asyncio.Task[Outcome]] = field(default_factory=set)

    async def close(self) -> None:
        """Hang up every web call and wait for its end."""
        await self.door.close()
        if self.calls:
            await asyncio.wait(self.calls, timeout=10.0)


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
    """Join and offer."""
    router = APIRouter(prefix="/v1/webrtc", tags=["web calls"])

    @router.post("/join")
    async def join(wish: Join) -> Joined:
        """Weigh a web call and hand out its single-use token."""
        number = wish.agent or web.default_number
        verdict = await web.admission.weigh(IncomingCall("webrtc", f"web-{secrets.token_hex(8)}", "", number))
        if isinstance(verdict, Refused):
            web.meters.refused("webrtc")
            if verdict.reason is Refusal.UNKNOWN_NUMBER:
                raise HTTPException(404, "nobody answers by that name")
            raise HTTPException(503, f"the call cannot be taken: {verdict.reason}", {"Retry-After": "20"})
        return Joined(
            token=web.tokens.issue(JOIN_PURPOSE, verdict.start.call_id, web.join_token_s),
            ice_servers=list(web.ice_servers),
            company=verdict.plan.agent.company,
            expires_s=web.join_token_s,
        )

    @router.post("/offer")
    async def offer(wish: Offer, authorization: Annotated[str, Header()] = "") -> Answered:
        """Answer a browser's offer and start its call."""
        call_id = web.tokens.redeem(authorization.removeprefix("Bearer ").strip(), JOIN_PURPOSE)
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
        return Answered(sdp=answer.sdp, type=answer.type, pc_id=call.start.call_id)

    return router


async def _start(web: WebDoor, call: Admitted, leg: WebRtcLeg) -> None:
    """Start the call in a task of its own: the answer must not wait for it."""
    task = asyncio.create_task(web.desk.hold(call, leg, listeners=[Captions(leg)]), name=f"web-{call.start.call_id}")
    web.calls.add(task)

    def over(ended: asyncio.Task[Any]) -> None:
        web.calls.discard(ended)
        web.admission.release(call.start.call_id)
        if not ended.cancelled() and ended.exception() is not None:
            web.meters.error("web_call")
            log.error("a web call broke", exc_info=ended.exception())

    task.add_done_callback(over)
