"""Strangers and broken carriers: hundreds of hostile messages and webhooks on every line while calls go on."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from telephony.simulator.caller import Say
from telephony.simulator.dialects import (
    Dialect,
    ExotelDialect,
    PlivoDialect,
    TelnyxDialect,
    TwilioDialect,
    VonageDialect,
    Webhook,
)
from telephony.simulator.wire_call import WireCall
from tests.scenes.carriers import NAMES, Lines, every_line
from tests.scenes.conftest import Opened
from tests.telephony.hostile import FORMS, OVERSIZE, TOO_LARGE_FORM, frames, good

QUESTION = "how do I restart my router"
FRAMES = 330
STREAM_FIELDS = {
    "twilio": "streamSid",
    "telnyx": "stream_id",
    "plivo": "streamId",
    "exotel": "stream_sid",
    "genesys": "id",
}
FORGED = {
    b"content-type": b"application/x-www-form-urlencoded",
    b"x-twilio-signature": b"\xff",
    b"telnyx-timestamp": b"9" * 99,
    b"telnyx-signature-ed25519": b"AAAA",
    b"x-plivo-signature-v3": b",,,",
    b"x-plivo-signature-v3-nonce": b"\xfe",
    b"authorization": b"Bearer e30.e30.e30",
}


def recorded_stream(name: str) -> str:
    """The stream's id in the recorded messages; one that never occurs where the protocol has none."""
    field = STREAM_FIELDS.get(name)
    return next((message[field] for message in good(name) if field and field in message), "\x00never")


async def trouble(lines: Lines, name: str, call: WireCall, dialect: Dialect) -> int:
    """Send the catalogue on a running call, once it has had its first answer; how many messages.

    Four of five go to the stream itself, the others to a stream that is not there.
    """
    theirs, turn = recorded_stream(name), count()
    hostile = frames(name, FRAMES, lambda text: text.replace(theirs, dialect.stream_id) if next(turn) % 5 else text)
    await lines.stage.until(lambda: call.happened("caller ends") and call.happened("agent sounds"), deadline_s=150)
    call.strange.extend(hostile)
    return len(hostile)


def signed(dialect: Dialect, path: str, body: bytes) -> Webhook:
    """A hostile body with a good signature: a carrier that is broken, or a caller's name that is an attack."""
    fields = {"CallSid": "CA-hostile", "From": body.decode("utf-8", "replace")[:3000], "CallStatus": "\x00"}
    match dialect:
        case TelnyxDialect() | VonageDialect():
            return dialect.signed(path, body)
        case PlivoDialect() | TwilioDialect():
            return dialect.signed(path, fields)
        case ExotelDialect():
            return Webhook("POST", path, {**dialect.ring().headers, "content-type": "application/json"}, body)
        case _:
            raise AssertionError(dialect)


async def besiege(lines: Lines, name: str) -> list[int]:
    """Every hostile body at every webhook of a carrier, unsigned and signed; the answers' statuses."""
    carrier = next(one for one in lines.stage.house.carriers if one.name == name)
    dialect = lines.dialect(name)
    statuses = []
    async with httpx.AsyncClient(base_url=lines.stage.origin, timeout=30) as http:
        for path, methods in carrier.webhooks.items():
            url = f"/v1/{name}/{path}"
            method = "POST" if "POST" in methods else "GET"
            for body in (*FORMS, TOO_LARGE_FORM):
                answer = await http.request(method, url, content=body, headers=FORGED)
                assert answer.status_code in (403, 413), (name, body[:60], answer.status_code)
                statuses.append(answer.status_code)
                if path != "voice":
                    attack = signed(dialect, url, body)
                    answer = await http.request(method, url, content=attack.body, headers=dict(attack.headers))
                    statuses.append(answer.status_code)
    return statuses


async def besiege_all(lines: Lines) -> dict[str, list[int]]:
    """One carrier after the other: the calls need the machine too."""
    return {name: await besiege(lines, name) for name in NAMES}


