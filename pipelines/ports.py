"""What a conversation needs from outside, as Protocols. `service/wiring.py` chooses who implements them.

Every method that computes runs in a bounded pool or another process: awaiting it never blocks the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.baseline import CallerBaseline, Prior
from pipelines.emotion.estimate import Emotion, Reading
from pipelines.empathy.tone import Style
from pipelines.events import Event

Pcm = NDArray[np.int16]
"""Mono 16-bit samples, shape (samples,)."""


class EngineFailed(Exception):
    """An engine could not do its work; the message says which and why. The caller of the port falls back."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a recogniser made of one stretch of speech.

    Attributes:
        text: the words; empty for silence or noise.
        confidence: mean token probability, 0..1.
        encoded: pooled encoder states for the emotion head, shape (features,) float32; None where the engine has none.
        encode_s: seconds spent encoding.
        decode_s: seconds spent decoding.
        engine: name and version.
        retried: whether the short window failed and the full one was used.
    """

    text: str
    confidence: float
    encoded: NDArray[np.float32] | None
    encode_s: float
    decode_s: float
    engine: str
    retried: bool = False


class Recogniser(Protocol):
    """Speech to words, one utterance at a time."""

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Recognise one utterance.

        Raises:
            EngineFailed: the engine is away or broke.
        """
        ...


class VoiceReader(Protocol):
    """How an utterance sounds."""

    @property
    def prior(self) -> Prior | None:
        """The population that features are compared with; None where they are read as they are."""
        ...

    async def read_voice(self, pcm: Pcm, rate_hz: int, encoded: NDArray[np.float32] | None) -> VoiceFeatures:
        """Features of one utterance, not yet normalised by the caller's baseline (that is `CallerBaseline`'s)."""
        ...

    def estimate(self, features: NDArray[np.float32]) -> Reading:
        """Emotion from features, normalised by the caller's baseline where there is a prior. Pure, fast (< 1 ms)."""
        ...


@dataclass(frozen=True, slots=True)
class VoiceFeatures:
    """Features of one utterance.

    Attributes:
        vector: shape (features,) float32: pooled encoder states then prosody.
        speech_s: seconds of speech they rest on.
    """

    vector: NDArray[np.float32]
    speech_s: float


class WordsReader(Protocol):
    """How the words of an utterance feel."""

    def read_words(self, text: str) -> Reading | None:
        """Emotion of the words, None for nothing to read. Fast (< 10 ms): called in a pool."""
        ...


class EmotionSource(Protocol):
    """How one utterance of a caller feels, from voice and words."""

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition, baseline: CallerBaseline) -> Emotion:
        """Estimate; the baseline learns from it. Never raises: what fails is left out, nothing read is UNKNOWN."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """One earlier turn pair, as heard."""

    caller: str
    reply: str


@dataclass(frozen=True, slots=True)
class WriterRequest:
    """What the writer (LLM) is asked to word.

    Attributes:
        fact: the only facts it may use.
        question: the caller's words.
        guidance: strategy and tone in plain language.
        company: who we speak for.
        persona: who speaks.
        history: at most a few earlier exchanges, oldest first.
        max_tokens: bound on the reply.
    """

    fact: str
    question: str
    guidance: str
    company: str
    persona: str
    history: tuple[Exchange, ...] = ()
    max_tokens: int = 60


class Writer(Protocol):
    """An LLM behind any engine."""

    def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """Stream the reply's text in pieces. Closing the iterator stops the generation.

        Raises:
            EngineFailed: the engine is away or broke.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word and when it starts, in seconds from the start of its audio."""

    word: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Speech:
    """Synthesised speech of one piece of text.

    Attributes:
        pcm: mono 16-bit samples at rate_hz.
        rate_hz: the engine's native rate.
        words: the words in order with their start times (estimated where the engine gives none).
    """

    pcm: Pcm
    rate_hz: int
    words: tuple[SpokenWord, ...]


class Speaker(Protocol):
    """Text to speech in a style."""

    @property
    def rate_hz(self) -> int:
        """Native sample rate of the audio."""
        ...

    async def speak(self, text: str, style: Style) -> Speech:
        """Synthesise one sentence or clause.

        Raises:
            EngineFailed: the engine is away or broke.
        """
        ...


class Listener(Protocol):
    """Whoever wants to know what happens in the conversation."""

    def tell(self, event: Event) -> None:
        """Take one event. Never blocks and never raises: it runs on the audio path."""
        ...
