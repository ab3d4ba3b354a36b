"""Webhooks twice, late and out of order, the same for the same seed; a second way where the first does not answer."""

from __future__ import annotations

from telephony.simulator.carrier import CarrierAccount
from telephony.simulator.mischief import Mischief


def test_no_mischief_by_default() -> None:
    """Once each, in order."""
    calm = Mischief()
    assert [calm.times() for _ in range(20)] == [1] * 20


def test_the_same_seed_does_the_same() -> None:
    """Between one copy and five; nothing is lost by shuffling."""
    one, other = (Mischief(copies=5, shuffle=True, seed=7) for _ in range(2))
    times = [one.times() for _ in range(50)]
    assert times == [other.times() for _ in range(50)]
    assert set(times) == {1, 2, 3, 4, 5}
    assert sorted(one.order(range(10))) == list(range(10))


def test_every_way_leads_to_the_same_path() -> None:
    """Webhooks and sockets alike; a foreign URL is left as it is."""
    account = CarrierAccount("AC", "token", "https://calls.example", reached_at="http://one:1", or_at=("http://two:2",))
    assert account.ways("https://calls.example/v1/x") == ["http://one:1/v1/x", "http://two:2/v1/x"]
    assert account.ways("wss://calls.example/media") == ["ws://one:1/media", "ws://two:2/media"]
    assert account.ways("https://elsewhere.example/") == ["https://elsewhere.example/"]
    assert account.reach("https://calls.example/v1/x") == "http://one:1/v1/x"
