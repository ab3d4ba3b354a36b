"""One conversation as one readable list: the second file to read after `service/calls/desk.py`.

line in -> hearing -> emotion tap -> caller's turns -> emotion gate -> policy -> answering -> watchdog -> voice ->
delivery -> line out
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache

from pipecat.frames.frames import Frame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
)
from pipecat.transports.base_transport import BaseTransport
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import UNKNOWN, Trend
from pipelines.emotion.gate import EmotionGate, EmotionTap, Estimates
from pipelines.empathy.ahead import Ahead, PreparedSpeaker, PreparedWriter
from pipelines.empathy.answering import Answering, Policing
from pipelines.empathy.checks import check_reply
from pipelines.empathy.dialogue import DialogueState, Situation
from pipelines.empathy.policy import ResponsePolicy
from pipelines.events import DisclosureHeard
from pipelines.frames import NoticeEndFrame
from pipelines.plan import Agent, ConversationPlan
from pipelines.ports import EmotionSource, Listener, Recogniser, Speaker, Writer
from pipelines.redaction import redact
from pipelines.speech.clips import Clip, Clips
from pipelines.speech.hearing import Hearing
from pipelines.speech.listening import Listening
from pipelines.speech.voicing import Voicing
from pipelines.speech.watchdog import Watchdog
from pipelines.turns.book import TurnBook
from pipelines.turns.delivering import Delivered, Delivering
from pipelines.turns.detection import CallVad, TurnModels
from pipelines.turns.finishing import CallerFinished
from pipelines.turns.starting import FloorTaken

STUCK_TURN_S = 2.5
"""A turn with no transcript and no verdict ends after this silence."""

MARK_TRIES = 5
MARK_PAUSE_S = 1.0
"""A caller who speaks during the disclosure clears its mark, never the notice itself: the mark is sent again."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The process-wide engines that every conversation shares.

    Attributes:
        turns: voice activity and end-of-turn.
        recogniser: speech to words.
        emotion: emotion of an utterance; None analyses nothing.
        writer: the LLM; None leaves all wording to templates.
        speaker: text to speech.
        clips: sentences recorded in the agent's voice, by their words; they are said while the speaker is away.
        word_for_word: whether the writer is too small to be trusted with a paraphrase.
    """

    turns: TurnModels
    recogniser: Recogniser
    emotion: EmotionSource | None
    writer: Writer | None
    speaker: Speaker
    clips: Clips = field(default_factory=dict)
    word_for_word: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What the conversation needs to know of the caller's line.

    Attributes:
        transport: two-way audio, 16 kHz in.
        audio_out_hz: sample rate that the line plays.
        until_played: waits until what was written to the line so far has reached the caller's ear; takes a name that
            is unique within the call.
    """

    transport: BaseTransport
    audio_out_hz: int
    until_played: Callable[[str], Awaitable[bool]]


@lru_cache(maxsize=256)
def policy_of(agent: Agent) -> ResponsePolicy:
    """The policy of an agent version, made once: it is pure, and its index of facts takes milliseconds to build."""
    return ResponsePolicy(agent)


def rehearse(agent: Agent) -> None:
    """Answer a few lines of a made-up caller: the first real one must not wait for first-time work. Blocking."""
    policy, state = policy_of(agent), DialogueState()
    for turn, text in enumerate(("hello", "it still does not work", "thanks, goodbye"), 1):
        reply, state = policy.answer(state, Situation(text, Trend(), UNKNOWN, humans_in=True, turn=turn))
        check_reply(reply.template, reply.evidence, text)
    redact("my number is 0 1 2 3")


