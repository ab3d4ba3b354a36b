"""People and keys over the API: who comes in, what they may, what is noted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import create_async_engine

from service.api.access import NEEDS, OPEN
from service.domain.access import MAY, Role, Scope
from service.domain.calls import Outcome
from service.store.audit import AuditRepository
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.people import PeopleRepository
from service.store.tables import AuditRow
from service.store.tenants import TenantRepository
from service.telemetry.metrics import Meters
from tests.service.office import OWN, PASSWORD, Office, opened
from tests.service.record import write
from tests.service.story import Known


@pytest.fixture
async def office(lite: Database, known_lite: Known, meters: Meters) -> AsyncIterator[Office]:
    """An office on SQLite."""
    async with opened(lite, meters) as office:
        yield office


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SERVICE])
async def test_every_door_opens_for_whom_the_table_says(office: Office, role: Role) -> None:
    """Every door of the API is in the table, and the table alone says who gets a 403."""
    token = await office.person(role)
    routes = office.app.openapi()["paths"]
    assert len(routes) >= 21
    for path, methods in routes.items():
        for method in sorted(each.upper() for each in methods):
            name = f"{method} {path}"
            assert (name in NEEDS) != (name in OPEN), f"{name} is not in the table of doors, or in it twice"
            address = re.sub("{[a-z_]+}", "none", path)
            answer = await office.ask(method, address, token, json={})
            if name in NEEDS:
                assert (answer.status_code == 403) == (NEEDS[name] not in MAY[role]), (name, role, answer.status_code)
                assert (await office.http.request(method, address, json={})).status_code == 401
            assert answer.status_code < 500


async def test_another_tenant_finds_nothing(office: Office, lite: Database, known_lite: Known) -> None:
    """Its owner sees no call, person, key or entry of ours: 404, as if there were none."""
    start = known_lite.call()
    await write(CallRepository(lite, known_lite.tenant_id), start, Outcome.RESOLVED)
    ours = await office.person(Role.OWNER)
    theirs = await office.person(Role.OWNER, office.other_id)
    person = (await office.ask("GET", "/v1/users", ours)).json()["users"][0]["id"]
    body = {"name": "crm", "scopes": ["calls:read"]}
    key = (await office.ask("POST", "/v1/api-keys", ours, json=body)).json()["id"]
    for method, path in (
        ("GET", f"/v1/calls/{start.call_id}"),
        ("GET", f"/v1/calls/{start.call_id}/events"),
        ("GET", f"/v1/users/{person}"),
        ("PATCH", f"/v1/users/{person}"),
        ("DELETE", f"/v1/api-keys/{key}"),
    ):
        answer = await office.ask(method, path, theirs, json={}, headers={"If-Match": '"1"'})
        assert answer.status_code == 404, (method, path)
    assert (await office.ask("GET", "/v1/calls", theirs)).json()["calls"] == []
    assert [one["role"] for one in (await office.ask("GET", "/v1/users", theirs)).json()["users"]] == ["owner"]
    assert (await office.ask("GET", "/v1/api-keys", theirs)).json()["api_keys"] == []
    entries = (await office.ask("GET", "/v1/audit", theirs)).json()["entries"]
    assert {entry["action"] for entry in entries} == {"person.added", "login.opened"}
    assert (await office.ask("GET", f"/v1/calls/{start.call_id}", ours)).status_code == 200


async def test_a_login_and_its_renewal(office: Office) -> None:
    """Each refresh token counts once; an older one that comes back ends the login, its access tokens included."""
    await office.person(Role.SUPERVISOR)
    email = f"supervisor-{office.tenant_id[-4:]}@example.com"
    first = await office.log_in(email.upper())
    assert (await office.ask("GET", "/v1/me", first["access_token"])).json()["role"] == "supervisor"
    second = (await office.http.post("/v1/login/renew", json={"refresh_token": first["refresh_token"]})).json()
    assert (await office.ask("GET", "/v1/me", second["access_token"])).status_code == 200
    reused = await office.http.post("/v1/login/renew", json={"refresh_token": first["refresh_token"]})
    assert reused.status_code == 401
    assert (await office.ask("GET", "/v1/me", second["access_token"])).status_code == 401
    after = await office.http.post("/v1/login/renew", json={"refresh_token": second["refresh_token"]})
    assert after.status_code == 401


async def test_logging_out_counts_at_once(office: Office) -> None:
    """The access token is refused although it has not expired."""
    await office.person(Role.ANALYST)
    tokens = await office.log_in(f"analyst-{office.tenant_id[-4:]}@example.com")
    ended = await office.http.post("/v1/login/end", json={"refresh_token": tokens["refresh_token"]})
    assert ended.status_code == 204
    assert (await office.ask("GET", "/v1/me", tokens["access_token"])).status_code == 401


@pytest.mark.parametrize("shown", ["", "x", "ak_", "ak_a_b", "ak__b", "rt_a_b_c", "eyJh.eyJh.x", "\u00e4", OWN + "x"])
async def test_what_opens_nothing(office: Office, shown: str) -> None:
    """Half a key, somebody's words, a token with another signature: 401 and nothing else."""
    header = {b"Authorization": f"Bearer {shown}".encode()}
    assert (await office.http.get("/v1/me", headers=header)).status_code == 401
    assert (await office.http.post("/v1/login/renew", json={"refresh_token": shown})).status_code == 401


