"""The web call's doors as a browser sees them: a real WebRTC peer that plays a tone and says what it is told."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import uvicorn
from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import RequestResponseEndpoint

from dashboards import CALL_PAGE

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'"
RATE_HZ = 48_000
FRAME = 960


class Tone(MediaStreamTrack):
    """A quiet 220 Hz tone in 20 ms frames at real pace."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._begun: float | None = None

    async def recv(self) -> AudioFrame:
        """The next frame, when it is due."""
        now = asyncio.get_running_loop().time()
        self._begun = self._begun or now
        await asyncio.sleep(max(0.0, self._begun + self._sent / RATE_HZ - now))
        time = (np.arange(FRAME) + self._sent) / RATE_HZ
        samples = (4000 * np.sin(2 * np.pi * 220 * time)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._sent, Fraction(1, RATE_HZ)
        self._sent += FRAME
        return frame


@dataclass
class WebLine:
    """What happened on the line, and the answers it gives.

    Attributes:
        refuse: status that `join` answers with instead of a token.
        joined: bodies that `join` was asked with.
        pings: pings heard on the data channel.
        loudest: loudest sample that came from the browser, 0..32767.
        hung_up: set when the browser closed the line.
    """

    refuse: int | None = None
    joined: list[dict[str, str]] = field(default_factory=list)
    pings: int = 0
    loudest: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    peer: RTCPeerConnection | None = None
    channel: RTCDataChannel | None = None
    listening: list[asyncio.Task[None]] = field(default_factory=list)

    def tell(self, **news: object) -> None:
        """Say something on the data channel."""
        assert self.channel is not None
        self.channel.send(json.dumps(news))

    async def close(self) -> None:
        """Free the line."""
        if self.peer is not None:
            await self.peer.close()
        for task in self.listening:
            task.cancel()
        await asyncio.gather(*self.listening, return_exceptions=True)

    async def answer(self, offer: RTCSessionDescription) -> RTCSessionDescription:
        """Take the call."""
        self.peer = peer = RTCPeerConnection()
        peer.addTrack(Tone())

        @peer.on("datachannel")
        def opened(channel: RTCDataChannel) -> None:
            self.channel = channel
            channel.on("message", self._heard_ping)
            channel.on("close", self.hung_up.set)

        @peer.on("track")
        def arrived(track: MediaStreamTrack) -> None:
            self.listening.append(asyncio.create_task(self._listen(track)))

        await peer.setRemoteDescription(offer)
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription

    def _heard_ping(self, text: str) -> None:
        self.pings += text == "ping"
        self.ready.set()

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self.loudest = max(self.loudest, int(np.abs(frame.to_ndarray().astype(np.int32)).max()))
        except MediaStreamError:
            self.hung_up.set()


def door(line: WebLine) -> FastAPI:
    """The page and its two doors, under a strict content policy."""
    app = FastAPI()

    @app.middleware("http")
    async def strict(request: Request, go_on: RequestResponseEndpoint) -> Response:
        response = await go_on(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.post("/v1/webrtc/join")
    async def join(body: dict[str, str]) -> dict[str, object]:
        line.joined.append(body)
        if line.refuse is not None:
            raise HTTPException(line.refuse)
        return {"token": "once", "ice_servers": [], "company": "Northwind Home", "expires_s": 60}

    @app.post("/v1/webrtc/offer")
    async def offer(body: dict[str, str], authorization: str = Header()) -> dict[str, str]:
        assert authorization == "Bearer once"
        answer = await line.answer(RTCSessionDescription(body["sdp"], body["type"]))
        return {"sdp": answer.sdp, "type": answer.type, "pc_id": "1"}

    app.mount("/call", StaticFiles(directory=CALL_PAGE, html=True))
    return app


@asynccontextmanager
async def serving(line: WebLine) -> AsyncIterator[str]:
    """Serve the page on a free port of loopback; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(door(line), log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/call/"
    finally:
        await line.close()
        server.should_exit = True
        await task
