"""Emotion of an utterance: voice and words read side by side, joined; what cannot be read is left out."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import numpy as np

from pipelines.emotion.baseline import CallerBaseline, Prior
from pipelines.emotion.estimate import Emotion, Label, Reading
from pipelines.emotion.fusion import fuse
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.voice import EmbeddedVoiceReader
from pipelines.emotion.words import EmbeddedWordsReader
from pipelines.ports import EngineFailed, Pcm, Recognition, VoiceFeatures, VoiceReader, WordsReader
from pipelines.speech.pool import Pool

LEAST_SPEECH_S: Final = 0.5
"""Less speech than this tells nothing by its sound: words alone."""

LONGEST_WAIT_S: Final = 1.0

UNUSUAL_WEIGHT: Final = 0.1
"""What a clearly emotional turn adds to the caller's usual voice. With full weight a caller who is angry all along
becomes their own normal: recall of anger in turns 7 to 12 of such calls falls from 0.89 to 0.59 (EmoDB, held out)."""


class EmotionReader:
    """One per process, shared by all calls. A call brings its own `CallerBaseline`."""

    def __init__(self, voice: VoiceReader | None, words: WordsReader | None, *, prior: Prior | None = None) -> None:
        """Join two readers.

        Args:
            voice: None reads words alone.
            words: None reads the voice alone.
            prior: the population behind the voice features; None where the voice reader wants them as they are.
        """
        self._voice = voice
        self._words = words
        self._prior = prior
        self._pool = Pool("emotion-words", at_once=1)
        self._closing = voice.close if isinstance(voice, EmbeddedVoiceReader) else None
        self.failures: Counter[str] = Counter()
        """Readings that failed, by 'voice' and 'words'."""

    @classmethod
    def load(cls) -> EmotionReader:
        """The embedded readers with the shipped weights. Blocks: call it before calls come.

        Raises:
            EngineFailed: weights are missing or broken.
        """
        voice = EmbeddedVoiceReader.load()
        return cls(voice, EmbeddedWordsReader.load(), prior=voice.prior)

    async def warm_up(self) -> None:
        """Read a second of noise and a sentence, so that the first caller does not wait for first-time work."""
        noise = np.random.default_rng(0).integers(-2000, 2000, 16_000).astype(np.int16)
        width = len(self._prior.mean) - len(NAMES) if self._prior is not None else 0
        encoded = np.zeros(width, np.float32)
        heard = Recognition("hello, I would like to check my bill", 1.0, encoded, 0.0, 0.0, "warm-up")
        await self.read(noise, 16_000, heard, CallerBaseline())
        self.failures.clear()

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition | None, baseline: CallerBaseline) -> Emotion:
        """Estimate the emotion of one utterance and let the baseline learn from it.

        Args:
            pcm: the utterance.
            rate_hz: its sample rate.
            recognition: its words and encoder states; None where recognition failed.
            baseline: of this caller; calls to `read` with the same baseline may overlap.

        Returns:
            UNKNOWN where neither voice nor words could be read. Raises nothing but CancelledError.
        """
        text = recognition.text if recognition is not None else ""
        words = asyncio.ensure_future(self._read_words(text))
        try:
            voice = await self._read_voice(pcm, rate_hz, recognition, baseline)
            return fuse(voice, await words)
        finally:
            words.cancel()

    async def _read_words(self, text: str) -> Reading | None:
        words = self._words
        if words is None or not text.strip():
            return None
        try:
            return await self._pool.run(lambda: words.read_words(text), deadline_s=LONGEST_WAIT_S)
        except EngineFailed:
            self.failures["words"] += 1
            return None

    async def _read_voice(
        self, pcm: Pcm, rate_hz: int, recognition: Recognition | None, baseline: CallerBaseline
    ) -> Reading | None:
        encoded = recognition.encoded if recognition is not None else None
        if self._voice is None or len(pcm) < LEAST_SPEECH_S * rate_hz:
            return None
        try:
            features = await self._voice.read_voice(pcm, rate_hz, encoded)
            return self._judge(self._voice, features, baseline)
        except (EngineFailed, ValueError):
            self.failures["voice"] += 1
            return None

    def _judge(self, voice: VoiceReader, features: VoiceFeatures, baseline: CallerBaseline) -> Reading | None:
        if features.speech_s < LEAST_SPEECH_S:
            return None
        if self._prior is None:
            return voice.estimate(features.vector)
        reading = voice.estimate(baseline.normalise(features.vector, self._prior))
        baseline.learn(features.vector, usual(reading))
        return reading

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()
        if self._closing is not None:
            self._closing()


def usual(reading: Reading) -> float:
    """How much an utterance counts as the caller's usual voice: from 1 (neutral) to UNUSUAL_WEIGHT."""
    neutral = reading.probabilities.get(Label.NEUTRAL, 0.0)
    return UNUSUAL_WEIGHT + (1 - UNUSUAL_WEIGHT) * min(1.0, neutral)
