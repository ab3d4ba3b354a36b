"""A breaker opens after failures in a row, rests, and lets one probe decide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.speech.breaker import Breaker, Circuit


def opened(rest_s: float = 5.0) -> Breaker:
    """A breaker that has just opened, at 0 s."""
    breaker = Breaker(failures=3, rest_s=rest_s)
    for _ in range(3):
        assert breaker.allows(0.0)
        breaker.failed(0.0)
    return breaker


def test_two_failures_and_a_success_change_nothing() -> None:
    """Only failures in a row count."""
    breaker = Breaker(failures=3)
    for _ in range(5):
        breaker.failed(0.0)
        breaker.failed(0.0)
        breaker.succeeded()
    assert breaker.circuit is Circuit.CLOSED


def test_it_opens_and_lets_one_probe_through() -> None:
    """Closed by a good probe."""
    breaker = opened()
    assert not breaker.allows(4.9)
    assert breaker.allows(5.0)
    assert not breaker.allows(5.0)
    assert str(breaker.circuit) == "probing"
    breaker.succeeded()
    assert str(breaker.circuit) == "closed"
    assert breaker.allows(5.1)


def test_a_failed_probe_doubles_the_rest() -> None:
    """5 s, then 10 s, and never more than the longest."""
    breaker = opened()
    assert breaker.allows(5.0)
    breaker.failed(5.0)
    assert not breaker.allows(14.9)
    assert breaker.allows(15.0)
    for _ in range(10):
        breaker.failed(100.0)
        assert breaker.allows(160.0)


def test_a_probe_that_was_given_up_leaves_room_for_another() -> None:
    """The caller hung up while the probe was under way."""
    breaker = opened()
    assert breaker.allows(6.0)
    breaker.left()
    assert breaker.allows(6.0)


@given(st.lists(st.sampled_from(["ask", "good", "bad", "left"]), max_size=60))
def test_at_most_one_probe_is_under_way(moves: list[str]) -> None:
    """Whatever happens, an open breaker never lets two callers through at once."""
    breaker = Breaker(failures=2, rest_s=1.0)
    now = 0.0
    probes = 0
    for move in moves:
        now += 0.4
        if move == "ask":
            was_open = breaker.circuit is not Circuit.CLOSED
            if breaker.allows(now) and was_open:
                probes += 1
            assert probes <= 1
        else:
            match move:
                case "good":
                    breaker.succeeded()
                case "bad":
                    breaker.failed(now)
                case _:
                    breaker.left()
            probes = 0
