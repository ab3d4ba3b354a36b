"""Bad weather is as bad as it is said to be."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from telephony.simulator.relay import Conditions, Relay, Weather, first_candidate, led_through

PACKETS = 20_000
EVERY_S = 0.02


def lost(conditions: Conditions, seed: int = 1) -> list[bool]:
    """Which of many packets are lost, one every 20 ms."""
    weather = Weather(conditions, seed)
    return [weather.delay(place * EVERY_S) is None for place in range(PACKETS)]


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.1])
def test_the_share_that_is_lost(loss: float) -> None:
    """Within a fifth of what was asked."""
    assert sum(lost(Conditions(loss=loss))) / PACKETS == pytest.approx(loss, rel=0.2)


def test_bursts_come_in_bursts() -> None:
    """Every two seconds a tenth of one: four percent in all, and most lost packets have a lost neighbour."""
    gone = lost(Conditions(burst_every_s=2.0, burst_s=0.1, burst_loss=0.8))
    assert 0.02 < sum(gone) / PACKETS < 0.06
    neighbours = [gone[place - 1] or gone[place + 1] for place in range(1, PACKETS - 1) if gone[place]]
    assert sum(neighbours) / len(neighbours) > 0.6


def test_chance_is_seeded() -> None:
    """The same seed loses the same packets, another one others."""
    conditions = Conditions(loss=0.1, jitter_s=0.02)
    assert lost(conditions, 3) == lost(conditions, 3) != lost(conditions, 4)


def test_a_black_out_ends() -> None:
    """Everything is lost for as long as it lasts, nothing after it."""
    weather = Weather(Conditions(), 1)
    weather.black_out(1.0, 5.0)
    assert [weather.delay(at_s) is None for at_s in (1.0, 5.9, 6.0, 7.0)] == [True, True, False, False]


def test_descriptions_are_led_through() -> None:
    """One candidate stands for all of a media section, and the first good one is where packets go."""
    sdp = "\r\n".join(
        [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "a=candidate:1 1 udp 2130706431 10.0.0.5 4000 typ host",
            "a=candidate:2 1 udp 1694498815 192.0.2.9 4001 typ srflx raddr 10.0.0.5 rport 4000",
            "a=end-of-candidates",
            "",
        ]
    )
    led = led_through(sdp, ("10.0.0.5", 5000))
    assert led.count("a=candidate:") == 1
    assert "10.0.0.5 5000 typ host" in led
    assert first_candidate(sdp, "10.0.0.5") == ("10.0.0.5", 4000)
    with pytest.raises(ValueError, match="candidate"):
        first_candidate("v=0\r\n", "10.0.0.5")


class Peer(asyncio.DatagramProtocol):
    """Knows whether it got something."""

    def __init__(self) -> None:
        self.got = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Note it."""
        self.got.set()


def _same(peer: Peer) -> Peer:
    return peer


async def test_packets_get_through_both_ways() -> None:
    """The service is known from its answer, the caller from its first packet."""
    loop = asyncio.get_running_loop()
    caller, service = Peer(), Peer()
    ears = [
        (await loop.create_datagram_endpoint(partial(_same, peer), local_addr=("127.0.0.1", 0)))[0]
        for peer in (caller, service)
    ]
    async with Relay(Conditions(delay_s=0.001), host="127.0.0.1") as relay:
        port = ears[1].get_extra_info("sockname")[1]
        answer = relay.answer(f"m=audio 9 x\r\na=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n")
        ears[0].sendto(b"hello", first_candidate(answer, "127.0.0.1"))
        await asyncio.wait_for(service.got.wait(), 5)
        offer = relay.offer("m=audio 9 x\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n")
        ears[1].sendto(b"yes", first_candidate(offer, "127.0.0.1"))
        await asyncio.wait_for(caller.got.wait(), 5)
        assert [way.carried for way in relay.counted] == [1, 1]
    for ear in ears:
        ear.close()
