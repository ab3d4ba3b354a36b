"""What is told of calls becomes numbers, with labels that nobody outside can multiply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.events import Escalated, FellBack
from service.calls.meters import CallMeters
from service.domain.calls import Outcome
from service.telemetry.metrics import Bounded, Meters
from tests.service.story import Known, whole_call

START = Known("t", "v").call()


def value(meters: Meters, name: str, **labels: str) -> float | None:
    """A metric's value."""
    return meters.registry.get_sample_value(name, labels)


async def test_a_whole_call_in_numbers(meters: Meters) -> None:
    """Every event that has a number moves it."""
    calls = CallMeters(meters)
    call = calls.open_call(START)
    assert value(meters, "attune_calls_active") == 1
    for event in whole_call():
        call.tell(event)
    await call.close(Outcome.HANDED_OFF, "asked for a human")
    await call.close(Outcome.FAILED, "again")
    assert value(meters, "attune_calls_active") == 0
    assert value(meters, "attune_calls_total", carrier="twilio", outcome="handed_off") == 1
    assert value(meters, "attune_turn_latency_seconds_count") == 2
    assert value(meters, "attune_turn_latency_seconds_sum") == pytest.approx(2.0)
    assert value(meters, "attune_turn_stage_seconds_sum", stage="endpointing") == pytest.approx(0.8)
    assert value(meters, "attune_emotion_estimates_total", label="angry") == 2
    assert value(meters, "attune_emotion_estimates_total", label="unknown") == 1
    assert value(meters, "attune_emotion_confidence_count") == 2
    assert value(meters, "attune_tones_total", strategy="apologise", tone="apologetic") == 2
    assert value(meters, "attune_turns_total", party="caller") == 2
    assert value(meters, "attune_barge_ins_total") == 2
    assert value(meters, "attune_fallbacks_total", stage="llm", reason="deadline") == 1
    assert value(meters, "attune_escalations_total", reason="asked_for_a_human") == 1
    assert value(meters, "attune_analysis_stopped_total", reason="opted_out") == 1


def test_refusals_errors_and_ignored_messages_are_counted(meters: Meters) -> None:
    """What never became a call is seen too."""
    calls = CallMeters(meters)
    calls.refused("twilio")
    calls.error("desk")
    calls.ignored_message()
    assert value(meters, "attune_calls_total", carrier="twilio", outcome="refused") == 1
    assert value(meters, "attune_errors_total", where="desk") == 1
    assert value(meters, "attune_dropped_total", what="media_message") == 1


def test_reasons_in_free_text_cannot_make_series_without_end(meters: Meters) -> None:
    """A thousand different reasons are a few dozen series."""
    calls = CallMeters(meters)
    for index in range(1_000):
        calls.tell(FellBack(1.0, 1, "llm", f"reason {index}"))
        calls.tell(Escalated(1.0, 1, "x" * index))
    lines = meters.render().decode().splitlines()
    assert sum(line.startswith("attune_fallbacks_total{") for line in lines) <= 33
    assert value(meters, "attune_fallbacks_total", stage="llm", reason="other") == 1_000 - 32
    assert value(meters, "attune_escalations_total", reason="other") is not None
    calls.open_call(replace(START, carrier="carrier with spaces"))


def test_a_label_is_a_plain_word() -> None:
    """Words are lower case without anything else; what is left of nothing is 'other'."""
    bounded = Bounded(2)
    assert [bounded(text) for text in ("Too late!", "too late", "", "ü", "second", "third")] == [
        "too_late",
        "too_late",
        "other",
        "other",
        "second",
        "other",
    ]
