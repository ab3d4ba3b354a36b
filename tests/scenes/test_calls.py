"""Whole calls, from the ring to the record."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pipelines.emotion.estimate import Label
from pipelines.plan import OpeningHours
from telephony.public_urls import socket_url
from telephony.simulator.caller import Press, Say
from telephony.twilio.signature import HEADER, sign
from tests.scenes.conftest import Opened


def agent_turns(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The agent's answers of a record."""
    return [turn for turn in record["turns"] if turn["party"] == "agent" and turn["turn"] > 0]


async def test_a_call_is_answered_and_written_down(open_stage: Opened) -> None:
    """Three questions, three answers, a trajectory, and times that sum."""
    async with open_stage() as stage:
        stage.feeling.labels.extend([Label.NEUTRAL, Label.ANGRY, Label.NEUTRAL])
        lines = ["how do I restart my router", "this is the third time I am calling", "when does my tariff end"]
        call = await stage.ring([Say(stage.voice)] * 3, lines=lines)
        record = await stage.record(call)
    assert call.ended == "the caller hung up"
    assert [turn.latency_s is not None for turn in call.turns] == [True] * 3
    assert record["outcome"] == "resolved"
    assert [turn["text"] for turn in record["turns"] if turn["party"] == "caller"] == lines
    answers = agent_turns(record)
    assert len(answers) == 3
    assert all(turn["text"] for turn in answers)
    for turn in answers:
        assert sum(turn["stages"].values()) == pytest.approx(turn["total_s"], abs=1e-6)
    assert [point["label"] for point in record["trajectory"]] == ["neutral", "angry", "neutral"]
    assert answers[1]["tone"]["name"] != "upbeat"


async def test_a_barge_in_keeps_only_what_was_heard(open_stage: Opened) -> None:
    """The caller cuts in; the carrier's buffer is cleared and the record ends at the heard word."""
    async with open_stage() as stage:
        lines = ["how do I restart my router", "when does my tariff end"]
        call = await stage.ring([Say(stage.voice), Say(stage.voice, cut_in_s=1.5)], lines=lines)
        record = await stage.record(call)
    first = agent_turns(record)[0]
    assert first["interrupted"]
    assert 0 < len(first["text"]) < len(first["planned"])
    assert first["planned"].startswith(first["text"][:20])
    assert call.entries("clear")


async def test_a_human_is_never_refused(open_stage: Opened) -> None:
    """Asked for a person while the team is in, the agent says so and the carrier goes on to the queue."""
    always = ("00:00", "24:00")
    hours = OpeningHours(weekdays=always, saturday=always, sunday=always)
    async with open_stage(agent={"hours": hours}) as stage:
        call = await stage.ring([Say(stage.voice)], lines=["I want to speak to a real person"], quiet_s=4.0)
        record = await stage.record(call)
    assert record["outcome"] == "handed_off"
    assert "colleague" in agent_turns(record)[0]["text"]
    assert "queue" in call.ended


async def test_opting_out_by_keys_ends_analysis_at_once(open_stage: Opened) -> None:
    """After *9 no estimate is made; the call goes on."""
    async with open_stage() as stage:
        steps = [Say(stage.voice), Press("*9"), Say(stage.voice)]
        call = await stage.ring(steps, lines=["how do I restart my router", "when does my tariff end"])
        record = await stage.record(call)
    assert [point["turn"] for point in record["trajectory"]] == [1]
    assert len(agent_turns(record)) == 3


HOSTILE: list[str | bytes] = [
    b"\x00\xff",
    "x" * 60_000,
    "x" * 1_000_000,
    "[]",
    "null",
    "{}",
    "garbage",
    '{"event":"media","media":{"payload":5}}',
    '{"event":"media","media":{"payload":"!!!"}}',
    '{"event":"dtmf","dtmf":"x"}',
    "[" * 20_000,
    '{"event":"start","start":[]}',
    '{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1","customParameters":{"t":"forged"}}}',
]


async def test_hostile_sockets_are_closed_and_harm_nobody(open_stage: Opened) -> None:
    """Every stranger on the media socket is sent away with a code while a call goes on beside."""
    async with open_stage() as stage:
        ringing = asyncio.ensure_future(stage.ring([Say(stage.voice)] * 2, lines=["how do I restart my router"] * 2))
        url = stage.origin.replace("http", "ws") + "/v1/twilio/media"
        signed = sign(stage.house.keys.twilio_auth_token, socket_url(stage.account().public_origin, "/v1/twilio/media"))
        with pytest.raises(InvalidStatus, match="403"):
            await connect(url)
        codes = []
        for text in HOSTILE:
            async with connect(url, additional_headers={HEADER: signed}) as stranger:
                try:
                    await stranger.send(text)
                    async with asyncio.timeout(10):
                        while True:
                            await stranger.recv()
                except ConnectionClosed as closed:
                    codes.append(closed.rcvd.code if closed.rcvd else None)
        call = await ringing
    assert set(codes) <= {1002, 1008, 1009}
    assert [turn.latency_s is not None for turn in call.turns] == [True, True]


async def test_strangers_cannot_ring(open_stage: Opened) -> None:
    """A webhook without a good signature is refused and no call comes of it."""
    async with open_stage() as stage, httpx.AsyncClient(base_url=stage.origin) as http:
        form = {"CallSid": "CA1", "From": "+15550001", "To": stage.house.settings.default_number}
        unsigned = await http.post("/v1/twilio/voice", data=form)
        forged = await http.post("/v1/twilio/voice", data=form, headers={"X-Twilio-Signature": "x"})
        calls = await http.get("/v1/calls")
    assert (unsigned.status_code, forged.status_code, calls.status_code) == (403, 403, 401)


async def test_the_call_outlives_its_valkey(open_stage: Opened) -> None:
    """Valkey is killed in mid-call: the caller notices nothing and the record is complete."""
    async with open_stage() as stage:
        ringing = asyncio.ensure_future(stage.ring([Say(stage.voice)] * 3, lines=["how do I restart my router"] * 3))
        await stage.until(lambda: stage.house.admission.live == 1)
        valkey = stage.house.valkey
        assert valkey is not None
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGKILL)
        call = await ringing
        record = await stage.record(call)
    assert [turn.latency_s is not None for turn in call.turns] == [True] * 3
    assert len(agent_turns(record)) == 3
    assert len(record["trajectory"]) == 3