async def test_a_forged_token_opens_nothing(office: Office) -> None:
    """Signed with another key, unsigned, or expired."""
    token = await office.person(Role.OWNER)
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, "k" * 32, "HS256")
    unsigned = jwt.encode(claims, "", "none")
    for shown in (forged, unsigned):
        assert (await office.ask("GET", "/v1/me", shown)).status_code == 401


async def test_wrong_passwords_are_slowed_down(office: Office) -> None:
    """The same answer for a wrong password and an unknown address; after ten tries, 429."""
    answers = [
        await office.http.post("/v1/login", json={"email": "nobody@example.com", "password": f"wrong {place}"})
        for place in range(11)
    ]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[0].json()["detail"] == "address or password is wrong"


async def test_a_change_of_role_counts_at_once(office: Office) -> None:
    """The person's logins end; with the next one they may less. Nobody changes what they did not read."""
    owner = await office.person(Role.OWNER)
    supervisor = await office.person(Role.SUPERVISOR)
    person = (await office.ask("GET", "/v1/me", supervisor)).json()["who"].removeprefix("person:")
    read = await office.ask("GET", f"/v1/users/{person}", owner)
    tag = {"If-Match": read.headers["ETag"]}
    changed = await office.ask("PATCH", f"/v1/users/{person}", owner, json={"role": "analyst"}, headers=tag)
    assert (changed.status_code, changed.json()["role"]) == (200, "analyst")
    assert (await office.ask("GET", "/v1/me", supervisor)).status_code == 401
    late = await office.ask("PATCH", f"/v1/users/{person}", owner, json={"name": "Late"}, headers=tag)
    assert late.status_code == 412


async def test_nobody_rises_above_themselves(office: Office) -> None:
    """An administrator makes no owner and takes none away; the last owner stays."""
    owner, administrator = await office.person(Role.OWNER), await office.person(Role.ADMINISTRATOR)
    body = {"email": "up@example.com", "name": "Up", "role": "owner", "password": PASSWORD}
    assert (await office.ask("POST", "/v1/users", administrator, json=body)).status_code == 403
    me = (await office.ask("GET", "/v1/me", owner)).json()["who"].removeprefix("person:")
    tag = {"If-Match": '"1"'}
    path = f"/v1/users/{me}"
    assert (await office.ask("PATCH", path, administrator, json={"active": False}, headers=tag)).status_code == 403
    assert (await office.ask("PATCH", path, owner, json={"role": "analyst"}, headers=tag)).status_code == 409
    key = {"name": "more", "scopes": ["people:write"]}
    assert (await office.ask("POST", "/v1/api-keys", owner, json=key)).status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"password": "short"}, 422),
        ({"password": "aaaaaaaaaaaaaa"}, 422),
        ({"role": "emperor"}, 422),
        ({"email": "nowhere"}, 422),
        ({"email": "OWNER@example.com"}, 201),
    ],
)
async def test_who_is_let_in(office: Office, change: dict[str, str], status: int) -> None:
    """Weak passwords, unknown roles and broken addresses are refused with a reason."""
    body = {"email": "new@example.com", "name": "New", "role": "analyst", "password": PASSWORD, **change}
    answer = await office.ask("POST", "/v1/users", OWN, json=body)
    assert answer.status_code == status, answer.text
    assert PASSWORD not in answer.text
    if status == 201:
        again = await office.ask("POST", "/v1/users", OWN, json=body)
        assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")


