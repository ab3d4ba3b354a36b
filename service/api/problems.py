"""Errors as problem details (RFC 9457): the one place that translates."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.store.conversation_state import StateAway
from service.store.database import DatabaseAway

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2


def problem(status: int, detail: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem as a response."""
    body: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail is not None and detail != body["title"]:
        body["detail"] = detail
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def install_problems(app: FastAPI) -> None:
    """Let an application answer its errors as problem details."""

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, error.detail, dict(error.headers or {}))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        return problem(422, where)

    async def away(request: Request, error: Exception) -> JSONResponse:
        return problem(503, str(error), {"Retry-After": str(RETRY_AFTER_S)})

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(DatabaseAway, away)
    app.add_exception_handler(StateAway, away)
