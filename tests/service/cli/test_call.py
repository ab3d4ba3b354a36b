"""Scenes of ringing a service from a terminal, against a small stand-in that keeps the API's contract."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from typer.testing import CliRunner

from service.cli.call import call, demo
from service.cli.ringing import RunningService, ServiceAway, check, ring
from service.settings import Settings
from telephony.accept import accept_stream, stream_purpose
from telephony.audio import Pcm, decode_ulaw, encode_ulaw
from telephony.carrier import Media, Stop
from telephony.human import HumanFallback
from telephony.simulator.carrier import CarrierAccount
from telephony.simulator.loopback import served
from telephony.tokens import TokenBook
from telephony.twilio import twiml
from telephony.twilio.codec import TwilioCodec

app = typer.Typer()
app.command()(call)
app.command()(demo)

ACCOUNT = "AC" + "0" * 32
POINT = {"label": "angry", "valence": -0.4, "arousal": 0.6, "confidence": 0.7}


def tone(seconds: float, rate_hz: int = 8000) -> Pcm:
    """A sound."""
    return (8000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.int16)


class StandIn:
    """A service that beeps, tells a fixed story and keeps a fixed record."""

    def __init__(self) -> None:
        """No call yet."""
        self.tokens = TokenBook(b"0123456789abcdef")
        self.origin = ""
        self.taken: str | None = None
        self.refuses = False
        self.over = asyncio.Event()
        self.asked_after: list[int] = []
        self.app = Starlette(
            routes=[
                Route("/healthz", self.health),
                Route("/v1/twilio/{what}", self.webhook, methods=["POST"]),
                WebSocketRoute("/v1/twilio/media", self.media),
                Route("/v1/calls", self.calls),
                Route("/v1/calls/c-1", self.record),
                Route("/v1/calls/c-1/events", self.events),
            ]
        )

    async def health(self, _: Request) -> Response:
        """Alive."""
        return Response("ok")

    async def webhook(self, request: Request) -> Response:
        """Answer, or send to a human."""
        async with request.form() as form:
            carrier_call_id = str(form["CallSid"])
        if self.refuses:
            return Response(twiml.to_human(HumanFallback("+15550199", "support")))
        if request.path_params["what"] != "voice":
            return Response(twiml.hang_up())
        self.taken = carrier_call_id
        answer = twiml.answer(
            stream_url=self.origin.replace("http", "ws") + "/v1/twilio/media",
            token=self.tokens.issue(stream_purpose("twilio"), "c-1"),
            name="c-1",
            ended_url=self.origin + "/v1/twilio/ended",
            status_url=self.origin + "/v1/twilio/status",
            fallback=HumanFallback(None, "support"),
        )
        return Response(answer)

    async def media(self, websocket: WebSocket) -> None:
        """Beep, and beep again when the caller has spoken."""
        codec = TwilioCodec()
        accepted = await accept_stream(websocket, codec, self.tokens, purpose=stream_purpose("twilio"))
        assert accepted is not None
        beep = codec.audio(encode_ulaw(tone(0.2)))
        await websocket.send_text(beep)
        spoke = False
        while not isinstance(event := codec.parse((await websocket.receive()).get("text")), Stop):
            loud = isinstance(event, Media) and abs(decode_ulaw(event.audio)).max() > 2000
            if spoke and not loud:
                await websocket.send_text(beep)
            spoke = loud
        self.over.set()

    async def calls(self, request: Request) -> JSONResponse:
        """The list, by carrier id."""
        assert request.headers["authorization"] == "Bearer api-token"
        mine = self.taken is not None and request.query_params["carrier_call_id"] == self.taken
        return JSONResponse({"calls": [{"id": "c-1"}] if mine else [], "cursor": None})

    async def record(self, _: Request) -> JSONResponse:
        """The record."""
        return JSONResponse({"id": "c-1", "turns": [], "trajectory": [{"turn": 1, "at_s": 2.0, **POINT}]})

    async def events(self, request: Request) -> StreamingResponse:
        """The story; the first connection breaks after one event."""
        after = int(request.query_params["after"])
        self.asked_after.append(after)
        story: list[dict[str, Any]] = [
            {"seq": 1, "kind": "CallerSpoke", "at_s": 1.0, "turn": 1, "text": "hello"},
            {"seq": 2, "kind": "EmotionEstimated", "at_s": 2.0, "turn": 1, "emotion": POINT},
            {"seq": 3, "kind": "CallEnded", "at_s": 3.0, "outcome": "resolved", "reason": "the caller hung up"},
        ]

        async def told() -> AsyncIterator[str]:
            for event in story[after : 1 if after == 0 else None]:
                if event["kind"] == "CallEnded":
                    yield ": nothing new\n\n"
                    await self.over.wait()
                yield f"id: {event['seq']}\ndata: {json.dumps(event)}\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")


async def test_a_call_is_rung_followed_and_read_back() -> None:
    """The story is taken up again where the connection broke, and the record comes last."""
    service = StandIn()
    seen: list[str] = []
    async with served(service.app) as origin:
        service.origin = origin
        running = RunningService(origin, CarrierAccount(ACCOUNT, "token", origin), "api-token")
        await check(running)
        rung = await ring(running, [tone(0.4)], "+15550100", lambda event: seen.append(event["kind"]))
    assert seen == ["CallerSpoke", "EmotionEstimated", "CallEnded"]
    assert service.asked_after == [0, 1]
    assert rung.line.ended == "the caller hung up"
    assert [(point.turn, point.label) for point in rung.recorded] == [(1, "angry")]


async def test_a_call_that_goes_to_a_human_has_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to follow."""
    monkeypatch.setattr("service.cli.ringing._FIND_S", 0.4)
    service = StandIn()
    service.refuses = True
    async with served(service.app) as origin:
        running = RunningService(origin, CarrierAccount(ACCOUNT, "token", origin), "api-token")
        rung = await ring(running, [tone(0.4)], "+15550100", lambda _: None)
    assert rung.record is None
    assert rung.line.ended == "dialled +15550199"


