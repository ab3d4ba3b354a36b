"""The front desk: turns a password, a token or a key into a principal, or into nobody."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from service.domain.access import Principal, Role, Scope, allowed
from service.domain.calls import new_id
from service.people.passwords import Passwords
from service.store.people import ApiKey, Doors, KeyRepository, LoginOver, Person

ACCESS_FOR: Final = timedelta(minutes=10)
LOGIN_FOR: Final = timedelta(days=14)
AUDIENCE: Final = "attune-api"
TRIES: Final = RateLimitItemPerMinute(10, 5)
"""Wrong or right, so many logins per address and per source in five minutes."""


class NotLetIn(Exception):
    """The login was refused; the message says no more than whoever asks may know."""


class TooMany(Exception):
    """Too many tries; later again."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives.

    Attributes:
        access: a signed token for the API, valid for `ACCESS_FOR`.
        refresh: exchanges itself for the next pair, once.
    """

    access: str
    refresh: str
    expires_in_s: int


class FrontDesk:
    """Knows people by password and token, programs by key, and the installation's own token."""

    def __init__(self, doors: Doors, passwords: Passwords, secret: bytes, *, installation: tuple[str, str]) -> None:
        """Sit down.

        Args:
            doors: what may be asked across tenants.
            passwords: checks passwords.
            secret: signs tokens and keys the hashes of secrets; 32 bytes that stay the same.
            installation: the installation's own token and the tenant that it opens.
        """
        self._doors = doors
        self._passwords = passwords
        self._sign = _derived(secret, b"access tokens")
        self._pepper = _derived(secret, b"hashes of secrets")
        self._own_token, self._own_tenant = installation
        self._tries = MovingWindowRateLimiter(MemoryStorage())

    async def log_in(self, email: str, password: str, tenant: str | None, source: str) -> Tokens:
        """Open a login.

        Args:
            email: the address, in any case.
            password: the password.
            tenant: the tenant's name; needed only by people who work for several.
            source: where the request comes from.

        Raises:
            NotLetIn: wrong, unknown, or several tenants to choose from.
            TooMany: too many tries.
        """
        email = email.strip().lower()
        for of in (email, source):
            if not await self._tries.hit(TRIES, "login", of):
                raise TooMany("too many logins; try again in a few minutes")
        known = await self._doors.people_with(email, tenant)
        right = [person for person, kept in known if await self._passwords.matches(password, kept)]
        if not known:
            await self._passwords.matches(password, None)
        if not right:
            raise NotLetIn("address or password is wrong")
        if len(right) > 1:
            raise NotLetIn("this address belongs to several tenants: name one")
        return await self._open(right[0])

    async def _open(self, person: Person) -> Tokens:
        secret = secrets.token_urlsafe(32)
        login_id = await self._doors.open_login(person, self._hash(secret), datetime.now(UTC) + LOGIN_FOR)
        return self._tokens(person, login_id, secret)

    async def renew(self, refresh: str) -> Tokens:
        """The next pair for a refresh token.

        Raises:
            NotLetIn: it is not the newest of its login; the login has ended.
        """
        tenant_id, login_id, shown = _parts(refresh, "rt", 3)
        following = secrets.token_urlsafe(32)
        try:
            person = await self._doors.renew_login(tenant_id, login_id, self._hash(shown), self._hash(following))
        except LoginOver as over:
            raise NotLetIn("log in again") from over
        return self._tokens(person, login_id, following)

    async def log_out(self, refresh: str) -> None:
        """End the login of a refresh token; it must be one of ours, not the newest."""
        tenant_id, login_id, _ = _parts(refresh, "rt", 3)
        await self._doors.end_login(tenant_id, login_id)

    async def make_key(
        self, keys: KeyRepository, name: str, scopes: frozenset[Scope], expires_at: datetime | None, *, by: str
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is shown once and kept nowhere."""
        key_id, secret = new_id(), secrets.token_urlsafe(32)
        key = await keys.add(key_id, name, self._hash(secret), scopes, expires_at, by=by)
        return key, f"ak_{key_id}_{secret}"

    async def principal_of(self, shown: str) -> Principal | None:
        """Whoever shows a token or a key; None for nobody. Roles are read anew each time: a change counts at once.

        Raises:
            DatabaseAway: the database cannot be reached.
        """
        if hmac.compare_digest(shown.encode(), self._own_token.encode()):
            return Principal(self._own_tenant, "installation", Role.OWNER, allowed(Role.OWNER))
        if shown.startswith("ak_"):
            return await self._of_key(shown)
        return await self._of_token(shown)

    async def _of_key(self, shown: str) -> Principal | None:
        try:
            key_id, secret = _parts(shown, "ak", 2)
        except NotLetIn:
            return None
        found = await self._doors.key(key_id)
        if found is None or not hmac.compare_digest(found[1], self._hash(secret)):
            return None
        key = found[0]
        await self._doors.key_used(key)
        return Principal(key.tenant_id, f"key:{key_id}", Role.SERVICE, key.scopes)

    async def _of_token(self, shown: str) -> Principal | None:
        try:
            claims: dict[str, Any] = jwt.decode(
                shown, self._sign, ["HS256"], audience=AUDIENCE, options={"require": ["exp", "sub", "tid", "sid"]}
            )
        except jwt.InvalidTokenError:
            return None
        person = await self._doors.person(str(claims["tid"]), str(claims["sub"]), str(claims["sid"]))
        if person is None:
            return None
        return Principal(person.tenant_id, f"person:{person.person_id}", person.role, allowed(person.role))

    def pseudonym(self, tenant_id: str, number: str) -> str:
        """A caller's name for those who must not see their number: the same for the same number within a tenant."""
        return f"caller-{self._hash(f'{tenant_id} {number}')[:12]}" if number else ""

    def _tokens(self, person: Person, login_id: str, secret: str) -> Tokens:
        claims = {
            "aud": AUDIENCE,
            "sub": person.person_id,
            "tid": person.tenant_id,
            "sid": login_id,
            "exp": datetime.now(UTC) + ACCESS_FOR,
        }
        access = jwt.encode(claims, self._sign, "HS256")
        refresh = f"rt_{person.tenant_id}_{login_id}_{secret}"
        return Tokens(access, refresh, int(ACCESS_FOR.total_seconds()))

    def _hash(self, secret: str) -> str:
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """One key per purpose from the installation's secret."""
    return hmac.new(secret, purpose, hashlib.sha256).digest()


def _parts(shown: str, kind: str, count: int) -> tuple[str, ...]:
    """The parts of `kind_a_b`; a secret at the end may hold underscores.

    Raises:
        NotLetIn: it has another shape.
    """
    head, *parts = shown.split("_", count)
    if head != kind or len(parts) != count or not all(parts):
        raise NotLetIn("log in again")
    return tuple(parts)
