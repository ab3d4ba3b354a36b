"""People and keys: logging in, who may come in, the programs' keys, and what everybody did."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, EmailStr, Field

from service.api.access import Access
from service.domain.access import GRANTS, Principal, Role, Scope, allowed
from service.people.front_desk import FrontDesk, NotLetIn, TooMany
from service.people.passwords import LONGEST, SHORTEST, Passwords, TooWeak
from service.store.audit import AuditRepository
from service.store.people import (
    ApiKey,
    ChangedMeanwhile,
    KeyRepository,
    LastOwner,
    PeopleRepository,
    Person,
    Taken,
)

Password = Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST)]
Name = Annotated[str, Field(min_length=1, max_length=120)]


class LoginIn(BaseModel):
    """Who logs in; `tenant` is needed only by people who work for several."""

    email: EmailStr
    password: Annotated[str, Field(max_length=LONGEST)]
    tenant: str | None = None


class RefreshIn(BaseModel):
    """A refresh token."""

    refresh_token: Annotated[str, Field(max_length=400)]


class TokensOut(BaseModel):
    """What a login gives."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class MeOut(BaseModel):
    """Whoever asks, as the door knows them."""

    tenant_id: str
    who: str
    role: Role
    scopes: list[Scope]


class PersonIn(BaseModel):
    """Somebody who shall be let in."""

    email: EmailStr
    name: Name
    role: Role
    password: Password


class PersonChange(BaseModel):
    """What shall change; what is left out stays."""

    name: Name | None = None
    role: Role | None = None
    active: bool | None = None
    password: Password | None = None


class PersonOut(BaseModel):
    """Somebody who may log in."""

    id: str
    email: str
    name: str
    role: Role
    active: bool
    created_at: datetime


class PeopleOut(BaseModel):
    """People in the order in which they came; `cursor` continues the list, null at its end."""

    users: list[PersonOut]
    cursor: str | None


