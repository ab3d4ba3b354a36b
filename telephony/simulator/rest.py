"""The carrier's REST interface, as far as we use it: change a running call."""

from __future__ import annotations

import base64

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from telephony.simulator.carrier import CarrierCall


class CarrierRest:
    """Knows the running calls; serve `app` with `loopback.served`."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        """Nobody calls yet."""
        self._login = f"{account_sid}:{auth_token}"
        self._calls: dict[str, CarrierCall] = {}
        self.requests: list[dict[str, str]] = []
        path = f"/2010-04-01/Accounts/{account_sid}/Calls/{{name}}"
        self.app = Starlette(routes=[Route(path, self._update, methods=["POST"])])

    def knows(self, call: CarrierCall) -> CarrierCall:
        """Make a call reachable by its CallSid; returns it."""
        self._calls[call.carrier_call_id] = call
        return call

    async def _update(self, request: Request) -> JSONResponse:
        scheme, _, login = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic" or base64.b64decode(login).decode() != self._login:
            return JSONResponse({"code": 20003, "message": "Authenticate"}, status_code=401)
        call_id = request.path_params["name"].removesuffix(".json")
        async with request.form() as form:
            fields = {name: str(value) for name, value in form.items()}
        self.requests.append({"CallSid": call_id, **fields})
        call = self._calls.get(call_id)
        if call is None or call.is_over:
            return JSONResponse({"code": 20404, "message": "no such call"}, status_code=404)
        if fields.get("Status") == "completed":
            call.complete()
        elif "Twiml" in fields:
            call.redirect(fields["Twiml"])
        return JSONResponse({"sid": call_id, "status": fields.get("Status", "in-progress")})