async def test_a_service_that_is_away_is_said_in_one_line() -> None:
    """With what to do about it."""
    away = RunningService("http://127.0.0.1:9", CarrierAccount(ACCOUNT, "token", "http://127.0.0.1:9"), "api-token")
    with pytest.raises(ServiceAway, match="make run"):
        await check(away)


def test_where_the_service_is(tmp_path: Path) -> None:
    """Signed for the public origin, reached on this machine; keys from the file of the service."""
    settings = Settings(data_dir=tmp_path, host="0.0.0.0", port=8123, public_origin="https://voice.example")
    with pytest.raises(ServiceAway, match="make run"):
        RunningService.of(settings)
    keys = {"twilio_auth_token": "twilio-token", "api_token": "api-token", "token_key": "00"}
    (tmp_path / "secrets.json").write_text(json.dumps(keys))
    running = RunningService.of(settings)
    assert (running.reached_at, running.api_token) == ("http://127.0.0.1:8123", "api-token")
    assert running.account.reach("https://voice.example/v1/x") == "http://127.0.0.1:8123/v1/x"
    assert running.account.reach("wss://voice.example/v1/x") == "ws://127.0.0.1:8123/v1/x"
    moved = RunningService.of(Settings(data_dir=tmp_path), "http://127.0.0.1:9000")
    assert moved.account.public_origin == "http://127.0.0.1:9000"


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A terminal in an empty folder, with keys but no service."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTUNE_PORT", "9")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secrets.json").write_text('{"twilio_auth_token":"t","api_token":"a","token_key":"00"}')
    return CliRunner()


def test_mistakes_are_said_clearly(terminal: CliRunner, tmp_path: Path) -> None:
    """No file, not a recording, no speech, no such mood, no service."""
    (tmp_path / "text.wav").write_text("not a recording")
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000, dtype=np.int16), 8000)
    speech = np.concatenate([np.zeros(4000, dtype=np.int16), tone(1.0), np.zeros(8000, dtype=np.int16)])
    soundfile.write(tmp_path / "speech.wav", np.stack([speech, speech], axis=1), 8000)
    for arguments, code, says in (
        (["call", "nowhere.wav"], 2, "cannot read nowhere.wav"),
        (["call", "text.wav"], 2, "cannot read text.wav"),
        (["call", "silence.wav"], 2, "there is no speech in silence.wav"),
        (["demo", "--mood", "bored"], 2, "there is no mood 'bored'"),
        (["call", "speech.wav"], 1, "start the service with `make run`"),
    ):
        result = terminal.invoke(app, arguments)
        assert result.exit_code == code, result.output
        assert says in result.output
    assert "2 channels: the first one" in result.output