class Conversation:
    """One caller talking with one agent, from the disclosure to the farewell."""

    def __init__(
        self,
        plan: ConversationPlan,
        line: Line,
        engines: Engines,
        listener: Listener,
        humans_in: Callable[[], bool],
    ) -> None:
        """Build the pipeline; nothing runs yet.

        Args:
            plan: what the agent knows and how it behaves.
            line: the caller's line.
            engines: shared by all calls.
            listener: is told every event, in order.
            humans_in: whether a colleague could take a hand-off now.
        """
        self._plan = plan
        self._line = line
        self._book = book = TurnBook(plan, listener, CallerBaseline())
        self._policing = Policing(policy_of(plan.agent), book, humans_in)
        estimates = Estimates([])
        delivering = Delivering(book, line.audio_out_hz)
        vad = engines.turns.voice_activity()
        speaker = PreparedSpeaker(engines.speaker)
        writer = PreparedWriter(engines.writer) if engines.writer is not None and plan.agent.use_llm else None
        ahead = Ahead(lambda: estimates.so_far(plan.emotion_deadline_s), self._policing.foresee, writer, speaker)
        start = FloorTaken(vad, delivering, book, estimates.drop)
        stop = CallerFinished(vad, engines.turns.end_of_turn(), book, ahead)
        caller_turns = self._turns(vad, UserTurnStrategies(start=[start], stop=[stop]))
        pipeline = Pipeline(
            [
                line.transport.input(),
                Listening(book),
                Hearing(engines.recogniser, book, vad=vad),
                EmotionTap(engines.emotion, book, estimates),
                caller_turns,
                EmotionGate(book, estimates),
                self._policing,
                Answering(writer, book, word_for_word=engines.word_for_word),
                Watchdog(book),
                Voicing(speaker, engines.clips, book),
                delivering,
                line.transport.output(),
                Delivered(delivering, self._disclosure_written),
            ]
        )
        self._worker = PipelineWorker(
            pipeline,
            name=f"call-{plan.call_id}",
            conversation_id=plan.call_id,
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
            params=PipelineParams(
                audio_in_sample_rate=16_000,
                audio_out_sample_rate=line.audio_out_hz,
                send_initial_empty_metrics=False,
            ),
        )

    async def run(self) -> None:
        """Talk until the pipeline ends; cancelling this ends it.

        Raises:
            asyncio.CancelledError: the call is over.
        """
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(self._worker)
        agent = self._plan.agent
        disclosure = TTSSpeakFrame(agent.disclosure)
        disclosure.interruptible = False
        end = NoticeEndFrame()
        end.interruptible = False
        memory = self._plan.memory
        words = agent.greeting if memory is None else Clip.CUT_OFF
        if memory is not None and memory.disclosed:
            self._book.start_analysis()
            opening: list[Frame] = []
        else:
            self._book.notice(agent.disclosure)
            opening = [disclosure, end]
        self._book.notice(words)
        await self._worker.queue_frames([*opening, TTSSpeakFrame(words)])
        running = asyncio.current_task()
        cancelled_before = running.cancelling() if running else 0
        await runner.run()
        if running and running.cancelling() > cancelled_before:
            raise asyncio.CancelledError  # Pipecat's runner ends quietly when cancelled; the call's TaskGroup must know

    async def hand_over(self, words: str, reason: str | None) -> None:
        """Break off: say these words, then ask for a human for this reason, or end the call where there is none."""
        await self._policing.hand_over(words, reason)

    def _turns(self, vad: CallVad, strategies: UserTurnStrategies) -> LLMUserAggregator:
        """Pipecat's aggregator of the caller's turns, with our models and our rules of who has the floor."""
        caller = LLMUserAggregator(
            LLMContext(),
            params=LLMUserAggregatorParams(
                vad_analyzer=vad,
                user_turn_strategies=strategies,
                empty_user_turn=None,
                user_turn_stop_timeout=STUCK_TURN_S,
                user_idle_timeout=self._plan.silence_prompt_s,
            ),
        )

        async def silent(_: LLMUserAggregator) -> None:
            await self._policing.silence()

        caller.add_event_handler("on_user_turn_idle", silent)
        return caller

    async def _disclosure_written(self) -> None:
        """The disclosure was written to the line; analysis starts when the ear has it, never where it was not said."""
        if self._plan.agent.disclosure in self._book.unsaid:
            self._book.fell_back("disclosure", "not said")
            return
        for attempt in range(MARK_TRIES):
            if await self._line.until_played(f"disclosure {attempt}"):
                self._book.tell(DisclosureHeard(self._book.now_s, self._plan.agent.disclosure))
                self._book.start_analysis()
                return
            await asyncio.sleep(MARK_PAUSE_S)
