"""What the processors of one call share: the turn being answered, the emotion so far, and who listens."""

from __future__ import annotations

import time
from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field

from pipelines.emotion.baseline import CallerBaseline
from pipelines.emotion.estimate import Emotion, Trend
from pipelines.emotion.trajectory import Trajectory
from pipelines.events import (
    AgentSays,
    AgentSpoke,
    AnalysisStopped,
    CallerSpoke,
    EmotionEstimated,
    Escalated,
    Event,
    FarewellSaid,
    FellBack,
    ListeningChanged,
    TurnTimed,
)
from pipelines.plan import AnalysisStop, ConversationPlan
from pipelines.ports import Listener
from pipelines.redaction import redact
from pipelines.turns.clock import TurnClock
from pipelines.turns.waiting import Waiting


@dataclass(slots=True)
class Saying:
    """What the agent is saying: for the record of what was planned and what was heard.

    Attributes:
        turn: the caller's turn that it answers; 0 for a notice.
        source: 'llm', 'template', 'tool' or 'notice'.
        planned: sentences handed to the voice so far.
        escalate: reason to hand the call to a human once it was said.
        evidence_turns: the turns that an escalation rests on.
        ends_call: whether the call ends once it was said.
    """

    turn: int
    source: str
    planned: list[str] = field(default_factory=list)
    escalate: str | None = None
    evidence_turns: tuple[int, ...] = ()
    ends_call: bool = False


