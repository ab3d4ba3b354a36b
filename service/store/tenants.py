"""Tenants, their agents and their numbers: who answers which number with what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pipelines.plan import Agent
from service.domain.calls import new_id
from service.store.agents import publish
from service.store.database import Database, DatabaseAway, enter
from service.store.tables import AgentRow, AgentVersionRow, NumberRow, TenantRow

_ROUTES_KEPT = 1_000
AT_START = "start"
"""Who made what came with the start of the service and at nobody's request."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers a number."""

    tenant_id: str
    agent_version_id: str
    agent: Agent


class TenantRepository:
    """Tenants and what they set up. Make one per process: it remembers routes for when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Route] = {}

    async def ensure_example(self, agent: Agent, number: str, tenant: str = "Default") -> tuple[str, str]:
        """Make sure that somebody answers a number: this agent of the tenant, where nobody does yet.

        Where it does, a new version is written if it differs from the published one, unless a person has published
        one: what people decided, a start does not undo.

        Returns:
            the tenant's id, and the id of the agent version that answers the number.

        Raises:
            DatabaseAway: the database cannot be reached.
        """
        try:
            tenant_id = await self._ensure(agent, number, tenant)
        except IntegrityError:  # another process made the same rows meanwhile; now they are there
            tenant_id = await self._ensure(agent, number, tenant)
        route = await self.route(number)
        return tenant_id, route.agent_version_id if route else ""

    async def ensure(self, tenant: str) -> str:
        """The id of the tenant of that name, made where there is none yet.

        Raises:
            DatabaseAway: the database cannot be reached.
        """
        async with self._database.session(seek=tenant) as session:
            return await self._tenant(session, tenant)

    async def named(self, tenant: str) -> str | None:
        """The id of the tenant of that name, None where there is none.

        Raises:
            DatabaseAway: the database cannot be reached.
        """
        async with self._database.session(seek=tenant) as session:
            return await session.scalar(select(TenantRow.tenant_id).where(TenantRow.name == tenant))

    async def route(self, to_number: str) -> Route | None:
        """Who answers a number; None where nobody does. While the database is away the last known answer counts.

        Raises:
            DatabaseAway: the database cannot be reached and this number was never asked for before.
        """
        try:
            async with self._database.session(seek=to_number) as session:
                route = await self._answering(session, to_number)
        except DatabaseAway:
            if to_number in self._known:
                return self._known[to_number]
            raise
        if route is None:
            self._known.pop(to_number, None)
            return None
        self._remember(to_number, route)
        return route

    async def _answering(self, session: AsyncSession, number: str) -> Route | None:
        held = await session.scalar(select(NumberRow).where(NumberRow.e164 == number))
        if held is None:
            return None
        await enter(session, held.tenant_id)
        query = select(AgentVersionRow).where(
            AgentVersionRow.tenant_id == held.tenant_id,
            AgentVersionRow.agent_id == held.agent_id,
            AgentVersionRow.published,
        )
        version = await session.scalar(query)
        if version is None:
            return None
        return Route(held.tenant_id, version.agent_version_id, Agent.model_validate(version.spec))

    async def version(self, tenant_id: str, agent_version_id: str) -> Agent | None:
        """One version of a tenant's agent, published or not; None where there is none.

        Raises:
            DatabaseAway: the database cannot be reached and no route ever led to this version.
        """
        try:
            async with self._database.session(tenant_id) as session:
                row = await session.get(AgentVersionRow, (tenant_id, agent_version_id))
                return None if row is None else Agent.model_validate(row.spec)
        except DatabaseAway:
            for route in self._known.values():
                if (route.tenant_id, route.agent_version_id) == (tenant_id, agent_version_id):
                    return route.agent
            raise

    def _remember(self, number: str, route: Route) -> None:
        self._known.pop(number, None)
        self._known[number] = route
        if len(self._known) > _ROUTES_KEPT:
            del self._known[next(iter(self._known))]

    async def _ensure(self, agent: Agent, number: str, tenant: str) -> str:
        async with self._database.session(seek=number) as session:
            held = await session.scalar(select(NumberRow).where(NumberRow.e164 == number))
        async with self._database.session(seek=tenant) as session:
            tenant_id = await self._tenant(session, tenant)
            await enter(session, tenant_id)
            agent_id = await self._agent(session, tenant_id, agent.name) if held is None else held.agent_id
            owner = tenant_id if held is None else held.tenant_id
            if owner == tenant_id and await self._is_ours(session, tenant_id, agent_id):
                await publish(session, tenant_id, agent_id, agent, by=AT_START)
            if held is None:
                session.add(NumberRow(tenant_id=tenant_id, e164=number, agent_id=agent_id))
            return tenant_id

    async def _tenant(self, session: AsyncSession, name: str) -> str:
        tenant_id = await session.scalar(select(TenantRow.tenant_id).where(TenantRow.name == name))
        if tenant_id is None:
            tenant_id = new_id()
            await enter(session, tenant_id)
            session.add(TenantRow(tenant_id=tenant_id, name=name, created_at=datetime.now(UTC)))
            await session.flush()
        return tenant_id

    async def _agent(self, session: AsyncSession, tenant_id: str, name: str) -> str:
        query = select(AgentRow.agent_id).where(AgentRow.tenant_id == tenant_id, AgentRow.name == name)
        agent_id = await session.scalar(query)
        if agent_id is None:
            agent_id = new_id()
            session.add(AgentRow(tenant_id=tenant_id, agent_id=agent_id, name=name, created_at=datetime.now(UTC)))
            await session.flush()
        return agent_id

    async def _is_ours(self, session: AsyncSession, tenant_id: str, agent_id: str) -> bool:
        """Whether no person has published a version yet."""
        query = select(AgentVersionRow.made_by).where(
            AgentVersionRow.tenant_id == tenant_id,
            AgentVersionRow.agent_id == agent_id,
            AgentVersionRow.made_by != AT_START,
        )
        return await session.scalar(query.limit(1)) is None
