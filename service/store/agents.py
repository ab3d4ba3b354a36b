"""Agents of a tenant: a draft that changes, versions that never do, and the numbers that ring at them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pipelines.plan import Agent
from service.domain.calls import new_id
from service.store.audit import audited
from service.store.database import Database
from service.store.people import ChangedMeanwhile, Taken
from service.store.tables import AgentRow, AgentVersionRow, NumberRow


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an agent, without what it says."""

    number: int
    published: bool
    sha256: str
    made_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AgentState:
    """An agent as it stands.

    Attributes:
        revision: counts the changes of draft and publication; whoever changes it says which they saw.
        draft: what will be published next; None where nothing has changed since.
        published: what answers calls; None where nothing was published yet.
        versions: every version, the newest first.
    """

    agent_id: str
    name: str
    revision: int
    draft: Agent | None
    published: Agent | None
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number and the agent that answers it."""

    e164: str
    agent_id: str


class NoSuchAgent(Exception):
    """This tenant has no such agent, or the agent no such version."""


class NothingToPublish(Exception):
    """There is no draft, or it says what is published already."""


def fingerprint(agent: Agent) -> str:
    """Equal for agents that say the same."""
    return hashlib.sha256(json.dumps(agent.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


class AgentRepository:
    """The agents of one tenant. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def add(self, draft: Agent, *, by: str) -> AgentState:
        """A new agent with a draft; nothing answers calls yet.

        Raises:
            Taken: there is an agent of that name.
        """
        row = AgentRow(
            tenant_id=self._tenant_id,
            agent_id=new_id(),
            name=draft.name,
            created_at=datetime.now(UTC),
            draft=draft.model_dump(mode="json"),
            revision=1,
        )
        try:
            async with audited(self._database, self._tenant_id) as (session, trail):
                session.add(row)
                trail.note(by, "agent.added", row.agent_id, name=draft.name)
        except IntegrityError as taken:
            raise Taken(draft.name) from taken
        return AgentState(row.agent_id, row.name, 1, draft, None, ())

    async def find(self, *, limit: int = 50, after: str | None = None) -> list[AgentState]:
        """Agents in the order in which they were made."""
        query = select(AgentRow).where(AgentRow.tenant_id == self._tenant_id).order_by(AgentRow.agent_id).limit(limit)
        if after is not None:
            query = query.where(AgentRow.agent_id > after)
        async with self._database.session(self._tenant_id) as session:
            return [await self._state(session, row) for row in await session.scalars(query)]

    async def get(self, agent_id: str) -> AgentState:
        """One of them.

        Raises:
            NoSuchAgent: this tenant has none of that id.
        """
        async with self._database.session(self._tenant_id) as session:
            return await self._state(session, await self._row(session, agent_id))

    async def version(self, agent_id: str, number: int) -> Agent:
        """What a version says.

        Raises:
            NoSuchAgent: there is no such version.
        """
        async with self._database.session(self._tenant_id) as session:
            return Agent.model_validate((await self._version(session, agent_id, number)).spec)

    async def redraft(self, agent_id: str, revision: int, draft: Agent, *, by: str) -> AgentState:
        """Replace the draft.

        Raises:
            NoSuchAgent: this tenant has none of that id.
            ChangedMeanwhile: it is another revision by now.
            Taken: another agent has the draft's name.
        """
        try:
            async with audited(self._database, self._tenant_id) as (session, trail):
                row = await self._row(session, agent_id, revision)
                row.draft, row.name, row.revision = draft.model_dump(mode="json"), draft.name, row.revision + 1
                trail.note(by, "agent.drafted", agent_id, sha256=fingerprint(draft))
                await session.flush()
                return await self._state(session, row)
        except IntegrityError as taken:
            raise Taken(draft.name) from taken

    async def publish(self, agent_id: str, revision: int, *, by: str) -> AgentState:
        """Make the draft a version that answers calls from the next one on.

        Raises:
            NoSuchAgent: this tenant has none of that id.
            ChangedMeanwhile: it is another revision by now.
            NothingToPublish: no draft, or nothing new in it.
        """
        async with audited(self._database, self._tenant_id) as (session, trail):
            row = await self._row(session, agent_id, revision)
            if row.draft is None:
                raise NothingToPublish
            draft = Agent.model_validate(row.draft)
            number = await publish(session, self._tenant_id, agent_id, draft, by=by)
            if number is None:
                raise NothingToPublish
            row.draft, row.revision = None, row.revision + 1
            trail.note(by, "agent.published", agent_id, version=number, sha256=fingerprint(draft))
            await session.flush()
            return await self._state(session, row)

    async def roll_back(self, agent_id: str, revision: int, number: int, *, by: str) -> AgentState:
        """Let an older version answer calls again; the draft stays.

        Raises:
            NoSuchAgent: there is no such agent or version.
            ChangedMeanwhile: it is another revision by now.
        """
        async with audited(self._database, self._tenant_id) as (session, trail):
            row = await self._row(session, agent_id, revision)
            version = await self._version(session, agent_id, number)
            await _unpublish(session, self._tenant_id, agent_id)
            version.published = True
            row.revision += 1
            trail.note(by, "agent.rolled_back", agent_id, version=number)
            await session.flush()
            return await self._state(session, row)

    async def numbers(self) -> list[Number]:
        """The tenant's telephone numbers."""
        query = select(NumberRow).where(NumberRow.tenant_id == self._tenant_id).order_by(NumberRow.e164)
        async with self._database.session(self._tenant_id) as session:
            return [Number(row.e164, row.agent_id) for row in await session.scalars(query)]

    async def route(self, e164: str, agent_id: str, *, by: str) -> Number:
        """Let a number ring at an agent.

        Raises:
            NoSuchAgent: this tenant has none of that id.
            Taken: the number rings at another tenant.
        """
        try:
            async with audited(self._database, self._tenant_id) as (session, trail):
                await self._row(session, agent_id)
                held = await session.get(NumberRow, (self._tenant_id, e164))
                if held is None:
                    session.add(NumberRow(tenant_id=self._tenant_id, e164=e164, agent_id=agent_id))
                else:
                    held.agent_id = agent_id
                trail.note(by, "number.routed", e164, agent=agent_id)
        except IntegrityError as taken:
            raise Taken(e164) from taken
        return Number(e164, agent_id)

    async def give_up(self, e164: str, *, by: str) -> bool:
        """Let a number ring at nobody; False where this tenant does not have it."""
        async with audited(self._database, self._tenant_id) as (session, trail):
            held = await session.get(NumberRow, (self._tenant_id, e164))
            if held is None:
                return False
            await session.delete(held)
            trail.note(by, "number.given_up", e164)
            return True

    async def _row(self, session: AsyncSession, agent_id: str, revision: int | None = None) -> AgentRow:
        row = await session.get(AgentRow, (self._tenant_id, agent_id))
        if row is None:
            raise NoSuchAgent(agent_id)
        if revision is not None and row.revision != revision:
            raise ChangedMeanwhile
        return row

    async def _version(self, session: AsyncSession, agent_id: str, number: int) -> AgentVersionRow:
        query = select(AgentVersionRow).where(
            AgentVersionRow.tenant_id == self._tenant_id,
            AgentVersionRow.agent_id == agent_id,
            AgentVersionRow.number == number,
        )
        version = await session.scalar(query)
        if version is None:
            raise NoSuchAgent(agent_id)
        return version

    async def _state(self, session: AsyncSession, row: AgentRow) -> AgentState:
        query = select(AgentVersionRow).where(
            AgentVersionRow.tenant_id == self._tenant_id, AgentVersionRow.agent_id == row.agent_id
        )
        versions = list(await session.scalars(query.order_by(AgentVersionRow.number.desc())))
        published = next((Agent.model_validate(version.spec) for version in versions if version.published), None)
        return AgentState(
            row.agent_id,
            row.name,
            row.revision,
            None if row.draft is None else Agent.model_validate(row.draft),
            published,
            tuple(
                Version(version.number, version.published, version.sha256, version.made_by, version.created_at)
                for version in versions
            ),
        )


