"""The life of calls under operations: killed processes, stops, half-open lines, overload."""

from __future__ import annotations

import asyncio
import random

import pytest

from pipelines.plan import OpeningHours
from pipelines.ports import Pcm
from telephony.simulator.caller import Act, Quiet, Say
from telephony.simulator.carrier import CarrierCall
from tests.bench import drain, kills
from tests.scenes.conftest import Opened

QUESTION = "how do I restart my router"


@pytest.mark.timeout(600)
async def test_two_kills_lose_nothing_vital_and_every_caller_is_heard_again(spoken: Pcm) -> None:
    """Kill -9 in mid-call, twice: the other process takes the calls up, and each record is one whole story."""
    chance = random.Random(20261124)
    async with kills.rig() as rig:
        losses = await kills.kill(rig, spoken, 3, chance)
        await rig.start()
        losses += await kills.kill(rig, spoken, 3, chance)
    assert [loss.torn for loss in losses] == [""] * 6
    assert [loss.class_a for loss in losses] == [0] * 6
    assert all(loss.back_s is not None for loss in losses)


@pytest.mark.timeout(300)
async def test_a_stop_drops_no_call(spoken: Pcm) -> None:
    """Calls come to their own end, a late caller goes to a human, and then the process ends."""
    left = await drain.drain(spoken, 4, limit_s=90, turns=1)
    assert left.ended("the caller hung up") == 4
    assert "queued" in left.late
    assert left.gone


@pytest.mark.timeout(300)
async def test_at_the_drain_limit_callers_are_handed_over(spoken: Pcm) -> None:
    """They hear that a colleague takes over and go to the queue."""
    handed = await drain.drain(spoken, 3, limit_s=1, turns=20)
    assert handed.ended("queued") == 3
    assert handed.gone


class Vanished:
    """A caller whose line falls silent for good: not even silence arrives any more."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self.gone = asyncio.Event()

    def act(self, at_s: float, hears: bool) -> Act:
        """Line noise, then nothing."""
        if at_s >= self._after_s:
            self.gone.set()
        return Quiet(b"\xff" * 160)


async def test_a_half_open_line_ends(open_stage: Opened) -> None:
    """The socket stays open and nothing comes any more: five seconds later the call is over and written down."""
    async with open_stage() as stage:
        caller = Vanished(1.0)
        call = CarrierCall(stage.account(), caller)
        running = asyncio.ensure_future(call.run(deadline_s=60))
        await caller.gone.wait()
        call.freeze()
        await stage.until(lambda: stage.house.admission.live == 0, deadline_s=20)
        call.complete()
        record = await stage.record(await running)
    assert record["reason"].startswith("the line was lost")


async def test_a_late_event_loop_sends_new_callers_to_a_human(open_stage: Opened) -> None:
    """Calls in progress go on; who rings now gets no bad agent."""
    always = ("00:00", "24:00")
    hours = OpeningHours(weekdays=always, saturday=always, sunday=always)
    async with open_stage(max_loop_lag_s=0.0, agent={"hours": hours}) as stage:
        call = await stage.ring([Say(stage.voice)], lines=[QUESTION])
    said = [entry.detail for entry in call.entries("carrier says")]
    assert "queue" in call.ended
    assert "All our lines are busy" in said[0]
    assert said[1] == "You are number 2 in line. The wait is about 2 minutes."


async def test_nobody_is_left_in_a_queue_that_nobody_looks_after(open_stage: Opened) -> None:
    """Too many callers and the team is out: that is said, and the call ends."""
    async with open_stage(max_loop_lag_s=0.0, agent={"hours": OpeningHours(weekdays=None, saturday=None)}) as stage:
        call = await stage.ring([Say(stage.voice)], lines=[QUESTION])
    assert "not in right now" in call.entries("carrier says")[0].detail
    assert call.ended == "the service ended the call"
