"""Sentences recorded at start in the agent's own voice: they can be said while every engine is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from enum import StrEnum

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Speaker, Speech

log = logging.getLogger(__name__)

Clips = Mapping[str, Speech]
"""Recordings by the words that they say."""

WITHIN_S = 30.0
"""Longest that one recording may take at start."""


class Clip(StrEnum):
    """What must be sayable whatever is broken; the values are the words."""

    WAIT = "One moment, please."
    STILL = "Thank you for holding on. I am still working on it."
    SORRY = "I am sorry, I have trouble speaking right now. Please give me a moment, or press zero for a colleague."
    TRANSFER = "I will hand you over to a colleague now. Please stay on the line."
    LEAVING = "I have to end this call from my side. Please call again, and we carry on where we stopped."
    CUT_OFF = "We were cut off for a moment. I am back. Please go on."
    GOODBYE = "Thank you for calling. Goodbye."


async def record(speaker: Speaker, sentences: Iterable[str]) -> dict[str, Speech]:
    """Record sentences in a neutral style; one that cannot be recorded is left out and logged."""
    recorded: dict[str, Speech] = {}
    for words in dict.fromkeys(sentences):
        try:
            async with asyncio.timeout(WITHIN_S):
                recorded[str(words)] = await speaker.speak(str(words), Style())
        except (EngineFailed, TimeoutError) as failed:
            log.error("a sentence could not be recorded", extra={"error": repr(failed)})
    return recorded
