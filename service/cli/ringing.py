"""A running service, seen from a terminal: ring it as a carrier, follow the call, read the record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from service.cli.timeline import Point
from service.keys import Keys, keys_in_force
from service.settings import Settings
from telephony.audio import Pcm
from telephony.simulator.caller import Say, ScriptedCaller
from telephony.simulator.carrier import CarrierAccount, CarrierCall
from telephony.simulator.record import CallRecord

_FIND_S = 10.0
"""Longest wait for the call to appear in the list."""

_LAST_EVENTS_S = 20.0
"""Longest wait for the story's end once the line is down."""

_SILENT_S = 40.0
"""Longest silence of the event stream, which says something every ten seconds."""


class ServiceAway(Exception):
    """The service does not answer or was never started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where the service is and the keys to it.

    Attributes:
        reached_at: its origin as seen from here.
        account: the carrier account whose calls it takes.
        api_token: bearer token of its API.
    """

    reached_at: str
    account: CarrierAccount
    api_token: str

    @classmethod
    def of(cls, settings: Settings, at: str | None = None) -> RunningService:
        """The service that the settings describe.

        Args:
            settings: those of the service.
            at: its origin, where it is not the one in the settings.

        Raises:
            ServiceAway: it was never started here, so there are no keys.
        """
        try:
            keys: Keys = keys_in_force(settings, make=False)
        except FileNotFoundError as never:
            raise ServiceAway(str(never)) from never
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        reached_at = (at or f"http://{host}:{settings.port}").rstrip("/")
        named = "public_origin" in settings.model_fields_set
        public_origin = settings.public_origin if named or at is None else reached_at
        account = CarrierAccount(settings.twilio.account_sid, keys.twilio_auth_token, public_origin, reached_at)
        return cls(reached_at, account, keys.api_token)

    def client(self) -> httpx.AsyncClient:
        """An HTTP client with the key."""
        return httpx.AsyncClient(
            base_url=self.reached_at,
            headers={"Authorization": f"Bearer {self.api_token}"},
            timeout=15.0,
            trust_env=False,
        )


@dataclass(frozen=True, slots=True)
class Rung:
    """A call that was placed and is over.

    Attributes:
        line: what the carrier knows.
        record: what the service keeps; None where it never took the call (sent to a human at once).
    """

    line: CallRecord
    record: dict[str, Any] | None

    @property
    def recorded(self) -> list[Point]:
        """The trajectory on record."""
        return [Point.of(row) for row in self.record["trajectory"]] if self.record else []


async def check(service: RunningService) -> None:
    """Make sure that the service answers.

    Raises:
        ServiceAway: it does not.
    """
    try:
        async with service.client() as http:
            answer = await http.get("/healthz")
            answer.raise_for_status()
    except httpx.HTTPError as away:
        raise ServiceAway(f"nothing answers on {service.reached_at}: start the service with `make run`") from away


async def ring(
    service: RunningService, utterances: Sequence[Pcm], to_number: str, on_event: Callable[[dict[str, Any]], None]
) -> Rung:
    """Place a call, speak the utterances, tell every event, and read the record when all is over.

    Args:
        service: who is called.
        utterances: 8 kHz samples, one per turn.
        to_number: E.164.
        on_event: gets the call's events in order, as JSON objects.

    Raises:
        CallNotTaken: the webhook was not answered.
        ServiceAway: the API does not answer, or not in time.
    """
    async with service.client() as http:
        caller = ScriptedCaller([Say(pcm) for pcm in utterances])
        call = CarrierCall(service.account, caller, to_number=to_number)
        following = asyncio.create_task(_follow(http, call.carrier_call_id, on_event), name="follow the call")
        try:
            line = await call.run(deadline_s=3600)
            call_id = await asyncio.wait_for(following, _LAST_EVENTS_S)
            if call_id is None:
                return Rung(line, None)
            answer = await http.get(f"/v1/calls/{call_id}")
            answer.raise_for_status()
            return Rung(line, answer.json())
        except TimeoutError as late:
            raise ServiceAway("the call is over, but its story did not end in time") from late
        except httpx.HTTPError as failed:
            raise ServiceAway(f"the API of the service failed: {failed}") from failed
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _follow(
    http: httpx.AsyncClient, carrier_call_id: str, on_event: Callable[[dict[str, Any]], None]
) -> str | None:
    """Tell a call's events until it has ended; the service's id of the call, None if it never appeared."""
    call_id = await _find(http, carrier_call_id)
    if call_id is None:
        return None
    after = 0
    while True:
        async for event in _events(http, call_id, after):
            after = int(event["seq"])
            on_event(event)
            if event["kind"] == "CallEnded":
                return call_id
        await asyncio.sleep(0.2)


async def _find(http: httpx.AsyncClient, carrier_call_id: str) -> str | None:
    for _ in range(round(_FIND_S / 0.2)):
        answer = await http.get("/v1/calls", params={"carrier_call_id": carrier_call_id})
        answer.raise_for_status()
        calls = answer.json()["calls"]
        if calls:
            return str(calls[0]["id"])
        await asyncio.sleep(0.2)
    return None


async def _events(http: httpx.AsyncClient, call_id: str, after: int) -> AsyncIterator[dict[str, Any]]:
    """Server-sent events from after a position; ends quietly where the connection breaks, to be taken up again."""
    timeout = httpx.Timeout(15.0, read=_SILENT_S)
    try:
        async with http.stream(
            "GET", f"/v1/calls/{call_id}/events", params={"after": after}, timeout=timeout
        ) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[len("data:") :])
    except httpx.TransportError:
        return
