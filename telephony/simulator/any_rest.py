"""The REST interfaces of the carriers beside Twilio, as far as we use them: something is asked of a running call."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_METHODS = ["GET", "POST", "PUT", "DELETE"]


class AnyRest:
    """Knows the running calls by their ids in the path; serve `app` with `loopback.served`."""

    def __init__(self) -> None:
        """Nobody calls yet."""
        self._calls: dict[str, Callable[[], None]] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.statuses: list[int] = []
        """Answers to give before the usual one, in order: a carrier in trouble."""
        self.app = Starlette(routes=[Route("/{path:path}", self._ask, methods=_METHODS)])

    def knows(self, call_id: str, over: Callable[[], None]) -> None:
        """Make a call reachable; `over` is called when it is ended or transferred."""
        self._calls[call_id] = over

    async def _ask(self, request: Request) -> JSONResponse:
        path = unquote(request.url.path)
        body = (await request.body()).decode("utf-8", "replace")
        self.requests.append((request.method, path, body))
        if self.statuses:
            return JSONResponse({"error": "as told"}, status_code=self.statuses.pop(0))
        for call_id, over in self._calls.items():
            if call_id in path:
                over()
                return JSONResponse({"result": "ok"})
        return JSONResponse({"error": "no such call"}, status_code=404)
