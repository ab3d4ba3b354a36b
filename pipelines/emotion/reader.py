"""Emotion of an utterance: voice and words read side by side, joined; what cannot be read is left out."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.batching import Busy
from pipelines.emotion.estimate import Emotion, Reading
from pipelines.emotion.fusion import fuse
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.shipped import load_file
from pipelines.emotion.voice import EmbeddedVoiceReader, VoiceHead
from pipelines.emotion.words import EmbeddedWordsReader
from pipelines.ports import EngineFailed, Pcm, Recognition, VoiceReader, WordsReader
from pipelines.speech.breaker import Breaker
from pipelines.speech.pool import Pool

LEAST_SPEECH_S: Final = 0.5
"""Less speech than this tells nothing by its sound: words alone."""

LONGEST_S: Final = 20.0
"""Of a longer utterance the voice of its end is read, which the reply follows: half an hour costs no more than this."""

LONGEST_WAIT_S: Final = 1.0
VOICE_S: Final = 0.2
"""How long a voice reader may take where another one can take over: a reply waits for an estimate 0.25 s at most."""


class EmotionReader:
    """One per process, shared by all calls. A call brings its own `CallerBaseline`."""

    def __init__(
        self,
        voice: VoiceReader | None,
        words: WordsReader | None,
        *,
        spare: VoiceReader | None = None,
        within_s: float = VOICE_S,
    ) -> None:
        """Join readers.

        Args:
            voice: None reads words alone.
            words: None reads the voice alone.
            spare: reads the voice while `voice` is away, busy or late.
            within_s: how long `voice` may take where there is a spare.
        """
        self._voice = voice
        self._words = words
        self._spare = spare
        self._within_s = within_s
        self._breaker = Breaker()
        self._pool = Pool("emotion-words", at_once=1)
        self._embedded = [one for one in (voice, spare) if isinstance(one, EmbeddedVoiceReader)]
        self.failures: Counter[str] = Counter()
        """Readings that failed, by 'voice', 'spare' and 'words'."""

    @classmethod
    def load(cls, head: Path | None = None) -> EmotionReader:
        """The embedded readers. Blocks: call it before calls come.

        Args:
            head: file of a head that was trained on the recogniser's encoder; None takes the shipped one.

        Raises:
            EngineFailed: weights are missing or broken.
        """
        if head is None:
            return cls(EmbeddedVoiceReader.load(), EmbeddedWordsReader.load())
        return cls(EmbeddedVoiceReader(VoiceHead.from_arrays(load_file(head))), EmbeddedWordsReader.load())

    async def warm_up(self) -> None:
        """Read a second of noise and a sentence, so that the first caller does not wait for first-time work."""
        noise = np.random.default_rng(0).integers(-2000, 2000, 16_000).astype(np.int16)
        width = max((len(one.prior.mean) - len(NAMES) for one in self._embedded), default=0)
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
            voice, fell_back = await self._read_voice(pcm, rate_hz, recognition, baseline)
            emotion = fuse(voice, await words)
        finally:
            words.cancel()
        return replace(emotion, fell_back=fell_back) if fell_back else emotion

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
    ) -> tuple[Reading | None, str]:
        """The voice's reading, and why another one made it or none could."""
        if self._voice is None or len(pcm) < LEAST_SPEECH_S * rate_hz:
            return None, ""
        if pcm.dtype.kind != "i":  # a decoder that hands out floating point may hand out NaN: nothing is read from it
            self.failures["voice"] += 1
            return None, "failed"
        heard = _Heard(pcm[-int(LONGEST_S * rate_hz) :], rate_hz, recognition, baseline)
        if self._spare is None:
            return await self._try("voice", self._voice, heard)
        fell_back = ""
        if self._breaker.allows(time.monotonic()):
            try:
                async with asyncio.timeout(self._within_s):
                    reading = await heard.read_by(self._voice)
            except Busy as busy:
                self._breaker.left()
                fell_back = busy.why.value
            except TimeoutError:
                self._breaker.failed(time.monotonic())
                fell_back = "late"
            except (EngineFailed, ValueError):
                self._breaker.failed(time.monotonic())
                fell_back = "failed"
            except asyncio.CancelledError:
                self._breaker.left()
                raise
            else:
                self._breaker.succeeded()
                return reading, ""
        self.failures["voice"] += 1
        reading, _ = await self._try("spare", self._spare, heard)
        return reading, fell_back or "away"

    async def _try(self, name: str, voice: VoiceReader, heard: _Heard) -> tuple[Reading | None, str]:
        try:
            return await heard.read_by(voice), ""
        except (EngineFailed, ValueError):
            self.failures[name] += 1
            return None, "failed"

    def close(self) -> None:
        """Drop waiting work; a voice reader that is not embedded is closed by whoever made it."""
        self._pool.close()
        for one in self._embedded:
            one.close()


@dataclass(frozen=True, slots=True)
class _Heard:
    """One utterance of one caller."""

    pcm: Pcm
    rate_hz: int
    recognition: Recognition | None
    baseline: CallerBaseline

    async def read_by(self, voice: VoiceReader) -> Reading | None:
        """Ask a reader and let the baseline learn; None where there is too little speech.

        Raises:
            EngineFailed, ValueError: it failed.
        """
        encoded = self.recognition.encoded if self.recognition is not None else None
        features = await voice.read_voice(self.pcm, self.rate_hz, encoded)
        if features.speech_s < LEAST_SPEECH_S:
            return None
        if voice.prior is None:
            return voice.estimate(features.vector)
        reading = voice.estimate(self.baseline.normalise(features.vector, voice.prior))
        self.baseline.learn(voice.prior.usual(features.vector, reading.probabilities))
        return reading
