"""The writer over any OpenAI-compatible endpoint: the embedded one, vLLM, NIM, llama.cpp, or a provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from openai import APIConnectionError, APITimeoutError, AsyncOpenAI, AsyncStream, OpenAIError, Timeout
from openai.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionUserMessageParam,
)

from pipelines.ports import EngineFailed, WriterRequest
from pipelines.speech.prompt import chat_messages

_FAILURES = (OpenAIError, ValueError)
"""All that a client raises when an endpoint is away, refuses, breaks off or talks nonsense."""

_WARM_UP = WriterRequest(
    fact="We are open from nine till five.",
    question="When are you open?",
    guidance="The caller sounds calm.",
    company="us",
    persona="an agent",
    max_tokens=1,
)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Longest waits for the endpoint, in seconds.

    Attributes:
        connect_s: for the connection.
        first_piece_s: for the first text, from the request on.
        piece_s: between two pieces.
    """

    connect_s: float = 1.0
    first_piece_s: float = 5.0
    piece_s: float = 5.0


_PATIENT = Deadlines(first_piece_s=120.0, piece_s=30.0)
"""For the first request: some endpoints load their model with it."""


class OpenAIWriter:
    """`ports.Writer` by the chat completions protocol: streamed, and stopped as soon as nobody listens."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "none",
        temperature: float = 0.0,
        plain_prompt: bool = False,
        deadlines: Deadlines | None = None,
    ) -> None:
        """Prepare a client; nothing is connected yet.

        Args:
            base_url: with its version path: 'http://127.0.0.1:8080/v1'.
            model: the endpoint's name for it.
            api_key: the endpoint's key; local ones take any.
            temperature: how freely it words. SmolLM2 gets a quarter fewer sentences past the checks at 0.3 than at 0.
            plain_prompt: ask as models below about a billion parameters need it, see `chat_messages`.
            deadlines: longest waits.
        """
        self._plain_prompt = plain_prompt
        self._model = model
        self._temperature = temperature
        self._deadlines = deadlines or Deadlines()
        timeout = Timeout(_PATIENT.first_piece_s, connect=self._deadlines.connect_s)  # all other waits are ours
        self._client = AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=0)

    async def write(self, request: WriterRequest) -> AsyncGenerator[str, None]:
        """See `ports.Writer`. Closing the iterator closes the connection, at which the endpoint stops.

        Raises:
            EngineFailed: the endpoint is away, refused, broke off, or let a deadline pass.
        """
        async with aclosing(self._stream(request, self._deadlines)) as pieces:
            async for piece in pieces:
                yield piece

    async def _stream(self, request: WriterRequest, waits: Deadlines) -> AsyncGenerator[str, None]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + waits.first_piece_s
        try:
            async with asyncio.timeout_at(deadline):
                stream = await self._open(request)
            async with stream:
                while True:
                    async with asyncio.timeout_at(deadline):
                        piece = await _next_text(stream)
                    if piece is None:
                        return
                    yield piece
                    deadline = clock() + waits.piece_s  # the time that the reader takes is not the endpoint's
        except TimeoutError as late:
            raise EngineFailed(f"writer {self._model}: no answer within the deadline") from late
        except _FAILURES as failed:
            raise EngineFailed(f"writer {self._model}: {type(failed).__name__}: {failed}") from failed

    async def _open(self, request: WriterRequest) -> AsyncStream[ChatCompletionChunk]:
        """Ask; once more where the connection was lost before an answer began.

        That happens when an endpoint closes a kept connection just as it is used again, and costs nothing: an endpoint
        that is really away refuses the second connection at once.
        """
        try:
            return await self._ask(request)
        except APITimeoutError:
            raise
        except APIConnectionError:
            return await self._ask(request)

    async def _ask(self, request: WriterRequest) -> AsyncStream[ChatCompletionChunk]:
        return await self._client.chat.completions.create(
            model=self._model,
            messages=[_turn(**turn) for turn in chat_messages(request, plain=self._plain_prompt)],
            max_tokens=request.max_tokens,
            temperature=self._temperature,
            stream=True,
        )

    async def warm_up(self) -> None:
        """Ask for one token, so that the endpoint holds the part of the prompt that all requests share.

        Raises:
            EngineFailed: the endpoint does not answer.
        """
        async with aclosing(self._stream(_WARM_UP, _PATIENT)) as pieces:
            async for _ in pieces:
                pass

    async def aclose(self) -> None:
        """Close all connections; replies in the making fail."""
        await self._client.close()


def _turn(role: str, content: str) -> ChatCompletionMessageParam:
    match role:
        case "system":
            return ChatCompletionSystemMessageParam(role="system", content=content)
        case "assistant":
            return ChatCompletionAssistantMessageParam(role="assistant", content=content)
        case _:
            return ChatCompletionUserMessageParam(role="user", content=content)


async def _next_text(stream: AsyncStream[ChatCompletionChunk]) -> str | None:
    """The next piece that has text in it; None at the end."""
    while (chunk := await anext(stream, None)) is not None:
        if chunk.choices and (text := chunk.choices[0].delta.content):
            return text
    return None
