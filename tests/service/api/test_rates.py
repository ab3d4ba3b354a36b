"""A source has a budget, and knowing sources has one too."""

from __future__ import annotations

from service.api.rates import SourceRates


def test_a_minutes_worth_at_once_and_then_at_the_rate() -> None:
    """Sixty a minute: sixty now, then one a second; another source has its own."""
    rates = SourceRates(60)
    assert [rates.take("a", 100.0) for _ in range(61)] == [True] * 60 + [False]
    assert rates.take("b", 100.0)
    assert not rates.take("a", 100.5)
    assert rates.take("a", 101.5)


def test_sources_are_forgotten_oldest_first() -> None:
    """No more than so many are remembered; who asks often is not forgotten."""
    rates = SourceRates(1, most=2)
    assert rates.take("a", 0.0)
    assert rates.take("b", 0.0)
    assert not rates.take("a", 0.0)
    assert rates.take("c", 0.0)
    assert not rates.take("a", 0.0)
    assert rates.take("b", 0.0)
