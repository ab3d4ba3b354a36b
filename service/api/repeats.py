"""Requests that may be sent twice: with an `Idempotency-Key`, a POST is done once and answered the same."""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from service.domain.access import Principal
from service.store.answers import AnswerRepository

HEADER: Final = "idempotency-key"
LONGEST_KEY: Final = 200
_KEPT: Final = ("content-type", "etag", "location")


def repeatable(
    access: Callable[[Request], Awaitable[Principal]], answers_of: Callable[[str], AnswerRepository]
) -> type[APIRoute]:
    """A kind of route whose POSTs honour `Idempotency-Key`.

    Args:
        access: who asks; keys of two tenants never meet.
        answers_of: what was answered to a tenant before.
    """

    class RepeatableRoute(APIRoute):
        """A route that answers the same request the same way for a day."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def once(request: Request) -> Response:
                key = request.headers.get(HEADER)
                if request.method != "POST" or key is None:
                    return await handle(request)
                if not 0 < len(key) <= LONGEST_KEY:
                    raise HTTPException(422, f"an Idempotency-Key has 1 to {LONGEST_KEY} characters")
                asks = await access(request)
                return await _once(request, handle, answers_of(asks.tenant_id), f"{asks.who} {key}")

            return once

    return RepeatableRoute


async def _once(
    request: Request,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
    answers: AnswerRepository,
    key: str,
) -> Response:
    body = await request.body()
    asked = hashlib.sha256(f"{request.url.path}\n".encode() + body).hexdigest()
    known = await answers.claim(key, asked)
    if known is not None:
        if known.asked != asked:
            raise HTTPException(422, "this Idempotency-Key belongs to another request")
        if known.status is None:
            raise HTTPException(409, "the first request is still being worked on", {"Retry-After": "1"})
        return Response(known.body, known.status, {**known.headers, "Idempotency-Replayed": "true"})
    try:
        response = await handle(request)
    except BaseException:
        await answers.forget(key)
        raise
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    await answers.keep(key, response.status_code, headers, bytes(response.body).decode())
    return response
