"""Where the time of a turn goes."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pipelines.events import Stage
from pipelines.turns.clock import TurnClock


def test_stages_of_a_plain_turn() -> None:
    """Recognition runs inside the wait for the end of the turn and is told apart from it."""
    clock = TurnClock(
        last_sound=10.0,
        recognition_s=0.3,
        ended=10.6,
        emotion=10.61,
        policy=10.62,
        first_token=10.8,
        first_sentence=11.0,
        first_speech=11.05,
    )
    measured = clock.measure(at_wire=11.1)
    assert measured is not None
    total_s, stages = measured
    assert math.isclose(total_s, 1.1)
    expected = {
        Stage.ENDPOINTING: 0.3,
        Stage.RECOGNITION: 0.3,
        Stage.EMOTION: 0.01,
        Stage.POLICY: 0.01,
        Stage.LLM_FIRST_TOKEN: 0.18,
        Stage.FIRST_SENTENCE: 0.2,
        Stage.SPEECH: 0.05,
        Stage.TRANSPORT: 0.05,
    }
    assert set(stages) == set(Stage)
    assert all(math.isclose(stages[stage], seconds, abs_tol=1e-9) for stage, seconds in expected.items())


def test_a_notice_has_no_turn_latency() -> None:
    """What we say unasked is not timed."""
    assert TurnClock().measure(5.0) is None
    assert TurnClock(ended=4.0).measure(5.0) is None


marks = st.one_of(st.none(), st.floats(0, 20))


@given(
    ended=st.floats(1, 5),
    recognition_s=st.floats(0, 9),
    emotion=marks,
    policy=marks,
    token=marks,
    sentence=marks,
    speech=marks,
    wire=st.floats(5, 20),
)
def test_stages_always_sum_to_the_total(
    ended: float,
    recognition_s: float,
    emotion: float | None,
    policy: float | None,
    token: float | None,
    sentence: float | None,
    speech: float | None,
    wire: float,
) -> None:
    """Missing and crossed marks never make a negative stage or lose time."""
    clock = TurnClock(1.0, recognition_s, ended, emotion, policy, token, sentence, speech)
    measured = clock.measure(wire)
    assert measured is not None
    total_s, stages = measured
    assert math.isclose(sum(stages.values()), total_s, abs_tol=1e-9)
    assert all(seconds >= 0 for seconds in stages.values())
