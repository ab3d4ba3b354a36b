"""Real SIP calls: sipp -> Asterisk -> our media socket -> a conversation, and back to the telephone's ear."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from pipelines.plan import OpeningHours
from telephony.audio import decode_ulaw
from telephony.simulator.caller import Press, Say, Step
from tests.scenes.conftest import Opened, Stage
from tests.sip.conftest import SETTINGS, OpenedLine
from tests.sip.exchange import HOLD_HZ, exchange
from tests.sip.telephone import place_calls

QUESTION = "how do I restart my router"
ALWAYS = ("00:00", "24:00")


async def ended(stage: Stage, count: int) -> list[dict[str, Any]]:
    """The records of all calls once they have ended."""
    headers = {"Authorization": f"Bearer {stage.house.keys.api_token}"}
    async with httpx.AsyncClient(base_url=stage.origin, headers=headers) as http, asyncio.timeout(30):
        while True:
            calls = (await http.get("/v1/calls", params={"limit": 100})).json()["calls"]
            if len(calls) >= count and all(call["status"] == "ended" for call in calls):
                return [(await http.get(f"/v1/calls/{call['id']}")).json() for call in calls]
            await asyncio.sleep(0.1)


def hum_share(ulaw: bytes) -> float:
    """Share of the energy of the last second that is the music on hold."""
    pcm = decode_ulaw(ulaw[-8000:]).astype(float)
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at = round(HOLD_HZ * len(pcm) / 8000)
    return float(power[at - 3 : at + 4].sum() / max(1.0, power.sum()))


async def test_ten_calls_are_answered_and_written_down(open_line: OpenedLine) -> None:
    """Ten telephones call; each hears the greeting and an answer to its question, each call has its record."""
    async with open_line() as (stage, line):
        stage.ear.lines.extend([QUESTION] * 10)
        placed = await place_calls(line.sip_port, [[Say(stage.voice)]] * 10, seconds=20, at_once=10, a_second=4)
        assert placed.failed == 0, placed.output
        records = await ended(stage, 10)
    assert [telephone.answered for telephone in placed.telephones] == [{0, 1}] * 10
    assert sorted(record["from"] for record in records) == [f"+15550{20000 + place}" for place in range(10)]
    assert {record["carrier"] for record in records} == {"asterisk"}
    assert {record["outcome"] for record in records} == {"resolved"}


async def test_keys_reach_the_agent(open_line: OpenedLine) -> None:
    """RFC 4733 events of a telephone are keys of ours: after *9 nothing is analysed any more."""
    async with open_line() as (stage, line):
        stage.ear.lines.extend([QUESTION] * 2)
        steps: list[Step] = [Say(stage.voice), Press("*9"), Say(stage.voice)]
        placed = await place_calls(line.sip_port, [steps], seconds=25)
        [record] = await ended(stage, 1)
    assert placed.failed == 0, placed.output
    assert [point["turn"] for point in record["trajectory"]] == [1]


async def test_a_human_is_found_in_the_dialplan(open_line: OpenedLine) -> None:
    """The agent hands over by closing its socket: the dialplan asks, queues the caller, who hears the music."""
    hours = OpeningHours(weekdays=ALWAYS, saturday=ALWAYS, sunday=ALWAYS)
    async with open_line(agent={"hours": hours}) as (stage, line):
        stage.ear.lines.append("I want to speak to a real person")
        placed = await place_calls(line.sip_port, [[Say(stage.voice)]], seconds=18, quiet_s=4.0)
        [record] = await ended(stage, 1)
        assert line.told("attune: next: support") == 1
        assert line.told("attune: to a human: support") == 1
    assert record["outcome"] == "handed_off"
    assert placed.failed == 0, placed.output
    assert hum_share(bytes(placed.telephones[0].ulaw)) > 0.5


async def test_a_stranger_with_another_password_reaches_a_human(open_line: OpenedLine) -> None:
    """The service does not know this exchange: it is refused at the handshake, and the dialplan takes the caller on."""
    nothing: list[Step] = []
    async with open_line(asterisk={"credentials": {"office": "another password"}}) as (stage, line):
        placed = await place_calls(line.sip_port, [nothing], seconds=3)
        assert line.told("attune: no agent: CHANUNAVAIL") >= 1
        assert stage.house.admission.live == 0
    assert hum_share(bytes(placed.telephones[0].ulaw)) > 0.5


async def test_the_service_is_down() -> None:
    """Nobody listens: within a second and a half every caller is in the queue and hears its music."""
    nothing: list[Step] = []
    async with exchange(9) as line:
        placed = await place_calls(line.sip_port, [nothing] * 5, seconds=4, a_second=5)
        assert line.told("attune: no agent: CHANUNAVAIL") == 5
        assert line.told("attune: to a human: support") == 5
    assert placed.failed == 0, placed.output
    assert all(hum_share(bytes(telephone.ulaw)) > 0.5 for telephone in placed.telephones)


async def test_the_service_stops_in_mid_call(open_stage: Opened) -> None:
    """The media socket is closed and nobody answers what comes next: the caller is in the queue, not cut off."""
    async with AsyncExitStack() as service:
        stage = await service.enter_async_context(open_stage(**SETTINGS))
        async with exchange(int(urlsplit(stage.origin).port or 0)) as line:
            calling = asyncio.ensure_future(place_calls(line.sip_port, [[Say(stage.voice)]], seconds=14, quiet_s=30.0))
            await stage.until(lambda: stage.house.admission.live == 1)
            await service.aclose()
            placed = await calling
            assert line.told("attune: to a human: support") == 1
    assert placed.failed == 0, placed.output
    assert hum_share(bytes(placed.telephones[0].ulaw)) > 0.5
