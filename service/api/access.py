"""Who may use the API: a bearer token opens one tenant's door."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from fastapi import HTTPException, Request

Access = Callable[[Request], str]
"""A dependency that returns the tenant id of whoever asks, or answers 401."""


def bearer_access(token: str, tenant_id: str) -> Access:
    """Access to one tenant for whoever shows the token as `Authorization: Bearer ...`.

    Args:
        token: the token in force.
        tenant_id: whose data it opens.
    """
    expected = token.encode()

    def tenant_of(request: Request) -> str:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        matches = hmac.compare_digest(shown.strip().encode(), expected)
        if scheme.lower() != "bearer" or not matches:
            raise HTTPException(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})
        return tenant_id

    return tenant_of
