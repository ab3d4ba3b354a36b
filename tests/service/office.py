"""The API's office: two tenants, everybody who may come in, and every door that is not a call's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI
from pwdlib import PasswordHash

from service.api.access import access_by
from service.api.agents import AgentDoor, agents_router, numbers_router
from service.api.calls import calls_router
from service.api.people import PeopleDoor, audit_router, keys_router, login_router, people_router
from service.api.problems import install_problems
from service.api.webhooks import WebhookDoor, webhooks_router
from service.calls.live_board import LiveBoard
from service.domain.access import Role
from service.outgoing.guard import Guard
from service.outgoing.seal import Seal
from service.people.front_desk import FrontDesk
from service.people.passwords import Passwords
from service.store.agents import AgentRepository
from service.store.answers import AnswerRepository
from service.store.audit import AuditRepository
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.people import Doors, KeyRepository, PeopleRepository
from service.store.tenants import TenantRepository
from service.store.webhooks import WebhookRepository
from service.telemetry.metrics import Meters

PASSWORD = "correct horse 42 battery"
KEPT = PasswordHash.recommended().hash(PASSWORD)
OWN = "the-installation's-own-token"


async def to_public(host: str, port: int) -> Sequence[str]:
    """A resolver for which every name is a public address, and an address itself."""
    return [host if host.replace(".", "").isdigit() else "93.184.215.14"]


@dataclass
class Office:
    """The doors of two tenants, and the API in front of them."""

    database: Database
    app: FastAPI
    http: httpx.AsyncClient
    tenant_id: str
    other_id: str

    async def person(self, role: Role, tenant_id: str = "") -> str:
        """Somebody of that role who has logged in; their access token."""
        tenant_id = tenant_id or self.tenant_id
        email = f"{role}-{tenant_id[-4:]}@example.com"

        await PeopleRepository(self.database, tenant_id).add(email, role, role, KEPT, by="test")
        return (await self.log_in(email))["access_token"]

    async def log_in(self, email: str) -> dict[str, str]:
        """Log in with the password of this file."""
        answer = await self.http.post("/v1/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens

    async def ask(self, method: str, path: str, token: str, **more: Any) -> httpx.Response:
        """Ask with a token."""
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **more)


@asynccontextmanager
async def opened(database: Database, meters: Meters) -> AsyncIterator[Office]:
    """The API over a database with two tenants."""
    tenants = TenantRepository(database)
    first, second = await tenants.ensure("Default"), await tenants.ensure("Another")
    desk = FrontDesk(Doors(database), Passwords(), bytes(32), installation=(OWN, first))
    door = PeopleDoor(
        desk,
        Passwords(),
        partial(PeopleRepository, database),
        partial(KeyRepository, database),
        partial(AuditRepository, database),
        access_by(desk),
    )
    async with LiveBoard("redis://127.0.0.1:1", meters) as board:
        app = FastAPI()
        install_problems(app)
        for router in (login_router(door), people_router(door), keys_router(door), audit_router(door)):
            app.include_router(router)
        agents = AgentDoor(partial(AgentRepository, database), partial(AnswerRepository, database), door.access)
        webhooks = WebhookDoor(
            partial(WebhookRepository, database), Guard(resolve=to_public), Seal(bytes(32)), door.access
        )
        for router in (agents_router(agents), numbers_router(agents), webhooks_router(webhooks)):
            app.include_router(router)
        app.include_router(calls_router(partial(CallRepository, database), board, door.access, desk.pseudonym))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://attune") as http:
            yield Office(database, app, http, first, second)
