"""The service of the scenes, and its web doors alone, for web calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from service.api.problems import install_problems
from service.api.rates import SourceRates
from service.api.webrtc import WebDoor, web_router
from service.calls.admission import Admission, Refusal, Refused
from service.calls.desk import Desk
from service.calls.meters import CallMeters
from service.telemetry.metrics import Meters
from telephony.leg import IncomingCall
from telephony.tokens import TokenBook
from telephony.webrtc.door import WebRtcDoor
from telephony.webrtc.turn import IceServers
from tests.scenes.conftest import open_stage, spoken, turn_models

__all__ = ["open_stage", "spoken", "turn_models"]


class Nobody:
    """An admission that knows no number and no call."""

    async def weigh(self, incoming: IncomingCall) -> Refused:
        """Refuse."""
        return Refused(Refusal.UNKNOWN_NUMBER)

    def claim(self, call_id: str) -> None:
        """Nothing waits."""


@pytest.fixture
async def doors() -> AsyncIterator[httpx.AsyncClient]:
    """A browser before the doors, behind which nobody answers."""
    web = WebDoor(
        door=WebRtcDoor(),
        ice_servers=IceServers(),
        join_token_s=60,
        grace_s=10.0,
        rates=SourceRates(60),
        default_number="+15550100",
        tokens=TokenBook(b"0123456789abcdef"),
        admission=cast(Admission, Nobody()),
        desk=cast(Desk, None),
        meters=CallMeters(Meters()),
    )
    app = FastAPI()
    install_problems(app)
    app.include_router(web_router(web))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://doors") as browser:
        yield browser