class KeyIn(BaseModel):
    """A key that shall be made."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1)]
    expires_at: datetime | None = None


class KeyOut(BaseModel):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    """A new key with its text, which is shown this once."""

    key: str


class KeysOut(BaseModel):
    """Keys in the order in which they were made."""

    api_keys: list[KeyOut]
    cursor: str | None


class AuditOut(BaseModel):
    """One thing done."""

    seq: int
    at: datetime
    who: str
    action: str
    target: str
    detail: dict[str, Any]
    sha256: str


class AuditPageOut(BaseModel):
    """The newest first; `cursor` continues, null at its end."""

    entries: list[AuditOut]
    cursor: int | None


@dataclass(frozen=True, slots=True)
class PeopleDoor:
    """What the doors to people and keys need."""

    desk: FrontDesk
    passwords: Passwords
    people_of: Callable[[str], PeopleRepository]
    keys_of: Callable[[str], KeyRepository]
    audit_of: Callable[[str], AuditRepository]
    access: Access


Limit = Annotated[int, Query(ge=1, le=200)]


def login_router(door: PeopleDoor) -> APIRouter:
    """Logging in, staying in, leaving."""
    router = APIRouter(prefix="/v1", tags=["login"])

    @router.post("/login")
    async def log_in(body: LoginIn, request: Request) -> TokensOut:
        """Open a login: an access token for ten minutes and a refresh token for the next one."""
        source = request.client.host if request.client else "unknown"
        try:
            tokens = await door.desk.log_in(body.email, body.password, body.tenant, source)
        except NotLetIn as refused:
            raise HTTPException(401, str(refused)) from refused
        except TooMany as refused:
            raise HTTPException(429, str(refused), {"Retry-After": "300"}) from refused
        return TokensOut(access_token=tokens.access, refresh_token=tokens.refresh, expires_in=tokens.expires_in_s)

    @router.post("/login/renew")
    async def renew(body: RefreshIn) -> TokensOut:
        """Exchange the refresh token for the next pair. An older one that comes back ends the login."""
        try:
            tokens = await door.desk.renew(body.refresh_token)
        except NotLetIn as refused:
            raise HTTPException(401, str(refused)) from refused
        return TokensOut(access_token=tokens.access, refresh_token=tokens.refresh, expires_in=tokens.expires_in_s)

    @router.post("/login/end", status_code=204)
    async def log_out(body: RefreshIn) -> None:
        """End a login; its access tokens are refused at once."""
        try:
            await door.desk.log_out(body.refresh_token)
        except NotLetIn as refused:
            raise HTTPException(401, str(refused)) from refused

    @router.get("/me")
    async def me(asks: Annotated[Principal, Depends(door.access)]) -> MeOut:
        """Whoever asks, as the door knows them."""
        return MeOut(tenant_id=asks.tenant_id, who=asks.who, role=asks.role, scopes=sorted(asks.scopes))

    return router


def people_router(door: PeopleDoor) -> APIRouter:
    """Who may log in."""
    router = APIRouter(prefix="/v1/users", tags=["users"])

    @router.get("")
    async def find_users(
        asks: Annotated[Principal, Depends(door.access)], limit: Limit = 50, cursor: str | None = None
    ) -> PeopleOut:
        """The people of the tenant."""
        found = await door.people_of(asks.tenant_id).find(limit=limit + 1, after=cursor)
        page = found[:limit]
        more = page[-1].person_id if len(found) > limit else None
        return PeopleOut(users=[_person(person) for person in page], cursor=more)

    @router.post("", status_code=201)
    async def add_user(
        asks: Annotated[Principal, Depends(door.access)], body: PersonIn, response: Response
    ) -> PersonOut:
        """Let somebody in."""
        _may_grant(asks, body.role)
        try:
            kept = await door.passwords.hash(body.password)
            person = await door.people_of(asks.tenant_id).add(
                body.email.lower(), body.name, body.role, kept, by=asks.who
            )
        except TooWeak as weak:
            raise HTTPException(422, str(weak)) from weak
        except Taken as taken:
            raise HTTPException(409, "this address is known here already") from taken
        response.headers["ETag"] = _tag(person)
        return _person(person)

    @router.get("/{person_id}")
    async def get_user(
        asks: Annotated[Principal, Depends(door.access)], person_id: str, response: Response
    ) -> PersonOut:
        """One of them."""
        person = await _known(door.people_of(asks.tenant_id), person_id)
        response.headers["ETag"] = _tag(person)
        return _person(person)

    @router.patch("/{person_id}")
    async def change_user(
        asks: Annotated[Principal, Depends(door.access)],
        person_id: str,
        body: PersonChange,
        response: Response,
        if_match: Annotated[str, Header(description="the ETag of what was read")],
    ) -> PersonOut:
        """Change a name, a role, a password, or whether they may log in; their logins end where it matters."""
        people = door.people_of(asks.tenant_id)
        person = await _known(people, person_id)
        if if_match != _tag(person):
            raise HTTPException(412, "changed meanwhile: read it again")
        _may_grant(asks, person.role)
        changes: dict[str, Any] = body.model_dump(exclude_none=True, exclude={"password"})
        if body.role is not None:
            _may_grant(asks, body.role)
        try:
            if body.password is not None:
                changes["password_hash"] = await door.passwords.hash(body.password)
            changed = await people.change(person, changes, by=asks.who)
        except TooWeak as weak:
            raise HTTPException(422, str(weak)) from weak
        except ChangedMeanwhile as meanwhile:
            raise HTTPException(412, "changed meanwhile: read it again") from meanwhile
        except LastOwner as last:
            raise HTTPException(409, "a tenant keeps at least one owner") from last
        response.headers["ETag"] = _tag(changed)
        return _person(changed)

    return router


def keys_router(door: PeopleDoor) -> APIRouter:
    """The keys of programs."""
    router = APIRouter(prefix="/v1/api-keys", tags=["api keys"])

    @router.get("")
    async def find_keys(
        asks: Annotated[Principal, Depends(door.access)], limit: Limit = 50, cursor: str | None = None
    ) -> KeysOut:
        """The tenant's keys, revoked ones too."""
        found = await door.keys_of(asks.tenant_id).find(limit=limit + 1, after=cursor)
        page = found[:limit]
        return KeysOut(
            api_keys=[KeyOut.model_validate(_key(key)) for key in page],
            cursor=page[-1].key_id if len(found) > limit else None,
        )

    @router.post("", status_code=201)
    async def make_key(asks: Annotated[Principal, Depends(door.access)], body: KeyIn) -> NewKeyOut:
        """Make a key. Its text is in this answer and nowhere else."""
        scopes = frozenset(body.scopes)
        if not scopes <= asks.scopes & allowed(Role.SERVICE):
            raise HTTPException(403, "a key may do no more than its maker, and no more than a program may")
        if body.expires_at is not None and body.expires_at.astimezone(UTC) <= datetime.now(UTC):
            raise HTTPException(422, "expires_at lies in the past")
        keys = door.keys_of(asks.tenant_id)
        key, text = await door.desk.make_key(keys, body.name, scopes, body.expires_at, by=asks.who)
        return NewKeyOut.model_validate({**_key(key), "key": text})

    @router.delete("/{key_id}", status_code=204)
    async def revoke_key(asks: Annotated[Principal, Depends(door.access)], key_id: str) -> None:
        """End a key at once."""
        if not await door.keys_of(asks.tenant_id).revoke(key_id, by=asks.who):
            raise HTTPException(404, "there is no such key")

    return router


def audit_router(door: PeopleDoor) -> APIRouter:
    """What was done."""
    router = APIRouter(prefix="/v1/audit", tags=["audit"])

    @router.get("")
    async def find_entries(
        asks: Annotated[Principal, Depends(door.access)], limit: Limit = 50, cursor: int | None = None
    ) -> AuditPageOut:
        """Who did what, the newest first."""
        found = await door.audit_of(asks.tenant_id).find(limit=limit + 1, before=cursor)
        page = found[:limit]
        return AuditPageOut(
            entries=[AuditOut.model_validate(asdict(entry)) for entry in page],
            cursor=page[-1].seq if len(found) > limit else None,
        )

    return router


def _may_grant(asks: Principal, role: Role) -> None:
    if role not in GRANTS.get(asks.role, frozenset()):
        raise HTTPException(403, f"a {asks.role} gives and takes no role of {role}")


async def _known(people: PeopleRepository, person_id: str) -> Person:
    person = await people.get(person_id)
    if person is None:
        raise HTTPException(404, "there is no such user")
    return person


def _tag(person: Person) -> str:
    return f'"{person.version}"'


def _person(person: Person) -> PersonOut:
    fields = asdict(person)
    return PersonOut.model_validate({"id": fields.pop("person_id"), **fields})


def _key(key: ApiKey) -> dict[str, Any]:
    fields = asdict(key)
    return {"id": fields.pop("key_id"), **fields, "scopes": sorted(key.scopes)}
