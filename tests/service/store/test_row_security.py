"""PostgreSQL itself keeps tenants apart: what a forgotten condition in a query would show."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from service.domain.access import Role
from service.domain.calls import Outcome
from service.domain.webhooks import Kind
from service.store.agents import AgentRepository
from service.store.answers import AnswerRepository
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.people import Doors, KeyRepository, PeopleRepository
from service.store.tables import Base
from service.store.tenants import TenantRepository
from service.store.webhooks import WebhookRepository
from tests.service.postgres import PostgresServer
from tests.service.record import write
from tests.service.story import AGENT, NUMBER, Known

_count = itertools.count(1)
TABLES = sorted(table.name for table in Base.metadata.sorted_tables)


@dataclass(frozen=True, slots=True)
class Two:
    """A database with rows of two tenants in every table."""

    database: Database
    first: str
    second: str


@pytest.fixture
async def two(postgres: PostgresServer) -> AsyncIterator[Two]:
    """Two tenants, both with calls, people, keys and answers."""
    database = Database(postgres.create(f"rows_{next(_count)}"))
    await database.migrate()
    tenants = TenantRepository(database)
    ids = []
    for name, number in (("Default", NUMBER), ("Another", "+15550199")):
        tenant_id, version_id = await tenants.ensure_example(AGENT, number, name)
        await WebhookRepository(database, tenant_id).add("https://x.example", frozenset(Kind), "sealed", by="test")
        await write(CallRepository(database, tenant_id), Known(tenant_id, version_id).call(), Outcome.RESOLVED)
        person = await PeopleRepository(database, tenant_id).add(
            f"{name}@example.com".lower(), name, Role.OWNER, "hash", by="test"
        )
        await Doors(database).open_login(person, "hash", person.created_at)
        await KeyRepository(database, tenant_id).add(f"key-{name}", name, "hash", frozenset(), None, by="test")
        await AnswerRepository(database, tenant_id).claim("key", "asked")
        ids.append(tenant_id)
    yield Two(database, *ids)
    await database.close()


async def test_every_table_is_under_force(two: Two) -> None:
    """A table that comes without its policy fails here; the service's role owns and bypasses nothing."""
    async with two.database.session(two.first) as session:
        forced = await session.scalars(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        )
        assert sorted(set(forced)) == TABLES
        role = await session.execute(
            text("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        )
        assert tuple(role.one()) == ("attune_app", False, False)
        owned = await session.scalar(text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user"))
        assert owned == 0


@pytest.mark.parametrize("table", TABLES)
async def test_a_query_without_a_condition(two: Two, table: str) -> None:
    """It shows the tenant's own rows and nobody else's; without a tenant it shows nothing."""
    query = text(f'SELECT DISTINCT tenant_id FROM "{table}"')
    for tenant_id in (two.first, two.second):
        async with two.database.session(tenant_id) as session:
            assert set(await session.scalars(query)) == {tenant_id} or table == "hand_off"
    async with two.database.session() as session:
        assert list(await session.scalars(query)) == []


async def test_another_tenants_rows_cannot_be_written(two: Two) -> None:
    """Neither made, nor moved, nor changed, nor deleted."""
    insert = text("INSERT INTO number (tenant_id, e164, agent_id) SELECT :other, '+15550111', agent_id FROM agent")
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with two.database.session(two.first) as session:
            await session.execute(insert, {"other": two.second})
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with two.database.session(two.first) as session:
            await session.execute(text("UPDATE answer SET tenant_id = :other, key = 'k'"), {"other": two.second})
    async with two.database.session(two.first) as session:
        for statement in ("UPDATE person SET name = 'x'", "DELETE FROM event"):
            await session.execute(text(f"{statement} WHERE tenant_id = :other"), {"other": two.second})
    async with two.database.session(two.second) as session:
        assert await session.scalar(text("SELECT name FROM person")) == "Another"
        assert (await session.scalar(text("SELECT count(*) FROM event")) or 0) > 20


async def test_the_service_cannot_change_its_own_trail(two: Two) -> None:
    """Audit rows are added and read; the role may do nothing else with them."""
    for statement in ("UPDATE audit SET who = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with two.database.session(two.first) as session:
                await session.execute(text(statement))


async def test_what_is_sought_is_found_by_its_own_name_alone(two: Two) -> None:
    """A number shows the one row with that number; nothing else of that tenant comes with it."""
    async with two.database.session(seek=NUMBER) as session:
        assert list(await session.scalars(text("SELECT tenant_id FROM number"))) == [two.first]
        for table in TABLES:
            if table != "number":
                assert await session.scalar(text(f'SELECT count(*) FROM "{table}"')) == 0
    found = await Doors(two.database).people_with("another@example.com", None)
    assert [person.tenant_id for person, _ in found] == [two.second]
    named = await Doors(two.database).people_with("another@example.com", "Another")
    assert [person.tenant_id for person, _ in named] == [two.second]
    assert await Doors(two.database).people_with("another@example.com", "Default") == []
    assert len(await AgentRepository(two.database, two.second).find()) == 1
