"""The catalogue of metrics: every one is declared here, once, on a registry of its own.

Names and labels are a contract with dashboards and alerts. Labels are bounded: a value that comes from outside goes
through `Bounded` first, so no caller can make new time series.
"""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import generate_latest as _render

_TURN_BUCKETS_S = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0)
_STAGE_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
_LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0)
_TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Bounded:
    """Lets a limited number of well-formed label values through; the rest is 'other'."""

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        """The label for a value."""
        word = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
        if not word or len(word) > 40:
            return "other"
        if word not in self._seen:
            if len(self._seen) >= self._limit:
                return "other"
            self._seen.add(word)
        return word


class Meters:
    """Every metric of the product, as attributes. Make one per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        one = self.registry
        self.turn_latency = Histogram(
            "attune_turn_latency_seconds",
            "From the caller's last sound to our first sound at the wire.",
            buckets=_TURN_BUCKETS_S,
            registry=one,
        )
        self.turn_stage = Histogram(
            "attune_turn_stage_seconds",
            "Time of a turn by stage; the stages of a turn sum to its latency.",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=one,
        )
        self.turns = Counter("attune_turns_total", "Turns that ended, by party.", ["party"], registry=one)
        self.barge_ins = Counter("attune_barge_ins_total", "Turns of ours that the caller cut short.", registry=one)
        self.calls_active = Gauge("attune_calls_active", "Calls that are live in this process.", registry=one)
        self.calls = Counter("attune_calls_total", "Calls that ended.", ["carrier", "outcome"], registry=one)
        self.call_seconds = Histogram(
            "attune_call_seconds",
            "Length of calls.",
            buckets=(5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600),
            registry=one,
        )
        self.event_loop_lag = Histogram(
            "attune_event_loop_lag_seconds",
            "How late the event loop woke a sleeper, sampled every 50 ms.",
            buckets=_LAG_BUCKETS_S,
            registry=one,
        )
        self.emotion_estimates = Counter(
            "attune_emotion_estimates_total", "Emotion estimates by label.", ["label"], registry=one
        )
        self.emotion_confidence = Histogram(
            "attune_emotion_confidence", "Confidence of known estimates.", buckets=_TENTHS, registry=one
        )
        self.emotion_disagreement = Histogram(
            "attune_emotion_disagreement",
            "How far voice and words contradict each other.",
            buckets=_TENTHS,
            registry=one,
        )
        self.tones = Counter("attune_tones_total", "Answers by strategy and tone.", ["strategy", "tone"], registry=one)
        self.analysis_stops = Counter(
            "attune_analysis_stopped_total", "Calls whose emotion analysis ended early.", ["reason"], registry=one
        )
        self.escalations = Counter("attune_escalations_total", "Calls that needed a human.", ["reason"], registry=one)
        self.fallbacks = Counter(
            "attune_fallbacks_total", "Something simpler took over.", ["stage", "reason"], registry=one
        )
        self.errors = Counter("attune_errors_total", "Errors by the place they happened in.", ["where"], registry=one)
        self.deliveries = Counter(
            "attune_deliveries_total",
            "Deliveries to webhooks, by what became of them.",
            ["result"],
            registry=one,
        )
        self.dropped = Counter(
            "attune_dropped_total", "What was dropped because a queue was full.", ["what"], registry=one
        )
        self.engine_seconds = Counter(
            "attune_engine_second_total", "Requests that a slot's second engine took over.", ["slot"], registry=one
        )
        self.engine_open = Gauge(
            "attune_engine_circuit_open", "1 while a slot's first engine is left alone.", ["slot"], registry=one
        )
        self.loop_strain = Gauge(
            "attune_event_loop_strain_seconds",
            "Lag of the event loop that admission looks at: the 90th percentile of the last five seconds.",
            registry=one,
        )
        self.resumed = Counter(
            "attune_calls_resumed_total",
            "Calls that were taken up again after their line or process was lost.",
            registry=one,
        )
        self.journal_pending = Gauge(
            "attune_journal_pending_entries", "Entries in memory that are not safe on disk yet.", registry=one
        )
        self.journal_lag = Gauge(
            "attune_journal_lag_bytes", "Bytes of the journal that are not in the database yet.", registry=one
        )
        self.journal_calls = Gauge(
            "attune_journal_calls", "Calls whose journal is not wholly in the database yet.", registry=one
        )
        self.redis_up = Gauge("attune_redis_up", "1 while Redis answers.", registry=one)
        self.database_up = Gauge("attune_database_up", "1 while the database answers.", registry=one)
        ProcessCollector(namespace="attune", registry=one)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format. Takes a few milliseconds: call it off the event loop."""
        return _render(self.registry)

    def names(self) -> frozenset[str]:
        """The names of all series, as dashboards and alerts may use them."""
        return frozenset(name for metric in self.registry.collect() for name in _series(metric.name, metric.type))


def _series(name: str, kind: str) -> tuple[str, ...]:
    match kind:
        case "counter":
            return (f"{name}_total",)
        case "histogram":
            return tuple(f"{name}{suffix}" for suffix in ("_bucket", "_count", "_sum"))
        case _:
            return (name,)
