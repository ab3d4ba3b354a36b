"""The end of a turn, carried: looks, words, early answers, and silences that were taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from pipecat.frames.frames import (
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.utils.asyncio.task_manager import TaskManager
from pipecat.utils.base_object import BaseObject

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import UNKNOWN, Emotion
from pipelines.empathy.ahead import Ahead, PreparedSpeaker
from pipelines.empathy.policy import Reply
from pipelines.empathy.tone import Strategy, Tone, ToneName
from pipelines.plan import ConversationPlan
from pipelines.ports import Pcm
from pipelines.turns.book import TurnBook
from pipelines.turns.detection import WINDOW_S, CallSmartTurn, CallVad, TurnModels
from pipelines.turns.finishing import CallerFinished
from service.examples import example_agent
from tests.pipelines.empathy.test_ahead import Voice
from tests.pipelines.empathy.test_answering import Told


class Opinion(CallSmartTurn):
    """Thinks what it is told to think."""

    def __init__(self) -> None:
        self.probability = 0.0

    async def is_complete(self, pcm: Pcm, rate_hz: int) -> float:
        """Think."""
        return self.probability


class Turn:
    """A turn of the caller, moment by moment."""

    def __init__(self, vad: CallVad) -> None:
        self.vad = vad
        self.opinion = Opinion()
        self.told = Told()
        self.voice = Voice()
        self.ended = 0
        book = TurnBook(ConversationPlan(call_id="c", agent=example_agent()), self.told, CallerBaseline())
        reply = Reply(Tone(Strategy.INFORM, ToneName.NEUTRAL, ()), "Nine o'clock.")
        ahead = Ahead(self._feel, lambda text, emotion: reply, None, PreparedSpeaker(self.voice))
        self.strategy = CallerFinished(vad, self.opinion, book, ahead)

    async def _feel(self) -> Emotion:
        return UNKNOWN

    async def says(self, seconds: float) -> None:
        """Voice."""
        self.vad.quiet_windows = 0
        for window in range(1, round(seconds / WINDOW_S)):
            self.vad.voiced_windows = window
            await self._sound()
            if window == 6:
                await self.strategy.process_frame(VADUserStartedSpeakingFrame(start_secs=0.2))

    async def is_silent(self, seconds: float, *, after_s: float = 0.0) -> None:
        """No voice, from so many seconds of silence on."""
        self.vad.voiced_windows = 0
        for window in range(round(after_s / WINDOW_S) + 1, round((after_s + seconds) / WINDOW_S) + 1):
            self.vad.quiet_windows = window
            await self._sound()
            if window == 6:
                await self.strategy.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))

    async def is_recognised(self, text: str) -> None:
        """The words come."""
        frame = TranscriptionFrame(text, "", "")
        frame.finalized = True
        await self.strategy.process_frame(frame)

    async def _sound(self) -> None:
        pcm = np.zeros(512, np.int16)
        await self.strategy.process_frame(InputAudioRawFrame(pcm.tobytes(), 16_000, 1))
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def turn(probability: float) -> AsyncIterator[Turn]:
    """A turn that has begun, with Smart Turn's opinion of its silences."""
    models = TurnModels()
    one = Turn(models.voice_activity())
    one.opinion.probability = probability
    await BaseObject.setup(one.strategy, TaskManager())

    async def stopped(*_: object) -> None:
        one.ended += 1
        await one.strategy.handle_user_turn_stopped()

    one.strategy.add_event_handler("on_user_turn_stopped", stopped)
    await one.says(0.5)
    await one.strategy.handle_user_turn_started()
    await one.says(0.5)
    yield one
    await one.strategy.cleanup()
    models.close()


async def test_a_certain_end_waits_only_for_its_words() -> None:
    """Nearly certain at the end of voice activity: the turn is over with its words, once."""
    async with turn(0.99) as one:
        await one.is_silent(0.23)
        assert one.ended == 0
        await one.is_recognised("when do you open")
        assert one.ended == 1
        await one.is_silent(1.5, after_s=0.23)
    assert one.ended == 1


async def test_words_alone_do_not_end_a_turn() -> None:
    """Smart Turn is not sure: it is asked again while the silence lasts, and patience ends the turn."""
    async with turn(0.1) as one:
        await one.is_silent(0.23)
        await one.is_recognised("well I")
        await one.is_silent(0.7, after_s=0.23)
        assert one.ended == 0
        await one.is_silent(0.3, after_s=0.93)
    assert one.ended == 1


async def test_a_second_look_may_end_what_the_first_did_not() -> None:
    """The opinion changes with the silence."""
    async with turn(0.3) as one:
        await one.is_silent(0.3)
        await one.is_recognised("when do you open")
        one.opinion.probability = 0.9
        await one.is_silent(0.45, after_s=0.3)
    assert one.ended == 1


async def test_a_voice_before_the_words_takes_the_end_back() -> None:
    """The caller only drew breath: the words of the first part end nothing."""
    async with turn(0.99) as one:
        await one.is_silent(0.23)
        await one.says(0.1)
        await one.is_recognised("when do you")
        assert one.ended == 0
        await one.says(0.5)
        await one.is_silent(0.23)
        await one.is_recognised("open")
    assert one.ended == 1


async def test_a_likely_end_begins_the_answer() -> None:
    """Not sure yet, but likely: the first sentence is spoken ahead, once, and nobody has been told anything."""
    async with turn(0.7) as one:
        one.voice.let.set()
        await one.is_silent(0.23)
        await one.is_recognised("when do you open")
        await one.is_silent(0.3, after_s=0.23)
        assert one.voice.said == ["Nine o'clock."]
        assert one.ended == 0
    assert one.told.events == []


async def test_a_caller_who_goes_on_leaves_no_trace_of_the_answer() -> None:
    """The early answer is cancelled in mid-speech; it is begun anew for the whole of the words."""
    async with turn(0.7) as one:
        await one.is_silent(0.23)
        await one.is_recognised("when do you open")
        await one.is_silent(0.1, after_s=0.23)
        assert one.voice.said == ["Nine o'clock."]
        await one.says(0.5)
        one.voice.let.set()
        await one.is_silent(0.23)
        await one.is_recognised("on Sundays")
        await one.is_silent(0.1, after_s=0.23)
        assert len(one.voice.said) == 2
        assert one.ended == 0
    assert one.told.events == []
