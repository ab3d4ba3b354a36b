"""Agents and numbers: drafts, versions that never change, and which number rings at whom."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NoReturn

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from pipelines.plan import Agent
from service.api.access import Access
from service.api.repeats import repeatable
from service.domain.access import Principal
from service.store.agents import AgentRepository, AgentState, NoSuchAgent, NothingToPublish
from service.store.answers import AnswerRepository
from service.store.people import ChangedMeanwhile, Taken

IfMatch = Annotated[str, Header(description="the ETag of what was read")]
E164 = Annotated[str, Path(pattern=r"^\+[1-9][0-9]{6,14}$", description="the number, as +15550100")]
_WRONG = (NoSuchAgent, ChangedMeanwhile, NothingToPublish, Taken)


class VersionOut(BaseModel):
    """One version of an agent."""

    number: int
    published: bool
    sha256: str
    made_by: str
    created_at: datetime


class AgentOut(BaseModel):
    """An agent: what will be published next, what answers calls, and what was before."""

    id: str
    name: str
    draft: Agent | None
    published: Agent | None
    versions: list[VersionOut]


class AgentLine(BaseModel):
    """An agent in a list."""

    id: str
    name: str
    published_version: int | None
    has_draft: bool


class AgentsOut(BaseModel):
    """Agents in the order in which they were made; `cursor` continues the list, null at its end."""

    agents: list[AgentLine]
    cursor: str | None


class RollBackIn(BaseModel):
    """Which version shall answer calls again."""

    version: Annotated[int, Field(ge=1)]


class RouteIn(BaseModel):
    """Which agent shall answer a number."""

    agent_id: Annotated[str, Field(min_length=1, max_length=64)]


class NumberOut(BaseModel):
    """A telephone number and the agent that answers it."""

    number: str
    agent_id: str


class NumbersOut(BaseModel):
    """The tenant's telephone numbers."""

    numbers: list[NumberOut]


@dataclass(frozen=True, slots=True)
class AgentDoor:
    """What the doors to agents and numbers need."""

    agents_of: Callable[[str], AgentRepository]
    answers_of: Callable[[str], AnswerRepository]
    access: Access


def agents_router(door: AgentDoor) -> APIRouter:
    """The doors to agents."""
    route_class = repeatable(door.access, door.answers_of)
    router = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=route_class)

    @router.get("")
    async def find_agents(
        asks: Annotated[Principal, Depends(door.access)],
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: str | None = None,
    ) -> AgentsOut:
        """The tenant's agents."""
        found = await door.agents_of(asks.tenant_id).find(limit=limit + 1, after=cursor)
        page = found[:limit]
        return AgentsOut(
            agents=[_line(each) for each in page], cursor=page[-1].agent_id if len(found) > limit else None
        )

    @router.post("", status_code=201)
    async def add_agent(asks: Annotated[Principal, Depends(door.access)], draft: Agent, response: Response) -> AgentOut:
        """A new agent with a draft. It answers calls once it is published and a number rings at it."""
        try:
            state = await door.agents_of(asks.tenant_id).add(draft, by=asks.who)
        except _WRONG as wrong:
            _refuse(wrong)
        response.headers["Location"] = f"/v1/agents/{state.agent_id}"
        return _shown(state, response)

    @router.get("/{agent_id}")
    async def get_agent(
        asks: Annotated[Principal, Depends(door.access)], agent_id: str, response: Response
    ) -> AgentOut:
        """One agent."""
        try:
            return _shown(await door.agents_of(asks.tenant_id).get(agent_id), response)
        except _WRONG as wrong:
            _refuse(wrong)

    @router.put("/{agent_id}/draft")
    async def replace_draft(
        asks: Annotated[Principal, Depends(door.access)],
        agent_id: str,
        draft: Agent,
        if_match: IfMatch,
        response: Response,
    ) -> AgentOut:
        """Replace the draft."""
        agents = door.agents_of(asks.tenant_id)
        try:
            return _shown(await agents.redraft(agent_id, _revision(if_match), draft, by=asks.who), response)
        except _WRONG as wrong:
            _refuse(wrong)

    @router.post("/{agent_id}/publish")
    async def publish_draft(
        asks: Annotated[Principal, Depends(door.access)], agent_id: str, if_match: IfMatch, response: Response
    ) -> AgentOut:
        """Make the draft the next version. Calls that run keep theirs."""
        agents = door.agents_of(asks.tenant_id)
        try:
            return _shown(await agents.publish(agent_id, _revision(if_match), by=asks.who), response)
        except _WRONG as wrong:
            _refuse(wrong)

    @router.post("/{agent_id}/rollback")
    async def roll_back(
        asks: Annotated[Principal, Depends(door.access)],
        agent_id: str,
        body: RollBackIn,
        if_match: IfMatch,
        response: Response,
    ) -> AgentOut:
        """Let an older version answer calls again."""
        agents = door.agents_of(asks.tenant_id)
        try:
            state = await agents.roll_back(agent_id, _revision(if_match), body.version, by=asks.who)
        except _WRONG as wrong:
            _refuse(wrong)
        return _shown(state, response)

    @router.get("/{agent_id}/versions/{number}")
    async def get_version(
        asks: Annotated[Principal, Depends(door.access)], agent_id: str, number: Annotated[int, Path(ge=1, le=10**9)]
    ) -> Agent:
        """What a version says, whether it is published or not."""
        try:
            return await door.agents_of(asks.tenant_id).version(agent_id, number)
        except _WRONG as wrong:
            _refuse(wrong)

    return router


