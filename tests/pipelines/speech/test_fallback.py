"""The second engine takes over in mid-call, and the first comes back when it is well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Pcm, Recognition, Speech, WriterRequest
from pipelines.speech.breaker import Breaker, Circuit
from pipelines.speech.fallback import FallbackRecogniser, FallbackSpeaker, FallbackWriter, Slot

REQUEST = WriterRequest("fact", "question", "calm", "company", "persona")
SPEECH = np.zeros(1600, np.int16)


class Engine:
    """Every port at once; does what it is told to."""

    rate_hz = 16_000

    def __init__(self, name: str, mood: str = "well") -> None:
        self.name = name
        self.mood = mood
        self.asked = 0

    async def _work(self) -> None:
        self.asked += 1
        if self.mood == "away":
            raise EngineFailed("away")
        if self.mood == "hangs":
            await asyncio.sleep(3600)

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Recognise."""
        await self._work()
        return Recognition("words", 0.9, None, 0.0, 0.0, self.name)

    async def speak(self, text: str, style: Style) -> Speech:
        """Speak."""
        await self._work()
        return Speech(SPEECH, 16_000 if self.name == "first" else 24_000, ())

    async def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """Write."""
        await self._work()
        yield self.name
        if self.mood == "breaks":
            raise EngineFailed("broke")
        yield " wrote"


class Heard:
    """Keeps what the slot tells."""

    def __init__(self) -> None:
        self.seconds: list[bool] = []
        self.circuits: list[Circuit] = []

    def __call__(self, slot: str, circuit: Circuit, *, second: bool) -> None:
        """Hear."""
        self.seconds.append(second)
        self.circuits.append(circuit)


async def written(writer: FallbackWriter) -> str:
    """The whole text."""
    return "".join([piece async for piece in writer.write(REQUEST)])


@pytest.mark.parametrize("mood", ["away", "hangs"])
async def test_the_second_recogniser_answers_at_once_and_then_alone(mood: str) -> None:
    """After three failures the first one is left alone."""
    first, second, heard = Engine("first", mood), Engine("second"), Heard()
    slot = Slot("recogniser", Breaker(failures=3, rest_s=60), heard)
    recogniser = FallbackRecogniser(first, second, slot, within_s=0.01)
    answers = [await recogniser.recognise(SPEECH, 16_000) for _ in range(5)]
    assert {answer.engine for answer in answers} == {"second"}
    assert first.asked == 3
    assert heard.seconds == [True] * 5
    assert heard.circuits[-1] is Circuit.OPEN


async def test_the_first_engine_comes_back() -> None:
    """The probe after the rest succeeds: the first engine works again."""
    first, second, heard = Engine("first", "away"), Engine("second"), Heard()
    speaker = FallbackSpeaker(first, second, Slot("speaker", Breaker(failures=1, rest_s=0.01), heard))
    assert (await speaker.speak("a", Style())).rate_hz == 24_000
    first.mood = "well"
    await asyncio.sleep(0.02)
    assert (await speaker.speak("b", Style())).rate_hz == 16_000
    assert heard.circuits[-1] is Circuit.CLOSED


async def test_both_away_is_said() -> None:
    """Then the caller of the port falls back."""
    speaker = FallbackSpeaker(Engine("first", "away"), Engine("second", "away"), Slot("speaker"))
    with pytest.raises(EngineFailed):
        await speaker.speak("a", Style())


@pytest.mark.parametrize("mood", ["away", "hangs"])
async def test_the_second_writer_writes_the_whole(mood: str) -> None:
    """Nothing was written by the first."""
    writer = FallbackWriter(Engine("first", mood), Engine("second"), Slot("writer"), within_s=0.01)
    assert await written(writer) == "second wrote"


async def test_half_a_text_is_not_completed_by_another() -> None:
    """The first writer breaks in the middle: that is told, and the template takes over."""
    slot = Slot("writer", Breaker(failures=1, rest_s=60))
    writer = FallbackWriter(Engine("first", "breaks"), Engine("second"), slot)
    with pytest.raises(EngineFailed):
        await written(writer)
    assert slot.breaker.circuit is Circuit.OPEN


async def test_a_reader_who_leaves_is_no_failure() -> None:
    """A caller cuts in: the breaker learns nothing bad."""
    slot = Slot("writer", Breaker(failures=1))
    writer = FallbackWriter(Engine("first"), Engine("second"), slot)
    pieces = writer.write(REQUEST)
    assert await anext(pieces) == "first"
    await pieces.aclose()
    assert slot.breaker.circuit is Circuit.CLOSED
