"""What we ask of Plivo while a call runs: hang up, transfer. Over its REST interface."""

from __future__ import annotations

from urllib.parse import quote

from telephony.carrier import Taken
from telephony.rest import DEADLINE_S, RestClient


class PlivoControl:
    """A `telephony.carrier.CallControl` for one account."""

    def __init__(
        self, auth_id: str, auth_token: str, human_url: str, api_base_url: str, *, deadline_s: float = DEADLINE_S
    ) -> None:
        """Open no connection yet.

        Args:
            auth_id: the account.
            auth_token: its token.
            human_url: our webhook whose document sends a caller to a human.
            api_base_url: origin of the REST interface.
            deadline_s: longest wait for an answer, all attempts together.
        """
        self._account = quote(auth_id, safe="")
        self._human_url = human_url
        self._rest = RestClient("plivo", api_base_url, auth=(auth_id, auth_token), deadline_s=deadline_s)

    async def hang_up(self, call_id: str) -> Taken:
        """End the call."""
        return await self._rest.ask("DELETE", self._path(call_id), call_id)

    async def transfer(self, call_id: str, words: str) -> Taken:
        """Let the caller's leg follow another document."""
        body = {"legs": "aleg", "aleg_url": self._human_url, "aleg_method": "POST"}
        return await self._rest.ask("POST", self._path(call_id), call_id, json=body)

    def _path(self, call_id: str) -> str:
        return f"/v1/Account/{self._account}/Call/{quote(call_id, safe='')}/"

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()
