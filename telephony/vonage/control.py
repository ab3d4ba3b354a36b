"""What we ask of Vonage while a call runs: hang up, transfer. Over its REST interface."""

from __future__ import annotations

import time
import uuid
from urllib.parse import quote

import jwt

from telephony.carrier import Taken
from telephony.human import HumanFallback
from telephony.rest import DEADLINE_S, RestClient
from telephony.vonage.ncco import human_actions

_TOKEN_S = 60


class VonageControl:
    """A `telephony.carrier.CallControl` for one application."""

    def __init__(
        self,
        application_id: str,
        private_key: str,
        fallback: HumanFallback,
        api_base_url: str,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Open no connection yet.

        Args:
            application_id: of the application.
            private_key: of the application, PEM.
            fallback: where a transferred caller goes.
            api_base_url: origin of the REST interface.
            deadline_s: longest wait for an answer, all attempts together.
        """
        self._application_id = application_id
        self._private_key = private_key
        self._fallback = fallback
        self._rest = RestClient("vonage", api_base_url, deadline_s=deadline_s)

    async def hang_up(self, call_id: str) -> Taken:
        """End the caller's leg."""
        return await self._update(call_id, {"action": "hangup"})

    async def transfer(self, call_id: str, words: str) -> Taken:
        """Let the caller's leg follow another document."""
        ncco = human_actions(self._fallback.saying(words))
        return await self._update(call_id, {"action": "transfer", "destination": {"type": "ncco", "ncco": ncco}})

    async def _update(self, call_id: str, body: object) -> Taken:
        headers = {"Authorization": f"Bearer {self._token()}"}
        return await self._rest.ask("PUT", f"/v1/calls/{quote(call_id, safe='')}", call_id, json=body, headers=headers)

    def _token(self) -> str:
        now = int(time.time())
        claims = {"application_id": self._application_id, "iat": now, "exp": now + _TOKEN_S, "jti": str(uuid.uuid4())}
        return jwt.encode(claims, self._private_key, algorithm="RS256")

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()
