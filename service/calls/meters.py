"""What happens in calls, as metrics."""

from __future__ import annotations

import time
from typing import assert_never

from pipelines.events import (
    AgentSays,
    AgentSpoke,
    AnalysisStopped,
    CallerSilent,
    CallerSpoke,
    DisclosureHeard,
    EmotionEstimated,
    Escalated,
    Event,
    FarewellSaid,
    FellBack,
    ListeningChanged,
    ToneChosen,
    ToolUsed,
    TurnTimed,
)
from pipelines.speech.breaker import Circuit
from service.domain.calls import CallStart, Outcome, Party
from service.telemetry.metrics import Bounded, Meters


class CallMeters:
    """Counts and times everything that is told of calls. One per process serves all calls."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._stage = Bounded()
        self._reason = Bounded()
        self._escalation = Bounded()
        self._carrier = Bounded(8)
        self._where = Bounded(64)

    def open_call(self, start: CallStart) -> CallMeter:
        """A call begins."""
        self._meters.calls_active.inc()
        return CallMeter(self, start)

    def close_call(self, start: CallStart, outcome: Outcome, seconds: float) -> None:
        """A call is over after so many seconds."""
        self._meters.calls_active.dec()
        self._meters.calls.labels(self._carrier(start.carrier), outcome.value).inc()
        self._meters.call_seconds.observe(seconds)

    def resumed(self) -> None:
        """A call was taken up again."""
        self._meters.resumed.inc()

    def refused(self, carrier: str) -> None:
        """A call was not taken."""
        self._meters.calls.labels(self._carrier(carrier), Outcome.REFUSED.value).inc()

    def ignored_message(self) -> None:
        """A message on a media stream meant nothing and was ignored."""
        self._meters.dropped.labels("media_message").inc()

    def engine(self, slot: str, circuit: Circuit, *, second: bool) -> None:
        """A slot with two engines was asked."""
        self._meters.engine_open.labels(slot).set(circuit is not Circuit.CLOSED)
        if second:
            self._meters.engine_seconds.labels(slot).inc()

    def error(self, where: str) -> None:
        """Count an error by the place it happened in."""
        self._meters.errors.labels(self._where(where)).inc()

    def tell(self, event: Event) -> None:
        """Take one event of a conversation."""
        meters = self._meters
        match event:
            case TurnTimed(total_s=total_s, stages=stages):
                meters.turn_latency.observe(total_s)
                for stage, seconds in stages.items():
                    meters.turn_stage.labels(stage.value).observe(seconds)
            case EmotionEstimated(emotion=emotion):
                meters.emotion_estimates.labels(emotion.label.value).inc()
                if emotion.is_known:
                    meters.emotion_confidence.observe(emotion.confidence)
                if emotion.voice is not None and emotion.words is not None:
                    meters.emotion_disagreement.observe(emotion.disagreement)
            case ToneChosen(tone=tone):
                meters.tones.labels(tone.strategy.value, tone.name.value).inc()
            case CallerSpoke():
                meters.turns.labels(Party.CALLER.value).inc()
            case AgentSpoke(interrupted=interrupted):
                meters.turns.labels(Party.AGENT.value).inc()
                if interrupted:
                    meters.barge_ins.inc()
            case FellBack(stage=stage, reason=reason):
                meters.fallbacks.labels(self._stage(stage), self._reason(reason)).inc()
            case Escalated(reason=reason):
                meters.escalations.labels(self._escalation(reason)).inc()
            case AnalysisStopped(reason=reason):
                meters.analysis_stops.labels(reason.value).inc()
            case DisclosureHeard() | AgentSays() | CallerSilent() | ListeningChanged() | ToolUsed() | FarewellSaid():
                pass
            case never:
                assert_never(never)


class CallMeter:
    """The meters of one call."""

    def __init__(self, meters: CallMeters, start: CallStart) -> None:
        self._meters = meters
        self._start = start
        self._began_s = time.monotonic()
        self._open = True

    def tell(self, event: Event) -> None:
        """Take one event; never blocks, never raises."""
        self._meters.tell(event)

    async def close(self, outcome: Outcome, reason: str) -> None:
        """The call is over. Closing again does nothing."""
        if self._open:
            self._open = False
            self._meters.close_call(self._start, outcome, time.monotonic() - self._began_s)
