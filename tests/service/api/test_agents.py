"""Agents and numbers over the API: from a draft to a line that rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipelines.plan import Agent
from service.domain.access import Role
from service.store.database import Database
from service.store.tenants import TenantRepository
from service.telemetry.metrics import Meters
from tests.service.office import OWN, Office, opened
from tests.service.story import AGENT, NUMBER, Known

LINE = "+15550177"


@pytest.fixture
async def office(lite: Database, known_lite: Known, meters: Meters) -> AsyncIterator[Office]:
    """An office on SQLite."""
    async with opened(lite, meters) as office:
        yield office


def spec(name: str = "Sam", **more: Any) -> dict[str, Any]:
    """An agent as a client sends it."""
    return {**AGENT.model_dump(mode="json"), "name": name, **more}


async def published(office: Office, token: str, name: str = "Sam") -> str:
    """An agent with one version; its id."""
    made = await office.ask("POST", "/v1/agents", token, json=spec(name))
    assert made.status_code == 201, made.text
    agent = made.json()["id"]
    tag = {"If-Match": made.headers["ETag"]}
    assert (await office.ask("POST", f"/v1/agents/{agent}/publish", token, headers=tag)).status_code == 200
    return str(agent)


async def test_from_a_draft_to_a_line(office: Office, lite: Database) -> None:
    """A draft answers nothing, a version without a number neither; then the number rings at it."""
    owner = await office.person(Role.OWNER)
    agent = await published(office, owner)
    tenants = TenantRepository(lite)
    assert await tenants.route(LINE) is None
    routed = await office.ask("PUT", f"/v1/numbers/{LINE}", owner, json={"agent_id": agent})
    assert routed.json() == {"number": LINE, "agent_id": agent}
    answering = await tenants.route(LINE)
    assert answering is not None
    assert answering.agent == Agent.model_validate(spec())
    assert (await office.ask("DELETE", f"/v1/numbers/{LINE}", owner)).status_code == 204
    assert (await office.ask("DELETE", f"/v1/numbers/{LINE}", owner)).status_code == 404
    assert await tenants.route(LINE) is None


async def test_a_version_never_changes(office: Office) -> None:
    """The next draft makes the next version; going back lets the first answer again, word for word."""
    agent = await published(office, OWN)
    before = await office.ask("GET", f"/v1/agents/{agent}", OWN)
    tag = {"If-Match": before.headers["ETag"]}
    changed = await office.ask("PUT", f"/v1/agents/{agent}/draft", OWN, json=spec(greeting="Hi."), headers=tag)
    assert (changed.status_code, changed.json()["published"]["greeting"]) == (200, AGENT.greeting)
    stale = await office.ask("PUT", f"/v1/agents/{agent}/draft", OWN, json=spec(greeting="Yo."), headers=tag)
    assert stale.status_code == 412
    tag = {"If-Match": changed.headers["ETag"]}
    second = await office.ask("POST", f"/v1/agents/{agent}/publish", OWN, headers=tag)
    assert (second.json()["draft"], second.json()["published"]["greeting"]) == (None, "Hi.")
    tag = {"If-Match": second.headers["ETag"]}
    assert (await office.ask("POST", f"/v1/agents/{agent}/publish", OWN, headers=tag)).status_code == 409
    back = await office.ask("POST", f"/v1/agents/{agent}/rollback", OWN, json={"version": 1}, headers=tag)
    assert back.json()["published"]["greeting"] == AGENT.greeting
    assert [(one["number"], one["published"]) for one in back.json()["versions"]] == [(2, False), (1, True)]
    assert (await office.ask("GET", f"/v1/agents/{agent}/versions/2", OWN)).json()["greeting"] == "Hi."
    assert (await office.ask("GET", f"/v1/agents/{agent}/versions/3", OWN)).status_code == 404
    entries = (await office.ask("GET", "/v1/audit", OWN)).json()["entries"]
    assert [entry["action"] for entry in entries[:3]] == ["agent.rolled_back", "agent.published", "agent.drafted"]


@pytest.mark.parametrize(
    "body", [{}, {"name": "x"}, {**spec(), "no_such_field": 1}, {**spec(), "apology_budget": "many"}, [], "agent"]
)
async def test_a_broken_agent_is_refused(office: Office, body: Any) -> None:
    """With the place of each mistake; nothing is kept."""
    answer = await office.ask("POST", "/v1/agents", OWN, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "body" in answer.json()["detail"]
    assert len((await office.ask("GET", "/v1/agents", OWN)).json()["agents"]) == 1


async def test_a_number_rings_at_one_tenant(office: Office) -> None:
    """Another tenant's number is taken, its agent does not exist here, and a name is given once."""
    theirs = await office.person(Role.OWNER, office.other_id)
    agent = await published(office, theirs)
    assert (await office.ask("PUT", f"/v1/numbers/{NUMBER}", theirs, json={"agent_id": agent})).status_code == 409
    assert (await office.ask("PUT", f"/v1/numbers/{LINE}", OWN, json={"agent_id": agent})).status_code == 422
    assert (await office.ask("PUT", "/v1/numbers/12", theirs, json={"agent_id": agent})).status_code == 422
    assert (await office.ask("POST", "/v1/agents", theirs, json=spec())).status_code == 409
    assert (await office.ask("GET", f"/v1/agents/{agent}", OWN)).status_code == 404