async def test_a_key(office: Office) -> None:
    """Shown once, limited to its scopes, gone when revoked or expired, and its use is noted."""
    body = {"name": "crm", "scopes": [Scope.CALLS_READ]}
    made = (await office.ask("POST", "/v1/api-keys", OWN, json=body)).json()
    key = made["key"]
    assert (await office.ask("GET", "/v1/calls", key)).status_code == 200
    assert (await office.ask("GET", "/v1/users", key)).status_code == 403
    assert (await office.ask("GET", "/v1/calls", key[:-1])).status_code == 401
    listed = (await office.ask("GET", "/v1/api-keys", OWN)).json()["api_keys"]
    assert listed[0]["last_used_at"] is not None
    assert key not in str(listed)
    assert key.rpartition("_")[2] not in (await office.ask("GET", "/v1/audit", OWN)).text
    assert (await office.ask("DELETE", f"/v1/api-keys/{made['id']}", OWN)).status_code == 204
    assert (await office.ask("GET", "/v1/calls", key)).status_code == 401
    past = {**body, "expires_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
    assert (await office.ask("POST", "/v1/api-keys", OWN, json=past)).status_code == 422


async def test_an_analyst_sees_pseudonyms(office: Office, lite: Database, known_lite: Known) -> None:
    """The same caller has the same name, and the number is nowhere, not in the story either."""
    start = known_lite.call()
    await write(CallRepository(lite, known_lite.tenant_id), start, Outcome.RESOLVED)
    analyst = await office.person(Role.ANALYST)
    listed = (await office.ask("GET", "/v1/calls", analyst)).json()["calls"][0]["from"]
    record = await office.ask("GET", f"/v1/calls/{start.call_id}", analyst)
    story = await office.ask("GET", f"/v1/calls/{start.call_id}/events", analyst)
    assert listed == record.json()["from"]
    assert listed.startswith("caller-")
    assert start.from_number not in record.text + story.text
    assert listed in story.text
    assert start.from_number in (await office.ask("GET", f"/v1/calls/{start.call_id}", OWN)).text


async def test_the_trail_shows_a_changed_row(database: Database) -> None:
    """Every hash follows from the one before; a changed, a missing and an added row are found."""
    tenant_id = await TenantRepository(database).ensure("Default")
    people, trail = PeopleRepository(database, tenant_id), AuditRepository(database, tenant_id)
    for number in range(5):
        await people.add(f"{number}@example.com", "Somebody", Role.ANALYST, "hash", by="test")
    whole = await trail.check()
    assert (whole.entries, whole.broken_at) == (5, None)
    assert whole.head in await trail.hashes()
    third = (AuditRow.tenant_id == tenant_id, AuditRow.seq == 3)
    intruder = create_async_engine(database.url)
    async with intruder.begin() as connection:
        await connection.execute(update(AuditRow).where(*third).values(who="person:somebody-else"))
    assert (await trail.check()).broken_at == 3
    async with intruder.begin() as connection:
        await connection.execute(delete(AuditRow).where(*third))
    assert (await trail.check()).broken_at == 3
    await intruder.dispose()
