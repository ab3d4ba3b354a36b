"""Scenes at the door of the media socket, over a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from telephony.accept import AcceptedStream, accept_stream, stream_purpose
from telephony.genesys.codec import GenesysCodec
from telephony.simulator.loopback import served
from telephony.simulator.wire import StreamWriter
from telephony.tokens import TokenBook
from telephony.twilio.codec import TwilioCodec

TOKENS = TokenBook(b"0123456789abcdef")
PURPOSE = stream_purpose("twilio")
WRITER = StreamWriter("MZ1", "CA1", "AC1")


class Door:
    """Accepts streams and says hello to those that get in."""

    def __init__(self) -> None:
        """Nobody is in."""
        self.inside: list[AcceptedStream] = []
        self.app = Starlette(routes=[WebSocketRoute("/media", self.media)])

    async def media(self, websocket: WebSocket) -> None:
        """One stream."""
        accepted = await accept_stream(websocket, TwilioCodec(), TOKENS, purpose=PURPOSE, deadline_s=0.4)
        if accepted is not None:
            self.inside.append(accepted)
            await websocket.send_text("welcome")
            await websocket.close()


@pytest.fixture
async def door() -> AsyncIterator[tuple[Door, str]]:
    """A door and its address."""
    door = Door()
    async with served(door.app) as origin:
        yield door, origin.replace("http", "ws") + "/media"


async def knock(url: str, *messages: str | bytes) -> tuple[str, int | None]:
    """Send messages; what came back and the close code."""
    async with connect(url, proxy=None, compression=None) as socket:
        answer = ""
        try:
            for message in messages:
                await socket.send(message)
            answer = str(await socket.recv())
            await socket.recv()
        except ConnectionClosed:
            pass
        return answer, socket.close_code


def start(token: str) -> str:
    """A `start` that carries a token."""
    return WRITER.start({"t": token})


async def test_a_valid_start_gets_in_once(door: tuple[Door, str]) -> None:
    """The same token a second time does not."""
    host, url = door
    token = TOKENS.issue(PURPOSE, "call-7")
    assert await knock(url, WRITER.connected(), start(token)) == ("welcome", 1000)
    assert [(one.call_id, one.start.call_id) for one in host.inside] == [("call-7", "CA1")]
    assert await knock(url, WRITER.connected(), start(token)) == ("", 1008)


@pytest.mark.parametrize(
    "token", [lambda: "", lambda: "forged.token", lambda: "\ud83d", lambda: TOKENS.issue("web-call", "c")]
)
async def test_no_valid_token_closes_1008(door: tuple[Door, str], token: Callable[[], str]) -> None:
    """None, a forged one, half a character, one for another purpose."""
    assert await knock(door[1], WRITER.connected(), start(token())) == ("", 1008)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("garbage", 1002),
        ("[]", 1002),
        ("null", 1002),
        ("[" * 50_000, 1002),
        (b"\x00\xff", 1002),
        (WRITER.media(b"\xff" * 160), 1002),
        (WRITER.stop(), 1002),
        (json.dumps({"event": "start", "start": 5, "streamSid": []}), 1002),
        (start("x").replace("8000", "16000"), 1002),
        ("x" * 70_000, 1009),
        (b"x" * 70_000, 1009),
        ("x" * 1_000_000, 1009),
    ],
)
async def test_hostile_messages_close_with_a_clear_code(
    door: tuple[Door, str], message: str | bytes, code: int
) -> None:
    """Instead of the start."""
    assert await knock(door[1], message) == ("", code)


async def test_endless_politeness_is_no_start(door: tuple[Door, str]) -> None:
    """`connected` again and again."""
    assert await knock(door[1], *[WRITER.connected()] * 5) == ("", 1002)


async def test_silence_closes_in_time(door: tuple[Door, str]) -> None:
    """Nothing is sent at all."""
    assert await knock(door[1]) == ("", 1008)


async def test_a_stranger_who_leaves_harms_nobody(door: tuple[Door, str]) -> None:
    """Others still get in."""
    host, url = door
    async with connect(url, proxy=None):
        pass
    assert await knock(url, start(TOKENS.issue(PURPOSE, "call-8"))) == ("welcome", 1000)
    assert len(host.inside) == 1


async def test_a_connection_that_is_only_tried_is_answered_and_lets_nobody_in() -> None:
    """AudioHook opens without a conversation, pings and closes; no call comes of it."""
    inside: list[AcceptedStream | None] = []

    async def media(websocket: WebSocket) -> None:
        inside.append(await accept_stream(websocket, GenesysCodec(), TOKENS, purpose=PURPOSE, proven=True))

    recorded = (Path(__file__).parents[1] / "contracts" / "genesys" / "probe.jsonl").read_text("utf-8").splitlines()
    async with served(Starlette(routes=[WebSocketRoute("/media", media)])) as origin:
        async with connect(origin.replace("http", "ws") + "/media", proxy=None) as socket:
            answers = []
            for line in recorded:
                await socket.send(json.dumps(json.loads(line)["message"]))
                answers.append(json.loads(await socket.recv())["type"])
        assert answers == ["opened", "pong", "closed"]
    assert inside == [None]
