"""A late event loop refuses new calls until it is well again."""

from __future__ import annotations

from service.calls.load import Load
from service.telemetry.loop_lag import LoopLag


def test_it_is_strained_until_the_lag_has_halved() -> None:
    """No flapping at the edge."""
    load = Load(0.1)
    assert [load.strained(lag) for lag in (0.05, 0.1, 0.09, 0.06, 0.04, 0.06, 0.2)] == [
        False,
        True,
        True,
        True,
        False,
        False,
        True,
    ]


def test_one_hiccup_is_no_strain() -> None:
    """The 90th percentile of the last seconds counts; it forgets."""
    lag = LoopLag(samples=20)
    assert lag.strain_s == 0.0
    for _ in range(19):
        lag.take(0.001)
    lag.take(1.0)
    assert lag.strain_s == 0.001
    for _ in range(4):
        lag.take(0.5)
    assert lag.strain_s == 0.5
    for _ in range(20):
        lag.take(0.002)
    assert lag.strain_s == 0.002
