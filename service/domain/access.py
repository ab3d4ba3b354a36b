"""Who may do what: roles, scopes and the fields that a role sees only in part. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is to a tenant."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    SERVICE = "service"


class Scope(StrEnum):
    """One thing that may be done."""

    CALLS_READ = "calls:read"
    CALLS_ACT = "calls:act"
    CONFIGURATION_READ = "configuration:read"
    CONFIGURATION_WRITE = "configuration:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"


MAY: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.OWNER: frozenset(Scope),
    Role.ADMINISTRATOR: frozenset(Scope),
    Role.SUPERVISOR: frozenset({Scope.CALLS_READ, Scope.CALLS_ACT, Scope.CONFIGURATION_READ}),
    Role.ANALYST: frozenset({Scope.CALLS_READ}),
    Role.SERVICE: frozenset({Scope.CALLS_READ, Scope.CALLS_ACT, Scope.CONFIGURATION_READ, Scope.CONFIGURATION_WRITE}),
}
"""What each role may do. A key may do what its own scopes say, never more than its role."""

GRANTS: Final[Mapping[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset(Role) - {Role.SERVICE},
    Role.ADMINISTRATOR: frozenset({Role.ADMINISTRATOR, Role.SUPERVISOR, Role.ANALYST}),
}
"""Which roles somebody may give to people and take from them; who is not named gives none."""


class Field(StrEnum):
    """What of a call is personal and not for everybody."""

    NUMBERS = "numbers"
    """Telephone numbers: an analyst sees a pseudonym that stays the same for the same caller."""


HIDDEN: Final[Mapping[Role, frozenset[Field]]] = {Role.ANALYST: frozenset({Field.NUMBERS})}


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever asks, as the door knows them.

    Attributes:
        tenant_id: whose data they may see.
        who: `person:ID`, `key:ID` or `installation`.
        role: in that tenant.
        scopes: what they may do.
    """

    tenant_id: str
    who: str
    role: Role
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether they may do it."""
        return scope in self.scopes

    def sees(self, field: Field) -> bool:
        """Whether they see a field as it is."""
        return field not in HIDDEN.get(self.role, frozenset())


def allowed(role: Role, scopes: frozenset[Scope] | None = None) -> frozenset[Scope]:
    """What a role may do, narrowed to some scopes where they are given."""
    return MAY[role] if scopes is None else MAY[role] & scopes