async def test_no_hostile_message_and_no_hostile_webhook_costs_a_call(open_stage: Opened, tmp_path: Path) -> None:
    """Six calls, one a carrier: over 300 hostile messages on each and a siege of their webhooks; all are answered."""
    async with every_line(open_stage, tmp_path) as lines:
        stage = lines.stage
        stage.ear.lines.extend([QUESTION] * 3 * len(NAMES))
        dialects = {name: lines.dialect(name) for name in NAMES}
        calls = {name: lines.call(dialects[name], [Say(stage.voice)] * 3) for name in NAMES}
        async with asyncio.TaskGroup() as ringing:
            running = ringing.create_task(lines.together(calls))
            troubles = {name: ringing.create_task(trouble(lines, name, calls[name], dialects[name])) for name in NAMES}
            siege = ringing.create_task(besiege_all(lines))
        told = running.result()
        records = {name: await stage.record_of(call.call_id) for name, call in told.items()}
    for name in NAMES:
        assert not calls[name].strange, name
        assert troubles[name].result() >= 300, name
        assert len(told[name].answers) == 3, name
        assert told[name].answers[-1], (name, told[name].ledger[-20:])
        assert records[name]["outcome"] == "resolved", name
        assert all(status < 500 for status in siege.result()[name]), name


async def test_an_oversize_message_closes_the_socket_with_1009(open_stage: Opened, tmp_path: Path) -> None:
    """Text and binary, on a running call of every carrier; the records are complete."""
    async with every_line(open_stage, tmp_path) as lines:
        for message in OVERSIZE:
            calls = [lines.call(lines.dialect(name), []) for name in NAMES]
            for call in calls:
                call.strange.append(message)
            told = await asyncio.gather(*(call.run() for call in calls))
            assert [one.close_code for one in told] == [1009] * len(NAMES)
            for one in told:
                assert (await lines.stage.record_of(one.call_id))["status"] == "ended"


async def test_sockets_without_a_start_are_few_and_short(open_stage: Opened, tmp_path: Path) -> None:
    """Ten wait, the eleventh is refused, all are closed in time; then a caller gets through."""
    async with every_line(open_stage, tmp_path) as lines:
        url = lines.stage.origin.replace("http", "ws") + "/v1/telnyx/media"
        idle = [await connect(url, proxy=None) for _ in range(10)]
        with pytest.raises(InvalidStatus, match="403"):
            await connect(url, proxy=None)
        codes = []
        for socket in idle:
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(10):
                    await socket.recv()
            codes.append(socket.close_code)
        assert codes == [1008] * 10
        lines.stage.ear.lines.append(QUESTION)
        told = await lines.call(lines.dialect("telnyx"), [Say(lines.stage.voice)]).run()
    assert told.answers == [True]


async def test_a_webhook_that_comes_twice_has_one_effect(open_stage: Opened, tmp_path: Path) -> None:
    """The same ringing again gets the same call; after the call it gets a human and no new call."""
    async with every_line(open_stage, tmp_path) as lines, httpx.AsyncClient(base_url=lines.stage.origin) as http:
        for name in NAMES:
            dialect = lines.dialect(name)
            ring = dialect.ring()
            if ring is None:
                continue
            first, again = [
                await http.request(ring.method, ring.path, headers=dict(ring.headers), content=ring.body)
                for _ in range(2)
            ]
            assert dialect.place(first.text).url
            assert dialect.place(again.text).url
            for word in ("completed", "completed", "ringing"):
                status = dialect.status(word)
                assert status is not None
                answer = await http.request(
                    status.method, status.path, headers=dict(status.headers), content=status.body
                )
                assert answer.status_code in (200, 204)
            record = await lines.stage.record_of(dialect.call_id)
            assert record["outcome"] == "abandoned", name
            late = await http.request(ring.method, ring.path, headers=dict(ring.headers), content=ring.body)
            if name != "exotel":
                assert not dialect.place(late.text).url, json.dumps(late.text)
            assert late.status_code == (302 if name == "exotel" else 200)
        assert lines.stage.house.admission.live == 0