async def publish(session: AsyncSession, tenant_id: str, agent_id: str, agent: Agent, *, by: str) -> int | None:
    """Write the next version of an agent and let it answer calls; None where it says what is published already."""
    of_agent = (AgentVersionRow.tenant_id == tenant_id, AgentVersionRow.agent_id == agent_id)
    sha256 = fingerprint(agent)
    if await session.scalar(select(AgentVersionRow.sha256).where(*of_agent, AgentVersionRow.published)) == sha256:
        return None
    number = (await session.scalar(select(func.max(AgentVersionRow.number)).where(*of_agent)) or 0) + 1
    await _unpublish(session, tenant_id, agent_id)
    session.add(
        AgentVersionRow(
            tenant_id=tenant_id,
            agent_version_id=new_id(),
            agent_id=agent_id,
            number=number,
            spec=agent.model_dump(mode="json"),
            sha256=sha256,
            published=True,
            made_by=by,
            created_at=datetime.now(UTC),
        )
    )
    return number


async def _unpublish(session: AsyncSession, tenant_id: str, agent_id: str) -> None:
    of_agent = (AgentVersionRow.tenant_id == tenant_id, AgentVersionRow.agent_id == agent_id)
    await session.execute(update(AgentVersionRow).where(*of_agent).values(published=False))
