"""Two engines in one slot: the second takes over in mid-call while the first fails or is late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pipelines.empathy.tone import Style
from pipelines.ports import (
    EngineFailed,
    Pcm,
    Recogniser,
    Recognition,
    Speaker,
    Speech,
    Writer,
    WriterRequest,
)
from pipelines.speech.breaker import Breaker, Circuit

T = TypeVar("T")

RECOGNITION_S = 1.5
FIRST_PIECE_S = 0.9
BETWEEN_PIECES_S = 2.0
SPEECH_S = 1.5
"""How long a first engine may take before the second one is asked."""


class SlotListener(Protocol):
    """Hears after every call how a slot fares."""

    def __call__(self, slot: str, circuit: Circuit, *, second: bool) -> None:
        """The breaker of the first engine stands like this; `second`: the second engine was asked."""
        ...


def nobody(slot: str, circuit: Circuit, *, second: bool) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Slot:
    """What the two engines of a slot share.

    Attributes:
        name: 'recogniser', 'writer' or 'speaker'.
        breaker: of the first engine.
        told: hears after every call how the breaker stands and whether the second engine was asked.
    """

    name: str
    breaker: Breaker = field(default_factory=Breaker)
    told: SlotListener = nobody

    async def call(self, first: Callable[[], Awaitable[T]], second: Callable[[], Awaitable[T]], within_s: float) -> T:
        """Ask the first engine where the breaker allows it, else or on failure the second.

        Raises:
            EngineFailed: both failed.
        """
        if self.breaker.allows(time.monotonic()):
            try:
                async with asyncio.timeout(within_s):
                    answer = await first()
            except (EngineFailed, TimeoutError):
                self.breaker.failed(time.monotonic())
            except BaseException:
                self.breaker.left()
                raise
            else:
                self.breaker.succeeded()
                self.told(self.name, self.breaker.circuit, second=False)
                return answer
        self.told(self.name, self.breaker.circuit, second=True)
        return await second()


class FallbackRecogniser:
    """A `Recogniser` of two."""

    def __init__(self, first: Recogniser, second: Recogniser, slot: Slot, *, within_s: float = RECOGNITION_S) -> None:
        self._first = first
        self._second = second
        self._slot = slot
        self._within_s = within_s

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Recognise; a long utterance gives the first engine a quarter of its length more."""
        within_s = self._within_s + 0.25 * len(pcm) / rate_hz
        return await self._slot.call(
            lambda: self._first.recognise(pcm, rate_hz), lambda: self._second.recognise(pcm, rate_hz), within_s
        )


class FallbackSpeaker:
    """A `Speaker` of two."""

    def __init__(self, first: Speaker, second: Speaker, slot: Slot, *, within_s: float = SPEECH_S) -> None:
        self._first = first
        self._second = second
        self._slot = slot
        self._within_s = within_s

    @property
    def rate_hz(self) -> int:
        """The first engine's; every piece of speech names its own."""
        return self._first.rate_hz

    async def speak(self, text: str, style: Style) -> Speech:
        """Speak."""
        return await self._slot.call(
            lambda: self._first.speak(text, style), lambda: self._second.speak(text, style), self._within_s
        )


class FallbackWriter:
    """A `Writer` of two. The second is asked only while nothing was written yet: two halves make no sentence."""

    def __init__(self, first: Writer, second: Writer, slot: Slot, *, within_s: float = FIRST_PIECE_S) -> None:
        self._first = first
        self._second = second
        self._slot = slot
        self._within_s = within_s

    async def write(self, request: WriterRequest) -> AsyncGenerator[str, None]:
        """Stream the reply.

        Raises:
            EngineFailed: both failed, or the first one in the middle of its text.
        """
        breaker = self._slot.breaker
        if breaker.allows(time.monotonic()):
            begun = False
            settled = False
            try:
                async with aclosing(_timed(self._first, request, self._within_s)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                breaker.succeeded()
                settled = True
                self._slot.told(self._slot.name, breaker.circuit, second=False)
                return
            except EngineFailed:
                breaker.failed(time.monotonic())
                settled = True
                if begun:
                    self._slot.told(self._slot.name, breaker.circuit, second=False)
                    raise
            finally:
                if not settled:  # the reader left: it had enough, or the caller cut in
                    (breaker.succeeded if begun else breaker.left)()
        self._slot.told(self._slot.name, breaker.circuit, second=True)
        async for piece in self._second.write(request):
            yield piece


async def _timed(writer: Writer, request: WriterRequest, first_s: float) -> AsyncGenerator[str, None]:
    """A writer's pieces with a deadline for each.

    Raises:
        EngineFailed: a piece was late.
    """
    pieces = writer.write(request)
    within_s = first_s
    try:
        while True:
            try:
                async with asyncio.timeout(within_s):
                    piece = await anext(pieces, None)
            except TimeoutError as late:
                raise EngineFailed("no text within the deadline") from late
            if piece is None:
                return
            within_s = BETWEEN_PIECES_S
            yield piece
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
