"""A chat completions endpoint as OpenAI documents it, over HTTP/1.1 with server-sent events, scripted by the scene."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Answer"], Awaitable[None]]


@dataclass
class Answer:
    """One request and the means to answer it."""

    asked: dict[str, Any]
    headers: dict[str, str]
    writer: asyncio.StreamWriter

    async def head(self, status: str = "200 OK", kind: str = "text/event-stream") -> None:
        """Send the status and open the body."""
        self.writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
        await self.writer.drain()

    async def piece(self, text: str | None) -> None:
        """Send one chunk; None is a chunk without text, as the first and the last are."""
        delta = {"role": "assistant"} if text is None else {"content": text}
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self.asked["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        await self.raw(f"data: {json.dumps(chunk)}\n\n")

    async def raw(self, text: str) -> None:
        """Send bytes as they are."""
        self.writer.write(text.encode())
        await self.writer.drain()


@dataclass
class Endpoint:
    """The endpoint: where it is, what it was asked, and whether the last reader left before the end."""

    script: Script
    base_url: str = ""
    answers: list[Answer] = field(default_factory=list)
    reader_left: asyncio.Event = field(default_factory=asyncio.Event)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            answer = Answer(json.loads(body), {"request": head[0], **headers}, writer)
            self.answers.append(answer)
            async with asyncio.TaskGroup() as both:
                script = both.create_task(self._play(answer))
                both.create_task(self._watch(reader, script))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _play(self, answer: Answer) -> None:
        try:
            await self.script(answer)
        except ConnectionError:
            self.reader_left.set()
        answer.writer.close()

    async def _watch(self, reader: asyncio.StreamReader, script: asyncio.Task[None]) -> None:
        with suppress(ConnectionError):
            await reader.read()
        if not script.done():
            self.reader_left.set()
            script.cancel()


@asynccontextmanager
async def serve(script: Script) -> AsyncIterator[Endpoint]:
    """An endpoint on loopback for as long as the context is open."""
    endpoint = Endpoint(script)
    server = await asyncio.start_server(endpoint._serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint.base_url = f"http://127.0.0.1:{port}/v1"
    async with server:
        yield endpoint
