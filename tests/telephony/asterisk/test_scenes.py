"""Whole calls over Asterisk's media socket: the real service, an exchange that keeps the contract, scripted models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pipelines.plan import OpeningHours
from telephony.simulator.asterisk import AsteriskCall, Trunk
from telephony.simulator.caller import Press, Say, ScriptedCaller, Step
from telephony.simulator.record import CallRecord
from tests.scenes.conftest import Opened, Stage
from tests.scenes.test_calls import agent_turns
from tests.telephony import hostile

QUESTION = "how do I restart my router"
PASSWORD = "a long password"


@dataclass
class Office:
    """A service and the exchange in front of it."""

    stage: Stage
    trunk: Trunk

    def call(self, steps: Sequence[Step], *, lines: Sequence[str] = (), quiet_s: float = 0.6) -> AsteriskCall:
        """Prepare a call; `lines` is what the recogniser will hear."""
        self.stage.ear.lines.extend(lines)
        caller = ScriptedCaller(steps, quiet_s=quiet_s)
        return AsteriskCall(self.trunk, caller, to_number=self.stage.house.settings.default_number)

    async def record(self, call: CallRecord) -> dict[str, Any]:
        """What the API has of the call."""
        return await self.stage.record(call)


Entered = Callable[..., Any]


@pytest.fixture
def office(open_stage: Opened) -> Entered:
    """Open a service that knows one exchange."""

    @asynccontextmanager
    async def opened(**overrides: Any) -> AsyncIterator[Office]:
        async with open_stage(asterisk={"credentials": {"office": PASSWORD}}, **overrides) as stage:
            yield Office(stage, Trunk(stage.origin, "office", PASSWORD))

    return opened


async def test_a_call_from_ring_to_record(office: Entered) -> None:
    """Questions, a barge-in, keys, a hang-up: flushed at once, never more than 200 ms queued, all written down."""
    async with office() as line:
        steps: list[Step] = [
            Say(line.stage.voice),
            Say(line.stage.voice, cut_in_s=1.5),
            Press("*9"),
            Say(line.stage.voice),
        ]
        call = line.call(steps, lines=[QUESTION, "when does my tariff end", QUESTION])
        ledger = await call.run(deadline_s=120)
        record = await line.record(ledger)
    assert ledger.ended == "the caller hung up"
    assert record["carrier"] == "asterisk"
    assert record["outcome"] == "resolved"
    assert record["carrier_call_id"] == call.carrier_call_id
    first = agent_turns(record)[0]
    assert first["interrupted"]
    assert 0 < len(first["text"]) < len(first["planned"])
    assert ledger.entries("clear")
    assert {entry.detail for entry in ledger.entries("key pressed")} == {"*", "9"}
    assert [point["turn"] for point in record["trajectory"]] == [1, 2]
    assert call.queue.longest <= 10
    assert call.queue.dropped_bytes == 0
    assert not ledger.entries("nonsense")
    asked, returned = (len(ledger.entries(kind)) for kind in ("mark asked", "mark returned"))
    assert 0 < returned <= asked


async def test_a_human_takes_over_where_the_dialplan_says(office: Entered) -> None:
    """The agent hands over: the socket is closed, the dialplan asks and is told the place that the settings name."""
    always = ("00:00", "24:00")
    hours = OpeningHours(weekdays=always, saturday=always, sunday=always)
    async with office(agent={"hours": hours}) as line:
        ledger = await line.call([Say(line.stage.voice)], lines=["let me speak to a person"], quiet_s=4.0).run()
        record = await line.record(ledger)
    assert record["outcome"] == "handed_off"
    assert ledger.ended == "queued in support"
    assert not ledger.entries("hang-up asked")


async def test_a_lost_socket_is_dialled_again_and_the_call_goes_on(office: Entered) -> None:
    """The media socket tears before the question: the dialplan is told to dial again, and it is the same call."""
    async with office() as line:
        call = line.call([Say(line.stage.voice)], lines=[QUESTION], quiet_s=1.5)
        running = asyncio.ensure_future(call.run(deadline_s=120))
        await line.stage.until(lambda: call.queue.longest > 0 and line.stage.house.admission.live == 1)
        await asyncio.sleep(1.0)
        call.cut()
        ledger = await running
        record = await line.record(ledger)
    assert ledger.entries("next")[0].detail == "again"
    assert len(ledger.entries("stream connected")) == 2
    assert ledger.turns[-1].latency_s is not None
    assert record["outcome"] == "resolved"


async def test_a_full_house_sends_the_caller_to_a_human(office: Entered) -> None:
    """No line is free: the socket is closed again and the caller is queued."""
    async with office(max_calls=0) as line:
        ledger = await line.call([]).run(deadline_s=30)
    assert ledger.ended == "queued in support"


async def test_nobody_listens(office: Entered) -> None:
    """The service is away: two tries, then a human."""
    async with office() as line:
        nowhere = AsteriskCall(Trunk("http://127.0.0.1:9", "office", PASSWORD), ScriptedCaller([]))
        strange = AsteriskCall(Trunk(line.stage.origin, "office", "guessed"), ScriptedCaller([]))
        away, refused = await asyncio.gather(nowhere.run(deadline_s=30), strange.run(deadline_s=30))
        assert line.stage.house.admission.live == 0
    for ledger in (away, refused):
        assert ledger.ended == "queued in support"
        assert len(ledger.entries("stream error")) == 2


async def test_three_hundred_strange_messages_on_a_live_call(office: Entered) -> None:
    """Sent while the agent speaks: the call stays, the next question is answered."""
    async with office() as line:
        call = line.call([Say(line.stage.voice)], lines=[QUESTION], quiet_s=4.0)
        running = asyncio.ensure_future(call.run(deadline_s=120))
        await line.stage.until(lambda: call.queue.longest > 0)
        channel = call.channel_id
        strange = hostile.frames("asterisk", 380, lambda text: text.replace("1795517054.1", channel))
        assert len(strange) >= 300
        for place, message in enumerate(strange):
            await call.send(message)
            if place % 4 == 3:
                await asyncio.sleep(0.05)
        ledger = await running
        record = await line.record(ledger)
    assert ledger.ended == "the caller hung up"
    assert ledger.turns[-1].latency_s is not None
    assert record["outcome"] == "resolved"


async def test_a_message_that_is_too_big_closes_the_socket(office: Entered) -> None:
    """1009, and the caller is taken on by the dialplan."""
    async with office() as line:
        call = line.call([], quiet_s=5.0)
        running = asyncio.ensure_future(call.run(deadline_s=60))
        await line.stage.until(lambda: call.queue.longest > 0)
        await call.send("x" * 65_537)
        ledger = await running
    assert ledger.entries("stream closed")[0].detail == "1009"


async def test_strangers_on_the_media_socket(office: Entered) -> None:
    """Without the password there is no handshake; with it, what is no start is sent away with a code."""
    async with office() as line:
        url = line.trunk.origin.replace("http", "ws") + "/v1/asterisk/media"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url):
                pass
        assert refused.value.response.status_code == 403
        codes: list[int | None] = []
        for first in (b"\xff" * 160, "garbage", "[]", "{}", '{"event":"MEDIA_START"}', json.dumps({"event": "STATUS"})):
            async with connect(url, additional_headers=line.trunk.login) as socket:
                try:
                    await socket.send(first)
                    async with asyncio.timeout(10):
                        while True:
                            await socket.recv()
                except ConnectionClosed as closed:
                    codes.append(closed.rcvd.code if closed.rcvd else None)
    assert set(codes) == {1002}
