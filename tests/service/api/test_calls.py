"""The API's doors to calls: who may look, what a record looks like, a story as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.api.access import access_by
from service.api.calls import calls_router
from service.api.problems import install_problems
from service.calls.live_board import LiveBoard
from service.domain.calls import Outcome
from service.people.front_desk import FrontDesk
from service.people.passwords import Passwords
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.people import Doors
from service.telemetry.metrics import Meters
from tests.service.postgres import PostgresServer
from tests.service.record import entries, write
from tests.service.story import Known, whole_call

TOKEN = "a-token-of-this-test"  # the tests' own
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def board(meters: Meters) -> AsyncIterator[LiveBoard]:
    """A board without Redis."""
    async with LiveBoard("redis://127.0.0.1:1", meters) as board:
        yield board


def door(database: Database, board: LiveBoard, tenant_id: str) -> httpx.AsyncClient:
    """The API of one tenant."""
    app = FastAPI()
    install_problems(app)
    desk = FrontDesk(Doors(database), Passwords(), bytes(32), installation=(TOKEN, tenant_id))
    app.include_router(
        calls_router(partial(CallRepository, database), board, access_by(desk), desk.pseudonym, heartbeat_s=0.05)
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://attune", headers=ALLOWED)


async def events(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """The events of a story that has an end."""
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]


async def test_a_record(lite: Database, known_lite: Known, board: LiveBoard) -> None:
    """A call with its turns and its trajectory, in the documented shape."""
    start = known_lite.call()
    await write(CallRepository(lite, known_lite.tenant_id), start, Outcome.HANDED_OFF)
    async with door(lite, board, known_lite.tenant_id) as client:
        record = (await client.get(f"/v1/calls/{start.call_id}")).json()
    assert (record["id"], record["carrier"], record["carrier_call_id"]) == (start.call_id, "twilio", "CA1")
    assert (record["from"], record["to"], record["agent"]) == (start.from_number, start.to_number, "Robin")
    assert (record["outcome"], record["reason"]) == ("handed_off", "caller hung up")
    agent = record["turns"][2]
    assert (agent["turn"], agent["party"], agent["text"], agent["interrupted"]) == (1, "agent", "I am sorry.", True)
    assert agent["stages"] == {"endpointing": 0.4, "recognition": 0.2, "speech": 0.4}
    assert agent["tone"]["strategy"] == "apologise"
    assert record["turns"][1]["tone"] is None
    assert [point["label"] for point in record["trajectory"]] == ["angry", "angry", "unknown"]
    assert set(record["trajectory"][0]) == {
        *("turn", "at_s", "label", "valence", "arousal", "confidence", "disagreement", "voice", "words", "model")
    }


async def test_the_list(lite: Database, known_lite: Known, board: LiveBoard) -> None:
    """Newest first, by the carrier's id, page by page."""
    calls = CallRepository(lite, known_lite.tenant_id)
    for index in range(3):
        start = known_lite.call(f"CA{index}")
        await calls.apply(start.call_id, entries(start)[:1])
    async with door(lite, board, known_lite.tenant_id) as client:
        first = (await client.get("/v1/calls", params={"limit": 2})).json()
        second = (await client.get("/v1/calls", params={"limit": 2, "cursor": first["cursor"]})).json()
        only = (await client.get("/v1/calls", params={"carrier_call_id": "CA1"})).json()
    found = [call["carrier_call_id"] for page in (first, second, only) for call in page["calls"]]
    assert found == ["CA2", "CA1", "CA0", "CA1"]
    assert second["cursor"] is None


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"]
)
async def test_without_the_token_nothing_is_told(
    lite: Database, known_lite: Known, board: LiveBoard, authorization: str | None
) -> None:
    """Every door answers 401 with a problem, whether the call is there or not."""
    start = known_lite.call()
    await write(CallRepository(lite, known_lite.tenant_id), start)
    async with door(lite, board, known_lite.tenant_id) as client:
        client.headers.pop("authorization")
        headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
        for path in ("/v1/calls", f"/v1/calls/{start.call_id}", f"/v1/calls/{start.call_id}/events"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 401


async def test_another_tenant_finds_nothing(lite: Database, known_lite: Known, board: LiveBoard) -> None:
    """Live or ended, a call of another tenant is not there."""
    ended, live = known_lite.call(), known_lite.call()
    await write(CallRepository(lite, known_lite.tenant_id), ended, Outcome.RESOLVED)
    call = board.open_call(live)
    async with door(lite, board, "somebody-else") as client:
        for call_id in (ended.call_id, live.call_id, "no-such-call"):
            for path in (f"/v1/calls/{call_id}", f"/v1/calls/{call_id}/events"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such call")
    await call.close(Outcome.RESOLVED, "done")


async def test_a_live_story(lite: Database, known_lite: Known, board: LiveBoard) -> None:
    """Events come as they happen, with a sign of life in between, and the stream ends with the call."""
    start = known_lite.call()
    call = board.open_call(start)

    async def talk() -> None:
        for event in whole_call():
            call.tell(event)
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        await call.close(Outcome.RESOLVED, "done")

    async with door(lite, board, known_lite.tenant_id) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(talk())
        answer = await client.get(f"/v1/calls/{start.call_id}/events", params={"after": 3})
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [event["seq"] for event in told] == list(range(4, len(whole_call()) + 3))
    assert (told[-1]["kind"], told[-1]["outcome"], told[-1]["reason"]) == ("CallEnded", "resolved", "done")
    assert ": nothing new" in answer.text


async def test_a_story_from_the_database(lite: Database, known_lite: Known, board: LiveBoard) -> None:
    """A call that ended long ago tells the same story."""
    start = known_lite.call()
    await write(CallRepository(lite, known_lite.tenant_id), start, Outcome.RESOLVED)
    async with door(lite, board, known_lite.tenant_id) as client:
        told = await events(client, f"/v1/calls/{start.call_id}/events?after=2")
    assert [event["seq"] for event in told] == list(range(3, len(whole_call()) + 3))
    assert told[-1]["kind"] == "CallEnded"


async def test_questions_that_make_no_sense(lite: Database, known_lite: Known, board: LiveBoard) -> None:
    """A problem says what is wrong with the question."""
    async with door(lite, board, known_lite.tenant_id) as client:
        answer = await client.get("/v1/calls", params={"limit": 0})
        nowhere = await client.get("/v1/nowhere")
    assert (answer.status_code, nowhere.status_code) == (422, 404)
    assert "limit" in answer.json()["detail"]
    assert nowhere.headers["content-type"] == "application/problem+json"


async def test_a_database_that_is_away_is_a_problem(
    postgres: PostgresServer, away: tuple[Database, Known], board: LiveBoard
) -> None:
    """503 and when to ask again, not a broken answer."""
    database, _ = away
    await asyncio.to_thread(postgres.stop)
    try:
        async with door(database, board, "t") as client:
            answer = await client.get("/v1/calls")
    finally:
        await asyncio.to_thread(postgres.start)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["title"] == "Service Unavailable"
