"""Who may use which door: one table, asked at every request."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import HTTPException, Request

from service.domain.access import Principal, Scope
from service.people.front_desk import FrontDesk

Access = Callable[[Request], Awaitable[Principal]]
"""A dependency that returns whoever asks, or answers 401 (nobody) or 403 (not they)."""

NEEDS: Final[Mapping[str, Scope]] = {
    "GET /v1/calls": Scope.CALLS_READ,
    "GET /v1/calls/{call_id}": Scope.CALLS_READ,
    "GET /v1/calls/{call_id}/events": Scope.CALLS_READ,
    "GET /v1/agents": Scope.CONFIGURATION_READ,
    "POST /v1/agents": Scope.CONFIGURATION_WRITE,
    "GET /v1/agents/{agent_id}": Scope.CONFIGURATION_READ,
    "PUT /v1/agents/{agent_id}/draft": Scope.CONFIGURATION_WRITE,
    "POST /v1/agents/{agent_id}/publish": Scope.CONFIGURATION_WRITE,
    "POST /v1/agents/{agent_id}/rollback": Scope.CONFIGURATION_WRITE,
    "GET /v1/agents/{agent_id}/versions/{number}": Scope.CONFIGURATION_READ,
    "GET /v1/numbers": Scope.CONFIGURATION_READ,
    "PUT /v1/numbers/{number}": Scope.CONFIGURATION_WRITE,
    "DELETE /v1/numbers/{number}": Scope.CONFIGURATION_WRITE,
    "GET /v1/webhooks": Scope.CONFIGURATION_READ,
    "POST /v1/webhooks": Scope.CONFIGURATION_WRITE,
    "DELETE /v1/webhooks/{webhook_id}": Scope.CONFIGURATION_WRITE,
    "GET /v1/webhooks/{webhook_id}/deliveries": Scope.CONFIGURATION_WRITE,
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/send-again": Scope.CONFIGURATION_WRITE,
    "GET /v1/users": Scope.PEOPLE_READ,
    "POST /v1/users": Scope.PEOPLE_WRITE,
    "GET /v1/users/{person_id}": Scope.PEOPLE_READ,
    "PATCH /v1/users/{person_id}": Scope.PEOPLE_WRITE,
    "GET /v1/api-keys": Scope.KEYS_READ,
    "POST /v1/api-keys": Scope.KEYS_WRITE,
    "DELETE /v1/api-keys/{key_id}": Scope.KEYS_WRITE,
    "GET /v1/audit": Scope.AUDIT_READ,
}
"""What each door asks for. A test holds it against the routes: a door without a row does not open."""

OPEN: Final = frozenset({"POST /v1/login", "POST /v1/login/renew", "POST /v1/login/end", "GET /v1/me"})
"""Doors of the API that need no scope: the login's own, and the one that tells whoever asks who they are."""


def access_by(desk: FrontDesk) -> Access:
    """Access by `Authorization: Bearer ...`: a login's token, a program's key, or the installation's own token."""

    async def whoever_asks(request: Request) -> Principal:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        principal = await desk.principal_of(shown.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            raise HTTPException(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})
        door = f"{request.method} {request.scope['route'].path}"
        if door in OPEN:
            return principal
        needed = NEEDS.get(door)
        if needed is None or not principal.may(needed):
            raise HTTPException(403, f"this needs the scope {needed}" if needed else "this door is closed")
        return principal

    return whoever_asks
