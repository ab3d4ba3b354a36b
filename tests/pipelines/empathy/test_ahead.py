"""Answers prepared before the turn is over: used when they fit, without a trace when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from pipelines.emotion.estimate import UNKNOWN, Emotion
from pipelines.empathy.ahead import Ahead, PreparedSpeaker, PreparedWriter
from pipelines.empathy.policy import Reply
from pipelines.empathy.tone import Strategy, Style, Tone, ToneName
from pipelines.ports import EngineFailed, Speech, WriterRequest
from pipelines.speech.sentences import first_sentence

REQUEST = WriterRequest("The office opens at nine.", "when do you open", "plainly", "Fenwillow", "an agent")
TONE = Tone(Strategy.INFORM, ToneName.NEUTRAL, ("R1",))


class Voice:
    """Speaks when it is let; counts."""

    rate_hz = 24_000

    def __init__(self, *, broken: bool = False) -> None:
        self.said: list[str] = []
        self.let = asyncio.Event()
        self.broken = broken

    async def speak(self, text: str, style: Style) -> Speech:
        """Speak."""
        self.said.append(text)
        await self.let.wait()
        if self.broken:
            self.broken = False
            raise EngineFailed("away")
        return Speech(np.ones(10, np.int16), self.rate_hz, ())


class Pen:
    """Writes one sentence word by word; counts the requests."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.asked = 0
        self.breaks = breaks

    async def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """Write."""
        self.asked += 1
        for word in ("We ", "open ", "at ", "nine. ", "Come ", "in."):
            yield word
            await asyncio.sleep(0)
            if self.breaks:
                raise EngineFailed("away")


async def text_of(writer: PreparedWriter, request: WriterRequest) -> str:
    """Everything that is written."""
    return "".join([piece async for piece in writer.write(request)])


async def test_prepared_speech_is_spoken_once() -> None:
    """Asked for while it is on its way, it is waited for and not made again."""
    voice = Voice()
    speaker = PreparedSpeaker(voice)
    preparing = asyncio.ensure_future(speaker.prepare("Hello.", Style()))
    await asyncio.sleep(0)
    speaking = asyncio.ensure_future(speaker.speak("Hello.", Style()))
    voice.let.set()
    await preparing
    assert len((await speaking).pcm) == 10
    assert voice.said == ["Hello."]


async def test_other_words_or_another_style_are_made_anew() -> None:
    """What does not fit is not used."""
    voice = Voice()
    voice.let.set()
    speaker = PreparedSpeaker(voice)
    await speaker.prepare("Hello.", Style())
    await speaker.speak("Hello.", Style(rate=0.9))
    await speaker.speak("Goodbye.", Style())
    assert voice.said == ["Hello.", "Hello.", "Goodbye."]


@pytest.mark.parametrize("end", ["cancelled", "broken"])
async def test_speech_that_did_not_come_is_asked_of_the_engine(end: str) -> None:
    """The caller went on and stopped again, or the engine failed: the conversation asks itself."""
    voice = Voice(broken=end == "broken")
    speaker = PreparedSpeaker(voice)
    preparing = asyncio.ensure_future(speaker.prepare("Hello.", Style()))
    await asyncio.sleep(0)
    speaking = asyncio.ensure_future(speaker.speak("Hello.", Style()))
    await asyncio.sleep(0)
    if end == "cancelled":
        preparing.cancel()
    voice.let.set()
    await asyncio.wait({preparing})
    assert len((await speaking).pcm) == 10
    assert voice.said == ["Hello.", "Hello."]


async def test_prepared_text_is_written_once() -> None:
    """What was begun comes first, then the rest."""
    pen = Pen()
    writer = PreparedWriter(pen)
    preparing = asyncio.ensure_future(writer.prepare(REQUEST))
    await asyncio.sleep(0)
    assert await text_of(writer, REQUEST) == "We open at nine. Come in."
    await preparing
    assert pen.asked == 1


async def test_another_request_or_a_broken_draft_is_written_anew() -> None:
    """A request that differs in one word is another one; a draft that broke is none."""
    pen = Pen(breaks=True)
    writer = PreparedWriter(pen)
    await writer.prepare(REQUEST)
    pen.breaks = False
    assert await text_of(writer, REQUEST) == "We open at nine. Come in."
    await writer.prepare(REQUEST)
    other = WriterRequest("The office opens at ten.", "when do you open", "plainly", "Fenwillow", "an agent")
    assert await text_of(writer, other) == "We open at nine. Come in."
    assert pen.asked == 4


async def unknown() -> Emotion:
    """Nothing is felt."""
    return UNKNOWN


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(TONE, "Nine o'clock. And more."), ["Nine o'clock."]),
        (Reply(TONE, "Nine.", opening="Good question.", request=REQUEST), ["Good question."]),
        (Reply(TONE, "Nine.", request=REQUEST), ["We open at nine."]),
    ],
)
async def test_the_first_sentence_is_spoken_ahead(reply: Reply, said: list[str]) -> None:
    """The opening, else the writer's or the template's first sentence."""
    voice, pen = Voice(), Pen()
    voice.let.set()
    ahead = Ahead(unknown, lambda text, emotion: reply, PreparedWriter(pen), PreparedSpeaker(voice))
    await ahead.prepare("when do you open")
    assert voice.said == said
    assert pen.asked == (reply.request is not None)


async def test_cancelled_it_leaves_nothing() -> None:
    """The caller went on: the same sentence is made anew when it is really wanted."""
    voice = Voice()
    speaker = PreparedSpeaker(voice)
    ahead = Ahead(unknown, lambda text, emotion: Reply(TONE, "Nine."), None, speaker)
    preparing = asyncio.ensure_future(ahead.prepare("when"))
    for _ in range(5):
        await asyncio.sleep(0)
    preparing.cancel()
    await asyncio.wait({preparing})
    voice.let.set()
    await speaker.speak("Nine.", Style())
    assert voice.said == ["Nine.", "Nine."]


def test_a_first_sentence_is_whole() -> None:
    """While it may still grow it is none."""
    assert first_sentence("It is ni", whole=False) == ""
    assert first_sentence("It is nine. And", whole=False) == "It is nine."
    assert first_sentence("It is nine", whole=True) == "It is nine"
    assert first_sentence("", whole=True) == ""