class TurnBook:
    """Shared by the processors of one call, all in one event loop."""

    def __init__(self, plan: ConversationPlan, listener: Listener, baseline: CallerBaseline) -> None:
        self.plan = plan
        self.baseline = baseline
        self.trajectory = Trajectory()
        self.analysing = False
        memory = plan.memory
        self.stopped = memory.analysis_stop if memory else None
        self.turn = memory.turn if memory else 0
        self.clock = TurnClock()
        self.waiting = Waiting()
        self.unsaid: set[str] = set()
        self.kept_out: set[str] = set()
        self.speech_started: float | None = None
        self.answering = False
        self.confidence = 0.0
        self.saying = Saying(0, "notice")
        self.said_last = ""
        self._notices: deque[Saying] = deque()
        self._filler = False
        self._listener = listener
        self._answered = time.monotonic() - (memory.at_s if memory else 0.0)

    @property
    def now_s(self) -> float:
        """Seconds since the call was answered."""
        return time.monotonic() - self._answered

    def tell(self, event: Event) -> None:
        """Pass an event to whoever listens."""
        self._listener.tell(event)

    # -- the caller ---------------------------------------------------------------------------

    def caller_started(self) -> None:
        """The caller began to speak; the marks of an unanswered turn go on counting from its newest speech."""
        self.waiting.over()
        if self.speech_started is None:
            self.speech_started = time.monotonic()

    def caller_paused(self, silent_for_s: float) -> None:
        """Voice activity ended `silent_for_s` seconds ago."""
        self.clock = TurnClock(last_sound=time.monotonic() - silent_for_s)
        self._filler = False

    def caller_took_no_turn(self) -> None:
        """What the caller uttered last was no turn and no part of one: nothing of it is kept."""
        self.speech_started = None

    def turn_ended(self, text: str) -> int:
        """The caller's turn is over with these words; returns its index."""
        self.turn += 1
        self.answering = True
        self.clock.ended = time.monotonic()
        self.waiting.begins(self.clock.ended, self.clock.last_sound)
        last_sound = self.clock.last_sound or self.clock.ended
        started = min(self.speech_started or last_sound, last_sound)
        self.tell(
            CallerSpoke(
                at_s=self.now_s,
                turn=self.turn,
                text=redact(text),
                started_s=started - self._answered,
                ended_s=last_sound - self._answered,
                confidence=self.confidence,
            )
        )
        self.speech_started = None
        return self.turn

    def emotion_known(self, turn: int, emotion: Emotion) -> None:
        """An estimate arrived, in time for the reply or later; dropped once analysis has ended."""
        if not self.analysing:
            return
        trend = self.trajectory.add(turn, emotion)
        self.tell(EmotionEstimated(self.now_s, turn, emotion, trend.attention))

    def trend_with(self, turn: int, emotion: Emotion) -> Trend:
        """The trend if this were the emotion of that turn; nothing is kept of it."""
        return deepcopy(self.trajectory).add(turn, emotion) if self.analysing else self.trajectory.trend

    def start_analysis(self) -> None:
        """The disclosure was heard: from here on emotion may be estimated."""
        self.analysing = self.plan.analyse_emotion and self.stopped is None

    def stop_analysis(self, reason: AnalysisStop) -> None:
        """No estimate is made or kept from here on. Idempotent."""
        if self.stopped is None:
            self.stopped = reason
            self.analysing = False
            self.tell(AnalysisStopped(self.now_s, reason))

    def keep_out(self, reason: str, kept_out: bool) -> None:
        """For this reason the caller's sound is kept out, or no longer; told when it changes."""
        if kept_out is not (reason in self.kept_out):
            (self.kept_out.add if kept_out else self.kept_out.discard)(reason)
            self.tell(ListeningChanged(self.now_s, not self.kept_out, reason))

    # -- the agent ----------------------------------------------------------------------------

    def fell_back(self, stage: str, reason: str) -> None:
        """Something simpler took over."""
        self.tell(FellBack(self.now_s, self.turn, stage, reason))

    def at_wire(self) -> None:
        """The first sound of an answer was written to the line; words that only fill a wait are no answer."""
        if self._filler:
            self._filler = False
            return
        clock, self.clock = self.clock, TurnClock()
        measured = clock.measure(time.monotonic())
        if measured is not None:
            total_s, stages = measured
            self.tell(TurnTimed(self.now_s, self.turn, total_s, stages))

    def notice(self, text: str) -> None:
        """A notice is handed to the voice, outside any answer; several are spoken in their order."""
        self._notices.append(Saying(self.turn, "notice", [text]))
        self.tell(AgentSays(self.now_s, self.turn, redact(text)))

    def filler(self, text: str) -> None:
        """Words that fill a wait are handed to the voice: neither a turn nor part of one."""
        self._filler = True
        self.tell(AgentSays(self.now_s, self.turn, text))

    def say(self, sentence: str) -> None:
        """A sentence of the answer is handed to the voice."""
        self.saying.planned.append(sentence)
        self.tell(AgentSays(self.now_s, self.saying.turn, redact(sentence)))

    def forget_notices(self, *, keep: int = 0) -> None:
        """Notices behind the first `keep` are not spoken any more."""
        while len(self._notices) > keep:
            self._notices.pop()

    def agent_finished(self, heard: str, *, interrupted: bool) -> None:
        """An answer came to its end, by itself or cut off."""
        saying, self.saying = self.saying, Saying(self.turn, "notice")
        self.answering = False
        self._spoke(saying, heard, interrupted=interrupted)

    def notice_finished(self, heard: str, *, interrupted: bool) -> None:
        """The oldest notice came to its end; an answer may be waiting behind it already."""
        if self._notices:
            self._spoke(self._notices.popleft(), heard, interrupted=interrupted)

    def _spoke(self, saying: Saying, heard: str, *, interrupted: bool) -> None:
        self.said_last = " ".join(saying.planned[-2:])
        planned = " ".join(saying.planned)
        if not planned and not heard:
            return
        self.tell(
            AgentSpoke(self.now_s, saying.turn, redact(planned), redact(heard.strip()), interrupted, saying.source)
        )
        if saying.escalate:
            self.tell(Escalated(self.now_s, saying.turn, saying.escalate, saying.evidence_turns))
        elif saying.ends_call:
            self.tell(FarewellSaid(self.now_s, saying.turn))
