"""Engines that only take time: capacity is measured with the models' time simulated, so that the media path is seen.

Recognition takes 150 ms, emotion 120 ms, the LLM 150 ms to its first piece and speech 20 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import Emotion, Label
from pipelines.empathy.tone import Style
from pipelines.ports import Pcm, Recognition, Speech, SpokenWord, WriterRequest

RECOGNITION_S = 0.15
EMOTION_S = 0.12
FIRST_PIECE_S = 0.15
SPEECH_S = 0.02
QUESTION = "What are your opening hours on Saturday?"
ANSWER = "Our lines are open every day, and I can tell you more about it if you like to hear the details now."
VOICE_HZ = 24_000


def tone(seconds: float, rate_hz: int = VOICE_HZ) -> NDArray[np.int16]:
    """A tone that is heard as speech by a level meter: seconds of 16-bit samples."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * 220 * time_s)).astype(np.int16)


class SimulatedRecogniser:
    """Hears the same question in everything."""

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Take a model's time."""
        await asyncio.sleep(RECOGNITION_S)
        return Recognition(QUESTION, 0.9, None, RECOGNITION_S / 2, RECOGNITION_S / 2, "simulated")


class SimulatedEmotion:
    """Feels the same in everything."""

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition, baseline: CallerBaseline) -> Emotion:
        """Take a model's time."""
        await asyncio.sleep(EMOTION_S)
        return Emotion(Label.NEUTRAL, 0.0, 0.0, 0.8)


class SimulatedWriter:
    """Words everything the same way."""

    async def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """Take a model's time, then a piece every 10 ms."""
        await asyncio.sleep(FIRST_PIECE_S)
        for word in request.fact.split():
            yield word + " "
            await asyncio.sleep(0.01)


class SimulatedSpeaker:
    """Speaks a tone as long as the words would take."""

    rate_hz = VOICE_HZ

    async def speak(self, text: str, style: Style) -> Speech:
        """Take a model's time."""
        await asyncio.sleep(SPEECH_S)
        words = text.split()
        spoken = tuple(SpokenWord(word, 0.3 * place) for place, word in enumerate(words))
        return Speech(tone(0.3 * max(1, len(words))), VOICE_HZ, spoken)
