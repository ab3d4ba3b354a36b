"""What we ask of Twilio while a call runs: hang up, transfer. Over its REST interface."""

from __future__ import annotations

import asyncio
import logging

import httpx
from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

log = logging.getLogger(__name__)

_TWILIO_API = "https://api.twilio.com"


class _RebasedHttp(AsyncHttpClient):
    """Sends what Twilio's client asks for, to another origin where one is set (a regional edge, a test)."""

    def __init__(self, api_base_url: str, timeout_s: float) -> None:
        super().__init__(log, is_async=True, timeout=timeout_s)
        self._base = api_base_url.rstrip("/")
        self._http = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False)

    async def request(
        self,
        method: str,
        url: str,
        *,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_: object,
    ) -> Response:
        """One request of Twilio's client; its other options are ours to decide."""
        answer = await self._http.request(
            method, url.replace(_TWILIO_API, self._base, 1), data=data, headers=headers, auth=auth
        )
        return Response(answer.status_code, answer.text, answer.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class TwilioControl:
    """Call control for one account; one for the whole process."""

    def __init__(self, account_sid: str, auth_token: str, api_base_url: str = _TWILIO_API, *, deadline_s: float = 5.0):
        """Open no connection yet.

        Args:
            account_sid: the account.
            auth_token: its token.
            api_base_url: origin of the REST interface.
            deadline_s: longest wait for an answer.
        """
        self._deadline_s = deadline_s
        self._http = _RebasedHttp(api_base_url, deadline_s)
        self._client = Client(account_sid, auth_token, http_client=self._http)

    async def hang_up(self, call_id: str) -> bool:
        """End the call at the carrier; False where the carrier did not take it (logged)."""
        return await self._update(call_id, status="completed")

    async def transfer(self, call_id: str, document: str) -> bool:
        """Replace what the call does by a TwiML document, which ends the stream; False where it was not taken."""
        return await self._update(call_id, twiml=document)

    async def _update(self, call_id: str, **fields: str) -> bool:
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._client.calls(call_id).update_async(**fields)
        except (TwilioException, httpx.HTTPError, TimeoutError) as failed:
            log.warning("Twilio did not take the update of a call", extra={"call": call_id, "error": repr(failed)})
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
