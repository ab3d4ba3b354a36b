"""Scenes of whole simulated calls against a tiny service that echoes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from telephony.accept import AcceptedStream, accept_stream, stream_purpose
from telephony.audio import Pcm, encode_ulaw
from telephony.carrier import Dtmf, Mark, Media, Stop, Taken
from telephony.human import HumanFallback
from telephony.public_urls import public_url, socket_url
from telephony.simulator.caller import Press, Say, ScriptedCaller
from telephony.simulator.carrier import CallNotTaken, CarrierAccount, CarrierCall
from telephony.simulator.loopback import served
from telephony.simulator.rest import CarrierRest
from telephony.tokens import TokenBook
from telephony.twilio import signature, twiml
from telephony.twilio.codec import TwilioCodec
from telephony.twilio.control import TwilioControl

ACCOUNT, AUTH_TOKEN = "AC" + "0" * 32, "a-token"
ORIGIN = "https://voice.example"
QUEUE = HumanFallback(None, "support")


def tone(seconds: float) -> Pcm:
    """A sound."""
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * 8000)) / 8000)).astype(np.int16)


class EchoService:
    """Answers every call, greets with a beep and a mark, then lets a scene say what to do with each event."""

    def __init__(self) -> None:
        """No call yet."""
        self.tokens = TokenBook(b"0123456789abcdef")
        self.told: list[str] = []
        self.heard: list[object] = []
        self.ended_document = twiml.hang_up()
        self.on_mark = "echo"
        self.app = Starlette(
            routes=[
                Route("/v1/twilio/{what}", self.webhook, methods=["POST"]),
                WebSocketRoute("/v1/twilio/media", self.media),
            ]
        )

    async def webhook(self, request: Request) -> Response:
        """Every webhook must be signed for the public origin."""
        async with request.form() as form:
            fields = [(name, str(value)) for name, value in form.multi_items()]
        if not signature.is_signed_form(
            request.headers.get(signature.HEADER),
            auth_tokens=[AUTH_TOKEN],
            url=public_url(ORIGIN, request.url.path, request.url.query),
            form=fields,
        ):
            return Response("not signed", 403)
        self.told.append(request.path_params["what"] + ":" + dict(fields).get("StreamEvent", ""))
        match request.path_params["what"]:
            case "voice":
                answer = twiml.answer(
                    stream_url=socket_url(ORIGIN, "/v1/twilio/media"),
                    token=self.tokens.issue(stream_purpose("twilio"), "call-1"),
                    name="call-1",
                    ended_url=ORIGIN + "/v1/twilio/ended",
                    status_url=ORIGIN + "/v1/twilio/stream-status",
                    fallback=HumanFallback(None, "support"),
                )
                return Response(answer, media_type="text/xml")
            case "ended":
                return Response(self.ended_document, media_type="text/xml")
            case _:
                return Response(status_code=204)

    async def media(self, websocket: WebSocket) -> None:
        """One media stream."""
        assert signature.is_signed_handshake(
            websocket.headers.get(signature.HEADER),
            auth_tokens=[AUTH_TOKEN],
            public_origin=ORIGIN,
            path="/v1/twilio/media",
        )
        codec = TwilioCodec()
        accepted = await accept_stream(websocket, codec, self.tokens, purpose=stream_purpose("twilio"))
        assert isinstance(accepted, AcceptedStream)
        await websocket.send_text(codec.audio(encode_ulaw(tone(0.3))))
        await websocket.send_text(codec.mark("greeted"))
        try:
            async for text in websocket.iter_text():
                event = codec.parse(text)
                if not isinstance(event, Media):
                    self.heard.append(event)
                match event:
                    case Dtmf("1"):
                        await websocket.send_text(codec.audio(encode_ulaw(tone(5))))
                        await websocket.send_text(codec.mark("long"))
                        await websocket.send_text(codec.clear())
                    case Dtmf("2"):
                        await websocket.send_text(codec.audio(encode_ulaw(tone(0.2))))
                    case Dtmf("3"):
                        await websocket.close()
                        return
                    case Dtmf("4"):
                        await websocket.send_text("garbage")
        except WebSocketDisconnect:
            pass


@asynccontextmanager
async def ringing(service: EchoService) -> AsyncIterator[CarrierAccount]:
    """The service, up and reachable."""
    async with served(service.app) as origin:
        yield CarrierAccount(ACCOUNT, AUTH_TOKEN, ORIGIN, reached_at=origin)


def impatient(*steps: Say | Press) -> ScriptedCaller:
    """A caller who does not wait long."""
    return ScriptedCaller(steps, quiet_s=0.2, patience_s=0.3)


async def test_a_call_from_ring_to_hang_up(tmp_path: Path) -> None:
    """Webhooks signed, stream up, mark returned after its audio, stop at the end, both ears recorded."""
    service = EchoService()
    async with ringing(service) as account:
        record = await CarrierCall(account, impatient(Say(tone(0.4)), Press("2"))).run(deadline_s=20)

    assert record.ended == "the caller hung up"
    assert service.heard == [Mark("greeted"), Dtmf("2"), Stop()]
    assert service.told == ["voice:", "stream-status:stream-started", "stream-status:stream-stopped"]
    began = record.entries("agent sounds")[0].at_s
    assert record.entries("mark returned")[0].at_s == pytest.approx(began + 0.3, abs=0.1)
    assert [turn.index for turn in record.turns] == [1]
    assert record.turns[0].latency_s is not None
    assert record.turns[0].latency_s > 0

    record.write_wav(tmp_path / "call.wav")
    both, rate_hz = soundfile.read(tmp_path / "call.wav", dtype="int16")
    assert rate_hz == 8000
    assert both.shape == (len(record.caller_ulaw), 2)
    assert abs(both[:, 0]).max() > 7000
    assert abs(both[:, 1]).max() > 7000
    assert abs(record.answer(record.turns[0])).max() > 7000


async def test_media_comes_at_the_pace_of_a_telephone() -> None:
    """About 50 frames a second, without drift."""
    async with ringing(EchoService()) as account:
        record = await CarrierCall(account, impatient(Say(tone(1.0)))).run(deadline_s=20)
    connected, ended = record.entries("stream connected")[0].at_s, record.entries("caller hung up")[0].at_s
    assert len(record.caller_ulaw) / 8000 == pytest.approx(ended - connected, abs=0.1)


async def test_clear_empties_the_buffer_and_returns_the_marks() -> None:
    """Five seconds are sent, cleared at once, and the mark is back at once."""
    service = EchoService()
    async with ringing(service) as account:
        record = await CarrierCall(account, impatient(Press("1"))).run(deadline_s=20)
    assert service.heard[1:3] == [Dtmf("1"), Mark("long")]
    assert len(record.agent_ulaw) < 8000 * 3
    assert [entry.detail for entry in record.entries("mark returned")] == ["greeted", "long"]


async def test_when_the_service_closes_the_stream_the_next_document_is_asked_for() -> None:
    """And a human is in it."""
    service = EchoService()
    service.ended_document = twiml.to_human(HumanFallback("+15550199", "support"))
    async with ringing(service) as account:
        record = await CarrierCall(account, impatient(Press("3"))).run(deadline_s=20)
    assert record.ended == "dialled +15550199"
    assert "ended:" in service.told


async def test_nonsense_from_the_service_is_noted_and_the_call_goes_on() -> None:
    """One line in the ledger."""
    service = EchoService()
    async with ringing(service) as account:
        record = await CarrierCall(account, impatient(Press("4"), Press("2"))).run(deadline_s=20)
    assert [entry.detail for entry in record.entries("nonsense")] == ["garbage"]
    assert record.ended == "the caller hung up"


async def test_a_service_that_is_away_is_named() -> None:
    """Nobody listens; and a service that refuses the signature."""
    away = CarrierAccount(ACCOUNT, AUTH_TOKEN, ORIGIN, reached_at="http://127.0.0.1:9")
    with pytest.raises(CallNotTaken, match="does not answer"):
        await CarrierCall(away, impatient()).run(deadline_s=5)
    async with ringing(EchoService()) as account:
        forged = CarrierAccount(ACCOUNT, "another token", ORIGIN, reached_at=account.reached_at)
        with pytest.raises(CallNotTaken, match="403"):
            await CarrierCall(forged, impatient()).run(deadline_s=5)


async def test_a_stream_that_cannot_be_had_leads_to_the_next_document() -> None:
    """The socket path is wrong: Twilio's own error, then the document after it."""
    service = EchoService()
    service.app.router.routes.pop()
    async with ringing(service) as account:
        record = await CarrierCall(account, impatient()).run(deadline_s=10)
    assert len(record.entries("stream error")) == 1
    assert record.ended == "the service ended the call"
    assert "stream-status:stream-error" in service.told


