"""Asking a carrier's REST interface: a deadline over everything, more attempts where they can help."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import httpx

from telephony.carrier import Taken

log = logging.getLogger(__name__)

DEADLINE_S = 5.0
BACK_OFF_S = (0.2, 0.5, 1.0)
"""Waits before the second, third and fourth attempt."""

_GONE = frozenset({404, 410})


class TryAgain(Exception):
    """The carrier is busy or was not reached; the text says how."""


async def ask(attempt: Callable[[], Awaitable[Taken]], what: str, call_id: str, deadline_s: float) -> Taken:
    """Try until the carrier has answered, the attempts are used up or time is up. Never raises; failures are logged.

    Args:
        attempt: one request; raises TryAgain where another one may help.
        what: carrier and wish, for the log.
        call_id: the carrier's id of the call.
        deadline_s: longest time for all attempts together.
    """
    try:
        async with asyncio.timeout(deadline_s):
            taken = await _until_answered(attempt)
    except TimeoutError:
        taken, why = Taken.FAILED, "no answer in time"
    except TryAgain as busy:
        taken, why = Taken.FAILED, str(busy)
    else:
        why = "refused"
    if taken is Taken.FAILED:
        log.warning("A carrier did not do what was asked", extra={"asked": what, "call": call_id, "why": why})
    return taken


async def _until_answered(attempt: Callable[[], Awaitable[Taken]]) -> Taken:
    for wait_s in BACK_OFF_S:
        try:
            return await attempt()
        except TryAgain:
            await asyncio.sleep(wait_s)
    return await attempt()


def judge(status: int) -> Taken:
    """What an HTTP status says of a wish.

    Raises:
        TryAgain: the carrier is busy (429) or in trouble (5xx).
    """
    if 200 <= status < 300:
        return Taken.DONE
    if status in _GONE:
        return Taken.GONE
    if status == 429 or status >= 500:
        raise TryAgain(f"HTTP status {status}")
    return Taken.FAILED


class RestClient:
    """One carrier's REST interface; one for the whole process."""

    def __init__(
        self,
        carrier: str,
        base_url: str,
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Open no connection yet.

        Args:
            carrier: its name, for the log.
            base_url: origin of the interface.
            auth: Basic credentials.
            headers: sent with every request.
            deadline_s: longest time for one wish, all attempts together.
        """
        self._carrier = carrier
        self._deadline_s = deadline_s
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"), auth=auth, headers=headers, timeout=deadline_s, follow_redirects=False
        )

    async def ask(
        self,
        method: str,
        path: str,
        call_id: str,
        *,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        gone: Callable[[httpx.Response], bool] = lambda _: False,
    ) -> Taken:
        """Ask for something; never raises.

        Args:
            method: HTTP method.
            path: below the origin.
            call_id: the carrier's id of the call, for the log.
            json: JSON body.
            form: form-encoded body.
            headers: for this request alone.
            gone: whether a refusal means that the call is over already, beyond 404 and 410.
        """

        async def attempt() -> Taken:
            try:
                answer = await self._http.request(method, path, json=json, data=form, headers=headers)
            except httpx.HTTPError as failed:
                raise TryAgain(repr(failed)) from failed
            return Taken.GONE if answer.is_client_error and gone(answer) else judge(answer.status_code)

        return await ask(attempt, f"{self._carrier} {method}", call_id, self._deadline_s)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
