"""Recordings of calls, read as the product reads a call: recognised, voice and words joined, turn by turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import Emotion
from pipelines.emotion.reader import EmotionReader
from pipelines.learning.corpora import Broken, audio_files, read_sound
from pipelines.learning.line import LINE_RATE_HZ, Line
from pipelines.ports import Pcm
from pipelines.speech.whisper import WhisperRecogniser
from telephony.simulator.segments import cut

AGENT = "_agent"
"""End of the names of recordings that hold the agent's channel: an agent's emotions are never read."""


@dataclass(frozen=True, slots=True)
class ReadCall:
    """One recording of a call.

    Attributes:
        name: of the file.
        turns: what was heard and how it was read, in order.
    """

    name: str
    turns: tuple[tuple[str, Emotion], ...]

    @property
    def emotions(self) -> list[Emotion]:
        """Turn by turn."""
        return [one for _, one in self.turns]

    def told(self) -> list[dict[str, Any]]:
        """The turns as results."""
        return [
            {
                "text": text,
                "label": one.label,
                "valence": one.valence,
                "arousal": one.arousal,
                "confidence": one.confidence,
            }
            for text, one in self.turns
        ]


def call_utterances(folder: Path) -> dict[str, list[Pcm]]:
    """The utterances of each recording over a mu-law line at 8 kHz; broken files and the agent's channel are left out.

    Where both parties are on one channel, both are in it: their utterances are read as one caller's.
    """
    found: dict[str, list[Pcm]] = {}
    for file in audio_files(folder):
        if file.stem.lower().endswith(AGENT):
            continue
        try:
            sound = read_sound(file)
        except Broken:
            continue
        carried = Line().carry(sound.pcm, sound.rate_hz, np.random.default_rng(0))
        if pieces := cut(carried, LINE_RATE_HZ):
            found[file.name] = pieces
    return found


async def read_calls(
    calls: dict[str, list[Pcm]], recogniser: WhisperRecogniser, reader: EmotionReader, tick: Callable[[], None]
) -> list[ReadCall]:
    """Read every utterance with the shipped models; each call begins with a baseline of its own."""
    read: list[ReadCall] = []
    for name, pieces in calls.items():
        baseline = CallerBaseline()
        turns: list[tuple[str, Emotion]] = []
        for pcm in pieces:
            heard = await asyncio.to_thread(recogniser.recognise_here, pcm, LINE_RATE_HZ)
            turns.append((heard.text, await reader.read(pcm, LINE_RATE_HZ, heard, baseline)))
            tick()
        read.append(ReadCall(name, tuple(turns)))
    return read
