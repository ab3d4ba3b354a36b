"""What we ask of Twilio while a call runs: hang up, transfer. Over its REST interface."""

from __future__ import annotations

import logging

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from telephony.carrier import Taken
from telephony.human import HumanFallback
from telephony.rest import DEADLINE_S, TryAgain, ask, judge
from telephony.twilio import twiml

log = logging.getLogger(__name__)

_TWILIO_API = "https://api.twilio.com"
_NOT_FOUND, _BUSY = 20404, 20503


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
    """A `telephony.carrier.CallControl` for one account; one for the whole process."""

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        fallback: HumanFallback,
        api_base_url: str = _TWILIO_API,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Open no connection yet.

        Args:
            account_sid: the account.
            auth_token: its token.
            fallback: where a transferred caller goes.
            api_base_url: origin of the REST interface.
            deadline_s: longest wait for an answer, all attempts together.
        """
        self._fallback = fallback
        self._deadline_s = deadline_s
        self._http = _RebasedHttp(api_base_url, deadline_s)
        self._client = Client(account_sid, auth_token, http_client=self._http)

    async def hang_up(self, call_id: str) -> Taken:
        """End the call at the carrier."""
        return await self._update(call_id, status="completed")

    async def transfer(self, call_id: str, words: str) -> Taken:
        """Replace what the call does by the way to a human, which ends the stream."""
        return await self._update(call_id, twiml=twiml.to_human(self._fallback, words))

    async def _update(self, call_id: str, **fields: str) -> Taken:
        async def attempt() -> Taken:
            try:
                await self._client.calls(call_id).update_async(**fields)
            except TwilioRestException as refused:
                if refused.code == _NOT_FOUND:
                    return Taken.GONE
                if refused.code == _BUSY:
                    raise TryAgain("busy") from refused
                return judge(refused.status)
            except (TwilioException, httpx.HTTPError) as failed:
                raise TryAgain(repr(failed)) from failed
            return Taken.DONE

        return await ask(attempt, f"twilio {'/'.join(fields)}", call_id, self._deadline_s)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
