"""Twilio in full: a real account's REST interface, webhooks that come twice and out of order, two tokens in force."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx

from pipelines.plan import OpeningHours
from telephony.simulator.caller import Say, ScriptedCaller, Step
from telephony.simulator.carrier import CarrierCall
from telephony.simulator.loopback import served
from telephony.simulator.mischief import Mischief
from telephony.simulator.record import CallRecord
from telephony.simulator.rest import CarrierRest
from tests.scenes.conftest import Opened, Stage

SID, TOKEN = "AC" + "5" * 32, "the-account-token"
ALWAYS = ("00:00", "24:00")
QUESTION = "how do I restart my router"


@asynccontextmanager
async def account(open_stage: Opened) -> AsyncIterator[tuple[Stage, CarrierRest]]:
    """The service with an account, and the account's REST interface."""
    rest = CarrierRest(SID, TOKEN)
    hours = OpeningHours(weekdays=ALWAYS, saturday=ALWAYS, sunday=ALWAYS)
    async with served(rest.app) as api:
        twilio = {
            "account_sid": SID,
            "auth_token": TOKEN,
            "previous_auth_token": "the-token-before",
            "api_base_url": api,
        }
        async with open_stage(agent={"hours": hours}, twilio=twilio, max_loop_lag_s=5.0) as stage:
            yield stage, rest


async def ring(
    stage: Stage, rest: CarrierRest, steps: list[Step], lines: list[str], *, token: str = TOKEN, quiet_s: float = 1.0
) -> CallRecord:
    """One call whose webhooks come up to three times and whose callbacks are shuffled."""
    stage.ear.lines.extend(lines)
    carrier = replace(stage.account(), auth_token=token, status_path="/v1/twilio/status")
    mischief = Mischief(copies=3, shuffle=True, seed=3)
    call = CarrierCall(carrier, ScriptedCaller(steps, quiet_s=quiet_s), mischief=mischief)
    return await rest.knows(call).run(deadline_s=120)


async def records(stage: Stage, carrier_call_id: str) -> int:
    """How many records there are of a call."""
    headers = {"Authorization": f"Bearer {stage.house.keys.api_token}"}
    async with httpx.AsyncClient(base_url=stage.origin, headers=headers) as http:
        found = await http.get("/v1/calls", params={"carrier_call_id": carrier_call_id})
        return len(found.json()["calls"])


async def test_a_call_is_cut_into_and_transferred_whatever_happens_to_its_webhooks(open_stage: Opened) -> None:
    """Answered, interrupted, sent to a human by REST: one record, one transfer, no hang-up."""
    async with account(open_stage) as (stage, rest):
        steps: list[Step] = [Say(stage.voice), Say(stage.voice, cut_in_s=1.5)]
        told = await ring(stage, rest, steps, [QUESTION, "I want to speak to a real person"], quiet_s=6.0)
        record = await stage.record_of(told.carrier_call_id)
        assert await records(stage, told.carrier_call_id) == 1
    assert told.ended == "queued in support"
    assert told.entries("clear")
    assert record["outcome"] == "handed_off"
    assert [turn["interrupted"] for turn in record["turns"] if turn["party"] == "agent" and turn["turn"] == 1] == [True]
    assert [sorted(request) for request in rest.requests] == [["CallSid", "Twiml"]]
    assert ">support</Enqueue>" in rest.requests[0]["Twiml"]
    answered = [entry.detail for entry in told.entries("webhook")]
    assert len(answered) > len(set(answered))
    assert not [line for line in answered if not line.endswith((": 200", ": 204"))]


async def test_the_agent_hangs_up_by_rest(open_stage: Opened) -> None:
    """After goodbye; the token before the one in force still vouches."""
    async with account(open_stage) as (stage, rest):
        lines = ["no thank you, goodbye"]
        told = await ring(stage, rest, [Say(stage.voice)], lines, token="the-token-before", quiet_s=8.0)
        record = await stage.record_of(told.carrier_call_id)
    assert record["outcome"] == "resolved"
    assert told.ended == "completed by the account"
    assert [request.get("Status") for request in rest.requests] == ["completed"]