def numbers_router(door: AgentDoor) -> APIRouter:
    """The doors to telephone numbers."""
    router = APIRouter(prefix="/v1/numbers", tags=["numbers"])

    @router.get("")
    async def find_numbers(asks: Annotated[Principal, Depends(door.access)]) -> NumbersOut:
        """The tenant's numbers."""
        numbers = await door.agents_of(asks.tenant_id).numbers()
        return NumbersOut(numbers=[NumberOut(number=each.e164, agent_id=each.agent_id) for each in numbers])

    @router.put("/{number}")
    async def route_number(asks: Annotated[Principal, Depends(door.access)], number: E164, body: RouteIn) -> NumberOut:
        """Let a number ring at an agent; the next call counts."""
        try:
            routed = await door.agents_of(asks.tenant_id).route(number, body.agent_id, by=asks.who)
        except NoSuchAgent as unknown:
            raise HTTPException(422, "agent_id: there is no such agent") from unknown
        except Taken as taken:
            raise HTTPException(409, "this number is taken") from taken
        return NumberOut(number=routed.e164, agent_id=routed.agent_id)

    @router.delete("/{number}", status_code=204)
    async def give_up_number(asks: Annotated[Principal, Depends(door.access)], number: E164) -> None:
        """Let a number ring at nobody: callers are told, and go to a human where the carrier can."""
        if not await door.agents_of(asks.tenant_id).give_up(number, by=asks.who):
            raise HTTPException(404, "there is no such number")

    return router


def _refuse(wrong: Exception) -> NoReturn:
    match wrong:
        case NoSuchAgent():
            raise HTTPException(404, "there is no such agent or version") from wrong
        case ChangedMeanwhile():
            raise HTTPException(412, "changed meanwhile: read it again") from wrong
        case NothingToPublish():
            raise HTTPException(409, "there is nothing new to publish") from wrong
        case _:
            raise HTTPException(409, "an agent of that name exists") from wrong


def _revision(tag: str) -> int:
    """The revision that an ETag of ours names; 0, which no agent has, for any other."""
    plain = tag.removeprefix("W/").strip('"')
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else 0


def _line(state: AgentState) -> AgentLine:
    published = next((version.number for version in state.versions if version.published), None)
    return AgentLine(id=state.agent_id, name=state.name, published_version=published, has_draft=state.draft is not None)


def _shown(state: AgentState, response: Response) -> AgentOut:
    response.headers["ETag"] = f'"{state.revision}"'
    return AgentOut(
        id=state.agent_id,
        name=state.name,
        draft=state.draft,
        published=state.published,
        versions=[VersionOut.model_validate(version, from_attributes=True) for version in state.versions],
    )
