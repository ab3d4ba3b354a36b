"""Stretches of speech become transcripts, and only the last of a turn is final."""

from __future__ import annotations

import asyncio

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.tests.utils import SleepFrame, run_test

from pipelines.emotion.baseline import CallerBaseline
from pipelines.frames import Utterance
from pipelines.plan import ConversationPlan
from pipelines.ports import EngineFailed, Pcm, Recognition
from pipelines.speech.hearing import INAUDIBLE, LEAD_S, Hearing
from pipelines.turns.book import TurnBook
from pipelines.turns.detection import CallVad, TurnModels
from service.examples import example_agent
from tests.pipelines.empathy.test_answering import Told, fallbacks

RATE_HZ = 16_000


class Ear:
    """Recognises what it was told to, in the time it was told to; keeps what it heard."""

    def __init__(self, texts: list[str | None], seconds: float = 0.0) -> None:
        self._texts = texts
        self._seconds = seconds
        self.heard: list[Pcm] = []

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Recognise; None fails."""
        assert rate_hz == RATE_HZ
        self.heard.append(pcm)
        text = self._texts.pop(0)
        await asyncio.sleep(self._seconds)
        if text is None:
            raise EngineFailed("away")
        return Recognition(text, 0.9, None, 0.0, 0.0, "ear")


def audio(seconds: float) -> list[Frame]:
    """Frames of 20 ms."""
    samples = np.full(RATE_HZ // 50, 1000, np.int16).tobytes()
    return [InputAudioRawFrame(samples, RATE_HZ, 1) for _ in range(round(seconds * 50))]


def speech(seconds: float, lead_s: float = 0.0) -> list[Frame]:
    """A stretch of speech with its voice activity."""
    started = VADUserStartedSpeakingFrame(start_secs=0.2)
    return [*audio(lead_s), started, *audio(seconds), VADUserStoppedSpeakingFrame(stop_secs=0.2)]


async def hear(ear: Ear, frames: list[Frame]) -> tuple[list[TranscriptionFrame], Told]:
    """The transcripts of what is sent."""
    told = Told()
    book = TurnBook(ConversationPlan(call_id="c", agent=example_agent()), told, CallerBaseline())
    down, _ = await run_test(Hearing(ear, book), frames_to_send=frames)
    return [frame for frame in down if isinstance(frame, TranscriptionFrame)], told


async def test_one_stretch_is_final_and_carries_its_utterance() -> None:
    """The result holds the recognition and the speech without padding."""
    transcripts, _ = await hear(Ear(["hello"]), speech(1.0))
    assert [frame.text for frame in transcripts] == ["hello"]
    assert transcripts[0].finalized
    assert isinstance(transcripts[0].result, Utterance)
    assert abs(transcripts[0].result.seconds - 1.0) < 0.05


async def test_only_the_last_of_two_quick_stretches_is_final() -> None:
    """A recogniser slower than the pause must not let the first transcript close the turn."""
    frames = [*speech(0.4), *speech(0.4), SleepFrame(sleep=0.5)]
    transcripts, _ = await hear(Ear(["first", "second"], seconds=0.1), frames)
    assert [(frame.text, frame.finalized) for frame in transcripts] == [("first", False), ("second", True)]


async def test_a_transcript_that_arrives_while_the_caller_speaks_on_is_not_final() -> None:
    """The caller went on before the first transcript was there: it must not close the turn for the second."""
    going_on = [VADUserStartedSpeakingFrame(start_secs=0.2), *audio(0.4), SleepFrame(sleep=0.3)]
    frames = [*speech(0.4), *going_on, VADUserStoppedSpeakingFrame(stop_secs=0.2), SleepFrame(sleep=0.3)]
    transcripts, _ = await hear(Ear(["first", "second"], seconds=0.1), frames)
    assert [(frame.text, frame.finalized) for frame in transcripts] == [("first", False), ("second", True)]


async def test_a_failed_recogniser_still_ends_the_turn() -> None:
    """The caller is asked again instead of being met with silence."""
    transcripts, told = await hear(Ear([None]), speech(0.5))
    assert [(frame.text, frame.finalized) for frame in transcripts] == [(INAUDIBLE, True)]
    assert fallbacks(told) == ["recognition"]


async def test_noise_without_words_makes_no_transcript() -> None:
    """Nothing recognised, nothing said."""
    transcripts, _ = await hear(Ear([""]), speech(0.5))
    assert transcripts == []


async def test_long_quiet_before_speech_is_left_out() -> None:
    """Only a short lead is recognised with the speech."""
    ear = Ear(["hello"])
    await hear(ear, speech(1.0, lead_s=3.0))
    assert len(ear.heard[0]) / RATE_HZ < 1.0 + 0.2 + LEAD_S + 0.3 + 0.1


async def listen_with(vad: CallVad, moments: list[tuple[int, int]]) -> list[int]:
    """How many recognitions had begun after each moment of voiced and quiet windows, then after the stretch ended."""
    ear = Ear(["ahead"] * 9)
    book = TurnBook(ConversationPlan(call_id="c", agent=example_agent()), Told(), CallerBaseline())
    hearing = Hearing(ear, book, vad=vad)
    begun: list[int] = []

    class Script(FrameProcessor):
        """Moves voice activity on before each frame of sound."""

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, InputAudioRawFrame) and moments:
                begun.append(len(ear.heard))
                vad.voiced_windows, vad.quiet_windows = moments.pop(0)
            await self.push_frame(frame, direction)

    frames: list[Frame] = [VADUserStartedSpeakingFrame(start_secs=0.2)]
    for _ in range(len(moments)):
        frames += [*audio(0.02), SleepFrame(sleep=0.05)]
    frames += [VADUserStoppedSpeakingFrame(stop_secs=0.2), SleepFrame(sleep=0.2)]
    down, _ = await run_test(Pipeline([Script(), hearing]), frames_to_send=frames)
    assert [frame.text for frame in down if isinstance(frame, TranscriptionFrame)] == ["ahead"]
    return [*begun[1:], len(ear.heard)]


async def test_recognition_begins_before_the_silence_is_sure() -> None:
    """At the third quiet window; what was begun is what is used."""
    assert await listen_with(TurnModels().voice_activity(), [(5, 0), (0, 1), (0, 3), (0, 5)]) == [0, 0, 1, 1]


async def test_a_voice_that_goes_on_throws_the_early_recognition_away() -> None:
    """The whole stretch is recognised when it ends, once."""
    assert await listen_with(TurnModels().voice_activity(), [(0, 3), (1, 0), (2, 0), (2, 0)]) == [1, 1, 1, 2]
