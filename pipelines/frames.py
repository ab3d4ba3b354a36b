"""Our own frames between the processors of the conversation. They queue in order and fall with a barge-in."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipecat.frames.frames import DataFrame, TTSAudioRawFrame

from pipelines.emotion.estimate import Emotion, Trend
from pipelines.empathy.policy import Reply
from pipelines.ports import Pcm, Recognition, SpokenWord


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recognised stretch of the caller's speech, carried as the result of its transcription frame.

    Attributes:
        pcm: the speech with a short lead, without trailing padding.
        rate_hz: its sample rate.
        recognition: what was recognised.
    """

    pcm: Pcm
    rate_hz: int
    recognition: Recognition

    @property
    def seconds(self) -> float:
        """Length of the speech."""
        return len(self.pcm) / self.rate_hz


@dataclass
class TurnFrame(DataFrame):
    """A turn of the caller that wants an answer, with what is known of the emotion by now."""

    turn: int
    text: str
    emotion: Emotion
    trend: Trend


@dataclass
class ReplyFrame(DataFrame):
    """The policy's answer to a turn, to be worded and spoken."""

    turn: int
    reply: Reply


@dataclass
class NoticeEndFrame(DataFrame):
    """Queued behind a notice: when it comes out of the transport, the notice has been written to the line."""


@dataclass
class SpeechFrame(TTSAudioRawFrame):
    """One sentence as the voice speaks it, at the engine's own rate.

    Attributes:
        words: timed from its first sample; empty for what is no part of an answer.
    """

    words: list[SpokenWord] = field(default_factory=list)


@dataclass
class NothingHeardFrame(DataFrame):
    """A stretch of sound that voice activity took for speech held no words."""
