"""A voice for the scenes of sound."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import soxr

from pipelines.empathy.tone import Style
from pipelines.ports import Pcm
from pipelines.speech.hibari import HibariSpeaker


@pytest.fixture(scope="session")
def spoken_16k() -> Pcm:
    """A sentence that a real voice says, 16 kHz."""

    async def speak() -> Pcm:
        speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=1)
        speech = await speaker.speak("My internet keeps dropping every evening.", Style())
        speaker.close()
        return np.asarray(soxr.resample(speech.pcm.astype(np.float32), speech.rate_hz, 16_000), np.int16)

    return asyncio.run(speak())
