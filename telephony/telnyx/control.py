"""What we ask of Telnyx while a call runs: hang up, transfer. Over its REST interface."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import httpx

from telephony.carrier import Taken
from telephony.human import HumanFallback
from telephony.rest import DEADLINE_S, RestClient

_ENDED = frozenset({"90018", "90055"})
"""Telnyx's codes of a call that has ended: https://developers.telnyx.com/api/errors/90018."""


class TelnyxControl:
    """A `telephony.carrier.CallControl` for one account."""

    def __init__(
        self, api_key: str, fallback: HumanFallback, api_base_url: str, *, deadline_s: float = DEADLINE_S
    ) -> None:
        """Open no connection yet.

        Args:
            api_key: of the account.
            fallback: where a transferred caller goes.
            api_base_url: origin of the REST interface.
            deadline_s: longest wait for an answer, all attempts together.
        """
        self._fallback = fallback
        headers = {"Authorization": f"Bearer {api_key}"}
        self._rest = RestClient("telnyx", api_base_url, headers=headers, deadline_s=deadline_s)

    async def hang_up(self, call_id: str) -> Taken:
        """End the call."""
        return await self._command(call_id, "hangup", {})

    async def transfer(self, call_id: str, words: str) -> Taken:
        """Ring the human, or put the caller into the queue."""
        if self._fallback.number is not None:
            return await self._command(call_id, "transfer", {"to": self._fallback.number})
        return await self._command(call_id, "enqueue", {"queue_name": self._fallback.queue})

    async def _command(self, call_id: str, action: str, body: dict[str, str]) -> Taken:
        """One command; its id lets Telnyx drop a repetition within a minute."""
        path = f"/v2/calls/{quote(call_id, safe='')}/actions/{action}"
        command = {**body, "command_id": str(uuid.uuid4())}
        return await self._rest.ask("POST", path, call_id, json=command, gone=_has_ended)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()


def _has_ended(answer: httpx.Response) -> bool:
    return any(f'"{code}"' in answer.text for code in _ENDED)
