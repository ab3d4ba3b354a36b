"""People who may log in, their logins, and the keys of programs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.domain.access import Role, Scope
from service.domain.calls import new_id
from service.store.audit import audited
from service.store.database import Database, enter
from service.store.tables import ApiKeyRow, LoginRow, PersonRow, TenantRow

USED_EVERY = timedelta(minutes=1)
"""A key's last use is written at most this often."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in.

    Attributes:
        version: counts the changes; whoever changes it says which version they saw.
    """

    tenant_id: str
    person_id: str
    email: str
    name: str
    role: Role
    active: bool
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a program, without its secret."""

    tenant_id: str
    key_id: str
    name: str
    scopes: frozenset[Scope]
    made_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class Taken(Exception):
    """Somebody else has this e-mail address in this tenant."""


class ChangedMeanwhile(Exception):
    """What was to be changed is not what the caller saw; read it again."""


class LastOwner(Exception):
    """A tenant keeps at least one active owner."""


class LoginOver(Exception):
    """A login that has ended, has expired, or whose older token was shown again."""


class PeopleRepository:
    """The people of one tenant. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def add(self, email: str, name: str, role: Role, password_hash: str, *, by: str) -> Person:
        """Let somebody in.

        Raises:
            Taken: the address is known here.
        """
        row = PersonRow(
            tenant_id=self._tenant_id,
            person_id=new_id(),
            email=email,
            name=name,
            role=role.value,
            password_hash=password_hash,
            active=True,
            version=1,
            created_at=datetime.now(UTC),
        )
        try:
            async with audited(self._database, self._tenant_id) as (session, trail):
                session.add(row)
                trail.note(by, "person.added", row.person_id, role=role.value)
        except IntegrityError as taken:
            raise Taken(email) from taken
        return _person(row)

    async def find(self, *, limit: int = 50, after: str | None = None) -> list[Person]:
        """People in the order in which they came."""
        query = select(PersonRow).where(PersonRow.tenant_id == self._tenant_id)
        if after is not None:
            query = query.where(PersonRow.person_id > after)
        async with self._database.session(self._tenant_id) as session:
            return [_person(row) for row in await session.scalars(query.order_by(PersonRow.person_id).limit(limit))]

    async def get(self, person_id: str) -> Person | None:
        """One of them, None where this tenant has no such person."""
        async with self._database.session(self._tenant_id) as session:
            row = await session.get(PersonRow, (self._tenant_id, person_id))
            return None if row is None else _person(row)

    async def change(self, seen: Person, changes: Mapping[str, Any], *, by: str) -> Person:
        """Change a person and end their logins where the role, the password or the access changed.

        Args:
            seen: the person as whoever asks saw them.
            changes: new values by column: name, role, active, password_hash.
            by: who asks.

        Raises:
            ChangedMeanwhile: the person is another version by now, or gone.
            LastOwner: nobody would be left who may do everything.
        """
        async with audited(self._database, self._tenant_id) as (session, trail):
            row = await session.get(PersonRow, (self._tenant_id, seen.person_id))
            if row is None or row.version != seen.version:
                raise ChangedMeanwhile
            loses = (
                row.role == Role.OWNER
                and row.active
                and (changes.get("role", Role.OWNER) != Role.OWNER or not changes.get("active", True))
            )
            if loses and await self._owners(session) < 2:
                raise LastOwner
            for column, value in changes.items():
                setattr(row, column, value)
            row.version += 1
            if {"role", "active", "password_hash"} & changes.keys():
                await _end_logins(session, self._tenant_id, seen.person_id, "person changed")
            shown = {name: value for name, value in changes.items() if name != "password_hash"}
            trail.note(by, "person.changed", seen.person_id, password="password_hash" in changes, **shown)
            return _person(row)

    async def _owners(self, session: AsyncSession) -> int:
        query = (
            select(func.count())
            .select_from(PersonRow)
            .where(PersonRow.tenant_id == self._tenant_id, PersonRow.role == Role.OWNER.value, PersonRow.active)
        )
        return await session.scalar(query) or 0


class KeyRepository:
    """The keys of one tenant's programs. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def add(
        self,
        key_id: str,
        name: str,
        secret_hash: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
        *,
        by: str,
    ) -> ApiKey:
        """Keep a new key by the hash of its secret."""
        row = ApiKeyRow(
            tenant_id=self._tenant_id,
            key_id=key_id,
            name=name,
            secret_hash=secret_hash,
            scopes=sorted(scope.value for scope in scopes),
            made_by=by,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
        async with audited(self._database, self._tenant_id) as (session, trail):
            session.add(row)
            trail.note(by, "key.made", key_id, scopes=row.scopes)
        return _key(row)

    async def find(self, *, limit: int = 50, after: str | None = None) -> list[ApiKey]:
        """Keys in the order in which they were made, revoked ones too."""
        query = select(ApiKeyRow).where(ApiKeyRow.tenant_id == self._tenant_id)
        if after is not None:
            query = query.where(ApiKeyRow.key_id > after)
        async with self._database.session(self._tenant_id) as session:
            return [_key(row) for row in await session.scalars(query.order_by(ApiKeyRow.key_id).limit(limit))]

    async def revoke(self, key_id: str, *, by: str) -> bool:
        """End a key at once; False where this tenant has no such key."""
        async with audited(self._database, self._tenant_id) as (session, trail):
            row = await session.get(ApiKeyRow, (self._tenant_id, key_id))
            if row is None:
                return False
            if row.revoked_at is None:
                row.revoked_at = datetime.now(UTC)
                trail.note(by, "key.revoked", key_id)
            return True


class Doors:
    """What is asked before anybody knows the tenant: an address, a login, a key; nothing else is read across tenants.

    Every method raises DatabaseAway where the database cannot be reached.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def people_with(self, email: str, tenant: str | None) -> Sequence[tuple[Person, str]]:
        """Active people with an address and their password hashes, in the tenant of that name where one is given."""
        query = select(PersonRow).where(PersonRow.email == email, PersonRow.active).limit(20)
        if tenant is None:
            async with self._database.session(seek=email) as session:
                return [(_person(row), row.password_hash) for row in await session.scalars(query)]
        async with self._database.session(seek=tenant) as session:
            tenant_id = await session.scalar(select(TenantRow.tenant_id).where(TenantRow.name == tenant))
            if tenant_id is None:
                return []
            await enter(session, tenant_id)
            own = query.where(PersonRow.tenant_id == tenant_id)
            return [(_person(row), row.password_hash) for row in await session.scalars(own)]

    async def person(self, tenant_id: str, person_id: str, login_id: str) -> Person | None:
        """An active person whose login still holds."""
        query = (
            select(PersonRow)
            .join(
                LoginRow,
                (LoginRow.tenant_id == PersonRow.tenant_id) & (LoginRow.person_id == PersonRow.person_id),
            )
            .where(
                PersonRow.tenant_id == tenant_id,
                PersonRow.person_id == person_id,
                PersonRow.active,
                LoginRow.login_id == login_id,
                LoginRow.revoked_at.is_(None),
            )
        )
        async with self._database.session(tenant_id) as session:
            row = await session.scalar(query)
            return None if row is None else _person(row)

    async def open_login(self, person: Person, secret_hash: str, expires_at: datetime) -> str:
        """Begin a login; returns its id."""
        login_id = new_id()
        async with audited(self._database, person.tenant_id) as (session, trail):
            session.add(
                LoginRow(
                    tenant_id=person.tenant_id,
                    login_id=login_id,
                    person_id=person.person_id,
                    secret_hash=secret_hash,
                    generation=1,
                    created_at=datetime.now(UTC),
                    expires_at=expires_at,
                )
            )
            trail.note(f"person:{person.person_id}", "login.opened", login_id)
        return login_id

    async def renew_login(self, tenant_id: str, login_id: str, shown: str, following: str) -> Person:
        """Exchange the newest refresh token for the next.

        Raises:
            LoginOver: the login has ended, or an older token came back: then somebody has a copy, and it ends now.
        """
        reused = False
        async with audited(self._database, tenant_id) as (session, trail):
            login = await session.get(LoginRow, (tenant_id, login_id))
            if login is None or login.revoked_at is not None or login.expires_at <= datetime.now(UTC):
                raise LoginOver
            person = await session.get(PersonRow, (tenant_id, login.person_id))
            if not hmac.compare_digest(login.secret_hash, shown):
                reused = True
                login.revoked_at, login.revoked_for = datetime.now(UTC), "an older token was shown"
                trail.note(f"person:{login.person_id}", "login.reused", login_id)
            else:
                login.secret_hash, login.generation = following, login.generation + 1
        if reused or person is None or not person.active:
            raise LoginOver
        return _person(person)

    async def end_login(self, tenant_id: str, login_id: str) -> None:
        """End a login; nothing happens where it has ended."""
        async with audited(self._database, tenant_id) as (session, trail):
            login = await session.get(LoginRow, (tenant_id, login_id))
            if login is not None and login.revoked_at is None:
                login.revoked_at, login.revoked_for = datetime.now(UTC), "logged out"
                trail.note(f"person:{login.person_id}", "login.ended", login_id)

    async def key(self, key_id: str) -> tuple[ApiKey, str] | None:
        """A key in force and the hash of its secret; notes that it is used."""
        now = datetime.now(UTC)
        async with self._database.session(seek=key_id) as session:
            row = await session.scalar(select(ApiKeyRow).where(ApiKeyRow.key_id == key_id))
            if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
                return None
            return _key(row), row.secret_hash

    async def key_used(self, key: ApiKey) -> None:
        """Note that a key was used, at most once a minute."""
        now = datetime.now(UTC)
        if key.last_used_at is not None and now - key.last_used_at < USED_EVERY:
            return
        of_key = (ApiKeyRow.tenant_id == key.tenant_id, ApiKeyRow.key_id == key.key_id)
        async with self._database.session(key.tenant_id) as session:
            await session.execute(update(ApiKeyRow).where(*of_key).values(last_used_at=now))


async def _end_logins(session: AsyncSession, tenant_id: str, person_id: str, reason: str) -> None:
    of_person = (LoginRow.tenant_id == tenant_id, LoginRow.person_id == person_id, LoginRow.revoked_at.is_(None))
    ended = {"revoked_at": datetime.now(UTC), "revoked_for": reason}
    await session.execute(update(LoginRow).where(*of_person).values(ended))


def _person(row: PersonRow) -> Person:
    return Person(
        row.tenant_id, row.person_id, row.email, row.name, Role(row.role), row.active, row.version, row.created_at
    )


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        tenant_id=row.tenant_id,
        key_id=row.key_id,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes if scope in set(Scope)),
        made_by=row.made_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