async def test_the_account_hangs_up_and_transfers_by_rest() -> None:
    """Completed: stop and over. Another document: it is followed. A call that is gone: refused."""
    rest = CarrierRest(ACCOUNT, AUTH_TOKEN)
    async with ringing(EchoService()) as account, served(rest.app) as api:
        control, stranger = TwilioControl(ACCOUNT, AUTH_TOKEN, QUEUE, api), TwilioControl(ACCOUNT, "wrong", QUEUE, api)
        try:
            first = rest.knows(CarrierCall(account, ScriptedCaller([], greeting_s=30)))
            second = rest.knows(CarrierCall(account, ScriptedCaller([], greeting_s=30)))
            async with asyncio.TaskGroup() as calls:
                running = [calls.create_task(call.run(deadline_s=20)) for call in (first, second)]
                await asyncio.sleep(0.6)
                assert await control.hang_up(first.carrier_call_id) is Taken.DONE
                assert await control.transfer(second.carrier_call_id, "") is Taken.DONE
            assert [task.result().ended for task in running] == ["completed by the account", "queued in support"]
            assert await control.hang_up(first.carrier_call_id) is Taken.GONE
            assert await stranger.hang_up(second.carrier_call_id) is Taken.FAILED
        finally:
            await control.close()
            await stranger.close()


async def test_a_carrier_that_does_not_answer_is_not_an_error() -> None:
    """Hanging up says no, in time."""
    control = TwilioControl(ACCOUNT, AUTH_TOKEN, QUEUE, "http://127.0.0.1:9", deadline_s=0.5)
    assert await control.hang_up("CA1") is Taken.FAILED
    await control.close()


async def test_thirty_calls_at_once_keep_their_pace() -> None:
    """One client for all; every caller is answered, and nobody's recording lags."""
    service = EchoService()
    async with ringing(service) as account, httpx.AsyncClient(timeout=15) as http:
        async with asyncio.TaskGroup() as calls:
            running = [
                calls.create_task(
                    CarrierCall(account, impatient(Say(tone(0.5)), Press("2")), http=http).run(deadline_s=30)
                )
                for _ in range(30)
            ]
        records = [task.result() for task in running]
    assert {record.ended for record in records} == {"the caller hung up"}
    assert all(len(record.turns) == 1 and record.entries("mark returned") for record in records)
