"""Scenes of asking a carrier's REST interface that is busy, away or slow."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from telephony.carrier import Taken
from telephony.rest import RestClient, TryAgain, judge
from telephony.simulator.any_rest import AnyRest
from telephony.simulator.loopback import served


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        (200, Taken.DONE),
        (204, Taken.DONE),
        (404, Taken.GONE),
        (410, Taken.GONE),
        (401, Taken.FAILED),
        (302, Taken.FAILED),
    ],
)
def test_what_a_status_says(status: int, taken: Taken) -> None:
    """Done, gone or failed."""
    assert judge(status) is taken


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_some_statuses_ask_for_patience(status: int) -> None:
    """Busy or in trouble."""
    with pytest.raises(TryAgain, match=str(status)):
        judge(status)


async def test_a_busy_carrier_is_asked_again_and_then_no_more() -> None:
    """Four attempts in all."""
    rest = AnyRest()
    rest.knows("c", lambda: None)
    async with served(rest.app) as api:
        client = RestClient("a carrier", api, deadline_s=10)
        rest.statuses = [429, 503, 500]
        assert await client.ask("POST", "/calls/c", "c", json={}) is Taken.DONE
        rest.statuses = [429] * 9
        assert await client.ask("POST", "/calls/c", "c", json={}) is Taken.FAILED
        await client.close()
    assert len(rest.requests) == 8


async def test_a_carrier_that_is_away_or_hangs_fails_in_time() -> None:
    """Nobody listens; somebody listens and says nothing."""

    async def hang(_: Request) -> PlainTextResponse:
        await asyncio.sleep(1.5)
        return PlainTextResponse("late")

    away = RestClient("a carrier", "http://127.0.0.1:9", deadline_s=0.5)
    assert await away.ask("POST", "/calls/c", "c") is Taken.FAILED
    await away.close()
    async with served(Starlette(routes=[Route("/calls/c", hang, methods=["POST"])])) as api:
        slow = RestClient("a carrier", api, deadline_s=0.3)
        assert await slow.ask("POST", "/calls/c", "c") is Taken.FAILED
        await slow.close()
