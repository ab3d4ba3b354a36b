"""Something breaks in the middle of a call: the caller hears an answer all the same and nothing is lost."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from pipelines.plan import Keypad, LookupRow, LookupTool
from pipelines.ports import EngineFailed, Pcm, Recognition, WriterRequest
from pipelines.speech.llama import EmbeddedLlama
from pipelines.speech.writer import OpenAIWriter
from telephony.simulator.caller import Press, Say
from tests.scenes.conftest import Opened
from tests.scenes.test_calls import agent_turns
from tests.service.postgres import PostgresServer

QUESTION = "how do I restart my router"


class HangingWriter:
    """Takes the request and never answers."""

    async def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """Hang."""
        await asyncio.sleep(3600)
        yield ""


async def test_a_writer_that_hangs_is_replaced_in_time(open_stage: Opened) -> None:
    """The policy's own words are spoken in its place."""
    async with open_stage(writer=HangingWriter()) as stage:
        call = await stage.ring([Say(stage.voice)], lines=[QUESTION])
        record = await stage.record(call)
    answer = agent_turns(record)[0]
    assert call.turns[0].latency_s is not None
    assert answer["source"] == "template"
    assert answer["text"] == answer["planned"]


async def test_the_llm_is_killed_in_mid_call(open_stage: Opened, smollm2: Path) -> None:
    """Its process dies between two turns: the next answer comes all the same, and so does the one after."""
    async with EmbeddedLlama(smollm2, threads=2, context_tokens=2048, at_once=1) as llama:
        writer = OpenAIWriter(base_url=llama.base_url, model="embedded")
        async with open_stage(writer=writer) as stage:
            ringing = asyncio.ensure_future(stage.ring([Say(stage.voice)] * 3, lines=[QUESTION] * 3))
            await stage.until(lambda: stage.house.admission.live == 1)
            assert llama.pid is not None
            os.kill(llama.pid, signal.SIGKILL)
            call = await ringing
        await writer.aclose()
    assert [turn.latency_s is not None for turn in call.turns] == [True] * 3


class Deaf:
    """A recogniser that is away."""

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Fail."""
        raise EngineFailed("away")


async def test_a_recogniser_that_is_away_does_not_leave_silence(open_stage: Opened) -> None:
    """The caller is asked again."""
    async with open_stage(recogniser=Deaf()) as stage:
        call = await stage.ring([Say(stage.voice)])
        record = await stage.record(call)
    assert call.turns[0].latency_s is not None
    assert agent_turns(record)[0]["text"]


async def test_the_database_is_away_for_twenty_seconds_of_a_call(open_stage: Opened, postgres: PostgresServer) -> None:
    """PostgreSQL crashes in mid-call and comes back: every turn, estimate and event is in it, once."""
    url = postgres.create("scene")
    async with open_stage(database_url=url) as stage:
        ringing = asyncio.ensure_future(stage.ring([Say(stage.voice)] * 3, lines=[QUESTION] * 3))
        await stage.until(lambda: stage.house.admission.live == 1)
        await asyncio.sleep(4.0)
        await asyncio.to_thread(postgres.stop)
        await asyncio.sleep(20.0)
        await asyncio.to_thread(postgres.start)
        call = await ringing
        record = await stage.record(call)
    assert [turn.latency_s is not None for turn in call.turns] == [True] * 3
    assert [turn["text"] for turn in record["turns"] if turn["party"] == "caller"] == [QUESTION] * 3
    assert len(agent_turns(record)) == 3
    assert [point["turn"] for point in record["trajectory"]] == [1, 2, 3]


async def test_a_pin_is_typed_and_stands_nowhere(open_stage: Opened) -> None:
    """It is asked for, typed, checked; the record says that keys were pressed and that nobody listened meanwhile."""
    pin = "4711"
    tool = LookupTool(
        name="account",
        when=("my account",),
        ask="Please type your four digits.",
        key_name="PIN",
        key_pattern=r"\d{4}",
        rows=(LookupRow(key=f"sha256:{hashlib.sha256(pin.encode()).hexdigest()}", answer="You owe nothing."),),
        not_found="I do not know that.",
        keypad=Keypad(fewest=4, most=4),
    )
    async with open_stage(agent={"tools": (tool,)}) as stage:
        call = await stage.ring([Say(stage.voice), Press(pin)], lines=["I want to see my account"])
        record = await stage.record(call)
        kept = b"".join(path.read_bytes() for path in stage.house.settings.data_dir.rglob("*") if path.is_file())
    answers = [turn["text"] for turn in agent_turns(record)]
    assert answers == ["Please type your four digits.", "You owe nothing."]
    assert [turn["text"] for turn in record["turns"] if turn["party"] == "caller"][1] == "(keys pressed)"
    assert b'"reason": "secret"' in kept or b'"reason":"secret"' in kept
    assert b'"4711"' not in kept
    assert b"4711#" not in kept
