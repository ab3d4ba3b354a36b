"""Web calls through the service's own doors: join, offer, addresses, another offer, and who is turned away."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from telephony.simulator.web_caller import WebCaller
from tests.scenes.conftest import Opened, Stage
from tests.telephony.webrtc.test_leg import loud_s
from tests.telephony.webrtc.test_network import soon

TURN = {"ice_servers": ["stun:127.0.0.1:3478", "turn:127.0.0.1:3478"], "turn_secret": "north"}


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


async def join(http: httpx.AsyncClient) -> dict[str, Any]:
    """Join once the service takes calls: it takes none for a moment after its event loop was busy."""
    async with asyncio.timeout(20):
        while True:
            answer = await http.post("/v1/webrtc/join", json={})
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                told: dict[str, Any] = answer.json()
                return told
            await asyncio.sleep(0.5)


async def offer(http: httpx.AsyncClient, caller: WebCaller, token: str, pc_id: str | None = None) -> dict[str, Any]:
    """Send the caller's offer and connect with the answer."""
    sdp, kind = await caller.offer()
    answered = await http.post(
        "/v1/webrtc/offer", json={"sdp": sdp, "type": kind, "pc_id": pc_id}, headers=bearer(token)
    )
    assert answered.status_code == 200, answered.text
    told: dict[str, Any] = answered.json()
    await caller.answered(told["sdp"], told["type"])
    return told


async def only_call(stage: Stage) -> dict[str, Any]:
    """The record of the only call once it has ended."""
    async with (
        httpx.AsyncClient(base_url=stage.origin, headers=bearer(stage.house.keys.api_token)) as http,
        asyncio.timeout(20),
    ):
        while True:
            [call] = (await http.get("/v1/calls")).json()["calls"]
            if call["status"] == "ended":
                record: dict[str, Any] = (await http.get(f"/v1/calls/{call['id']}")).json()
                return record
            await asyncio.sleep(0.1)


async def test_a_call_over_two_networks(open_stage: Opened) -> None:
    """Join, offer, a question, another network, the answer, a key: one call and one record; tokens hold once."""
    async with (
        open_stage() as stage,
        httpx.AsyncClient(base_url=stage.origin) as http,
        WebCaller(stage.voice, 8000) as caller,
    ):
        stage.ear.lines.append("how do I restart my router")
        joined = await join(http)
        assert joined["ice_servers"] == []
        first = await offer(http, caller, joined["token"])
        await soon(lambda: {"type": "state", "state": "disclosure"} in caller.told, 30)
        spent = await http.post("/v1/webrtc/offer", json={"sdp": "v=0"}, headers=bearer(joined["token"]))
        await caller.network_changed()
        second = await offer(http, caller, first["resume_token"], first["pc_id"])
        assert second["pc_id"] == first["pc_id"]
        stale = await http.post(
            "/v1/webrtc/offer", json={"sdp": "v=0", "pc_id": first["pc_id"]}, headers=bearer(first["resume_token"])
        )
        found = {
            "pc_id": first["pc_id"],
            "candidates": [
                {"candidate": "candidate:9 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0},
                {"candidate": ""},
            ],
        }
        more = await http.patch("/v1/webrtc/offer", json=found, headers=bearer(second["resume_token"]))
        strange = await http.patch("/v1/webrtc/offer", json=found, headers=bearer("guessed"))
        assert [one.status_code for one in (spent, stale, more, strange)] == [401, 401, 204, 401]
        await soon(lambda: loud_s(caller.heard, 16_000) > 1.0, 30)
        caller.press("9")
        await soon(lambda: stage.house.admission.live == 1)
        await caller.__aexit__(None, None, None)
        record = await only_call(stage)
    assert record["carrier"] == "webrtc"


async def test_turn_names_run_out(open_stage: Opened) -> None:
    """Each join gets its own, with the call's id and the time until which it holds."""
    async with (
        open_stage(webrtc=TURN) as stage,
        httpx.AsyncClient(base_url=stage.origin) as http,
    ):
        names = [(await join(http))["ice_servers"][1] for _ in range(2)]
    assert names[0]["username"] != names[1]["username"]
    assert all(name["urls"] == "turn:127.0.0.1:3478" and "north" not in name["credential"] for name in names)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"sdp": "v=0"}, 401),
        ({"sdp": "x" * 70_000}, 422),
        ({}, 422),
        ({"sdp": 5}, 422),
        ({"sdp": "v=0", "pc_id": "nobody"}, 401),
        ({"sdp": "v=0", "pc_id": ["x"]}, 422),
    ],
)
async def test_offers_of_strangers(doors: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    """Without a token, too long, of the wrong shape, for a call of somebody else."""
    assert (await doors.post("/v1/webrtc/offer", json=body, headers=bearer("x"))).status_code == status


async def test_one_source_does_not_take_every_line(doors: httpx.AsyncClient) -> None:
    """After so many joins in a minute a source is asked to wait."""
    answers = [(await doors.post("/v1/webrtc/join", json={"agent": "nobody"})) for _ in range(70)]
    assert {answer.status_code for answer in answers[:50]} == {404}
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"] == "10"
    assert answers[-1].headers["content-type"] == "application/problem+json"
