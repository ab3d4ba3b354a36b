"""Who answers which number, and which version of an agent a call is pinned to."""

from __future__ import annotations

import pytest

from service.store.database import Database, DatabaseAway
from service.store.tables import AgentVersionRow
from service.store.tenants import TenantRepository
from tests.service.postgres import PostgresServer
from tests.service.story import AGENT, NUMBER, Known


async def test_the_first_start_publishes_the_example_agent(database: Database) -> None:
    """A number leads to the tenant and the agent as it was given."""
    tenants = TenantRepository(database)
    tenant_id, agent_version_id = await tenants.ensure_example(AGENT, NUMBER)
    route = await tenants.route(NUMBER)
    assert route is not None
    assert (route.tenant_id, route.agent_version_id, route.agent) == (tenant_id, agent_version_id, AGENT)


async def test_a_second_start_changes_nothing(database: Database) -> None:
    """The same agent keeps its version."""
    first = await TenantRepository(database).ensure_example(AGENT, NUMBER)
    assert await TenantRepository(database).ensure_example(AGENT, NUMBER) == first


async def test_a_changed_agent_is_a_new_version(database: Database) -> None:
    """The old version stays as it was, for the calls that are pinned to it."""
    tenants = TenantRepository(database)
    tenant_id, old_id = await tenants.ensure_example(AGENT, NUMBER)
    changed = AGENT.model_copy(update={"greeting": "Good morning."})
    _, new_id = await tenants.ensure_example(changed, NUMBER)
    route = await TenantRepository(database).route(NUMBER)
    assert route is not None
    assert (route.agent_version_id, route.agent) == (new_id, changed)
    async with database.session(tenant_id) as session:
        old = await session.get_one(AgentVersionRow, (tenant_id, old_id))
        new = await session.get_one(AgentVersionRow, (tenant_id, new_id))
    assert (old.number, old.published, old.spec["greeting"]) == (1, False, AGENT.greeting)
    assert (new.number, new.published) == (2, True)
    assert old.sha256 != new.sha256


async def test_a_number_that_nobody_has_leads_nowhere(database: Database) -> None:
    """An unknown number has no route."""
    assert await TenantRepository(database).route("+15559999") is None


async def test_a_known_route_holds_while_the_database_is_away(
    postgres: PostgresServer, away: tuple[Database, Known]
) -> None:
    """Calls can begin without the database; numbers never asked for cannot be told."""
    database, _ = away
    tenants = TenantRepository(database)
    await tenants.ensure_example(AGENT, NUMBER)
    route = await tenants.route(NUMBER)
    postgres.stop()
    try:
        assert await database.check() is not None
        assert await tenants.route(NUMBER) == route
        with pytest.raises(DatabaseAway):
            await tenants.route("+15558888")
    finally:
        postgres.start()
