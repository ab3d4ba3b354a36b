"""Emotion is started beside the transcript, joined before the policy, and never waited for too long."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
from pipecat.frames.frames import Frame, LLMContextFrame, LLMContextUserTurnFrame, TranscriptionFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.utils.time import time_now_iso8601

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.combine import Weighed, combine
from pipelines.emotion.estimate import UNKNOWN, Emotion, Label
from pipelines.emotion.gate import EmotionGate, EmotionTap, Estimates
from pipelines.events import CallerSpoke, EmotionEstimated, FellBack
from pipelines.frames import TurnFrame, Utterance
from pipelines.plan import AnalysisStop, ConversationPlan
from pipelines.ports import Pcm, Recognition
from pipelines.turns.book import TurnBook
from service.examples import example_agent
from tests.pipelines.empathy.test_answering import Told, fallbacks

ANGRY = Emotion(Label.ANGRY, -0.6, 0.7, 0.8)


class Feeling:
    """Feels the same in everything, after a time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.asked = 0

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition, baseline: CallerBaseline) -> Emotion:
        """Feel."""
        self.asked += 1
        await asyncio.sleep(self._seconds)
        return ANGRY


def heard(text: str) -> list[Frame]:
    """A transcript, and what the aggregator makes of it at the end of the turn."""
    recognition = Recognition(text, 0.9, None, 0.0, 0.0, "ear")
    utterance = Utterance(np.zeros(16_000, np.int16), 16_000, recognition)
    stamp = time_now_iso8601()
    return [
        TranscriptionFrame(text, "", stamp, result=utterance),
        SleepFrame(sleep=0.02),
        LLMContextUserTurnFrame(text, stamp),
        LLMContextFrame(LLMContext()),
    ]


async def through(feeling: Feeling, frames: list[Frame], *, analysing: bool = True) -> tuple[list[TurnFrame], Told]:
    """What reaches the policy."""
    told = Told()
    plan = ConversationPlan(call_id="c", agent=example_agent(), emotion_deadline_s=0.1)
    book = TurnBook(plan, told, CallerBaseline())
    if analysing:
        book.start_analysis()
    estimates = Estimates([])
    pipeline = Pipeline([EmotionTap(feeling, book, estimates), EmotionGate(book, estimates)])
    down, _ = await run_test(pipeline, frames_to_send=frames)
    return [frame for frame in down if isinstance(frame, TurnFrame)], told


def kinds(told: Told) -> list[type]:
    """What was told, in order."""
    return [type(event) for event in told.events]


async def test_the_estimate_travels_with_the_turn() -> None:
    """Words, emotion and trend reach the policy together."""
    turns, told = await through(Feeling(), heard("this is ridiculous"))
    assert [(turn.turn, turn.text, turn.emotion) for turn in turns] == [(1, "this is ridiculous", ANGRY)]
    assert turns[0].trend.turns == 1
    assert kinds(told) == [CallerSpoke, EmotionEstimated]


async def test_a_late_estimate_does_not_hold_up_the_words() -> None:
    """The reply goes ahead without it; it still reaches the trajectory."""
    turns, told = await through(Feeling(seconds=0.3), [*heard("hello"), SleepFrame(sleep=0.5)])
    assert [turn.emotion for turn in turns] == [UNKNOWN]
    assert fallbacks(told) == ["emotion"]
    assert kinds(told)[-1] is EmotionEstimated


class Simpler(Feeling):
    """Feels by a simpler model, because the chosen one is busy."""

    async def read(self, pcm: Pcm, rate_hz: int, recognition: Recognition, baseline: CallerBaseline) -> Emotion:
        """Feel."""
        return replace(ANGRY, fell_back="full")


async def test_a_simpler_model_is_told_of() -> None:
    """The estimate counts, and so does the fall-back."""
    turns, told = await through(Simpler(), heard("this is ridiculous"))
    assert [turn.emotion for turn in turns] == [ANGRY]
    assert [(event.stage, event.reason) for event in told.events if isinstance(event, FellBack)] == [
        ("emotion", "full")
    ]


async def test_nothing_is_estimated_before_the_disclosure_was_heard() -> None:
    """The model is not even asked."""
    feeling = Feeling()
    turns, told = await through(feeling, heard("hello"), analysing=False)
    assert feeling.asked == 0
    assert [turn.emotion for turn in turns] == [UNKNOWN]
    assert kinds(told) == [CallerSpoke]


def test_nothing_is_kept_after_the_opt_out() -> None:
    """An estimate that was under way is dropped, and analysis cannot be started again."""
    told = Told()
    book = TurnBook(ConversationPlan(call_id="c", agent=example_agent()), told, CallerBaseline())
    book.start_analysis()
    book.stop_analysis(AnalysisStop.OPTED_OUT)
    book.start_analysis()
    book.emotion_known(1, ANGRY)
    assert EmotionEstimated not in kinds(told)
    assert book.trajectory.trend.turns == 0


def test_several_stretches_make_one_estimate() -> None:
    """The weightiest leads; numbers are averaged by duration; unknown parts count for nothing."""
    calm = Emotion(Label.NEUTRAL, 0.2, -0.2, 0.9)
    whole = combine([Weighed(ANGRY, 3.0), Weighed(calm, 1.0), Weighed(UNKNOWN, 5.0)])
    assert whole.label is Label.ANGRY
    assert whole.valence is not None
    assert abs(whole.valence - (-0.6 * 3 + 0.2) / 4) < 1e-9
    assert combine([Weighed(UNKNOWN, 1.0)]) is UNKNOWN