async def test_the_same_request_twice(office: Office) -> None:
    """One agent is made, the answer comes again; the key is worth nothing for another request or another tenant."""
    theirs = await office.person(Role.OWNER, office.other_id)
    key = {"Idempotency-Key": "once"}
    first = await office.ask("POST", "/v1/agents", OWN, json=spec(), headers=key)
    again = await office.ask("POST", "/v1/agents", OWN, json=spec(), headers=key)
    assert (again.status_code, again.json(), again.headers["ETag"]) == (201, first.json(), first.headers["ETag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await office.ask("POST", "/v1/agents", OWN, json=spec("Kim"), headers=key)).status_code == 422
    assert (await office.ask("POST", "/v1/agents", theirs, json=spec(), headers=key)).status_code == 201
    failed = await office.ask("POST", "/v1/agents", OWN, json={}, headers={"Idempotency-Key": "two"})
    mended = await office.ask("POST", "/v1/agents", OWN, json=spec("Kim"), headers={"Idempotency-Key": "two"})
    assert (failed.status_code, mended.status_code) == (422, 201)
    assert len((await office.ask("GET", "/v1/agents", OWN)).json()["agents"]) == 3


async def test_the_same_request_at_once(office: Office) -> None:
    """Of five that arrive together one is done; the others get its answer or are told to wait."""
    key = {"Idempotency-Key": "crowd"}
    answers = await asyncio.gather(*(office.ask("POST", "/v1/agents", OWN, json=spec(), headers=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert len((await office.ask("GET", "/v1/agents", OWN)).json()["agents"]) == 2


async def test_a_start_does_not_undo_what_people_decided(office: Office, lite: Database) -> None:
    """Once somebody has published a version of the example agent, the next start leaves it alone."""
    agents = (await office.ask("GET", "/v1/agents", OWN)).json()["agents"]
    path = f"/v1/agents/{agents[0]['id']}"
    tag = {"If-Match": (await office.ask("GET", path, OWN)).headers["ETag"]}
    drafted = await office.ask("PUT", f"{path}/draft", OWN, json=spec("Renamed"), headers=tag)
    tag = {"If-Match": drafted.headers["ETag"]}
    assert (await office.ask("POST", f"{path}/publish", OWN, headers=tag)).status_code == 200
    await TenantRepository(lite).ensure_example(AGENT, NUMBER)
    route = await TenantRepository(lite).route(NUMBER)
    assert route is not None
    assert route.agent.name == "Renamed"
    assert len((await office.ask("GET", "/v1/agents", OWN)).json()["agents"]) == 1


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://crm.example.com/attune", 201),
        ("http://crm.example.com/attune", 422),
        ("https://127.0.0.1/attune", 422),
        ("https://user:word@crm.example.com/", 422),
        ("crm", 422),
    ],
)
async def test_a_webhook(office: Office, url: str, status: int) -> None:
    """Only an address of the public web; its secret is shown once and its deliveries are the tenant's alone."""
    body = {"url": url, "kinds": ["call.ended"]}
    made = await office.ask("POST", "/v1/webhooks", OWN, json=body)
    assert made.status_code == status, made.text
    listed = await office.ask("GET", "/v1/webhooks", OWN)
    assert [one["url"] for one in listed.json()["webhooks"]] == ([url] if status == 201 else [])
    if status != 201:
        return
    secret, path = made.json()["secret"], f"/v1/webhooks/{made.json()['id']}"
    assert secret.startswith("whsec_")
    assert secret not in listed.text + (await office.ask("GET", "/v1/audit", OWN)).text
    assert (await office.ask("GET", f"{path}/deliveries", OWN)).json() == {"deliveries": [], "cursor": None}
    assert (await office.ask("POST", f"{path}/deliveries/none/send-again", OWN)).status_code == 404
    theirs = await office.person(Role.OWNER, office.other_id)
    assert (await office.ask("GET", f"{path}/deliveries", theirs)).status_code == 404
    assert (await office.ask("DELETE", path, theirs)).status_code == 404
    assert (await office.ask("DELETE", path, OWN)).status_code == 204
