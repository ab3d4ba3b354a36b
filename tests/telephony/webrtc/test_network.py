"""Web calls over bad networks and other ones: loss, bursts, black-outs, a new network, a page that never comes back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from telephony.simulator.relay import Conditions, Relay
from telephony.simulator.web_caller import WebCaller
from telephony.webrtc.connection import JITTER_BUFFER, JITTER_PACKETS
from telephony.webrtc.leg import MAX_CANDIDATES, BadOffer, Patience, WebRtcLeg
from tests.telephony.webrtc.test_leg import Ear, Host, calling, loud_s, tone, until

POINTS = {
    "1 %": Conditions(loss=0.01, jitter_s=0.01),
    "5 %": Conditions(loss=0.05, jitter_s=0.02),
    "10 %": Conditions(loss=0.10, jitter_s=0.02),
    "bursts": Conditions(burst_every_s=1.0, burst_s=0.1, burst_loss=0.9, jitter_s=0.06),
}
BEGINNINGS = (b"\x00\x01", b"\x01\x01", b"\x16\xfe\xfd", b"\x17\xfe\xfd", b"\x80\x6f", b"\x80\xc8", b"")
"""First bytes of STUN requests and answers, DTLS handshakes and records, RTP, RTCP, and nothing."""


async def speak_for_ever(leg: WebRtcLeg, ear: Ear) -> None:
    """The agent speaks half a second of every second."""
    while True:
        await ear.say(0.5)
        await asyncio.sleep(1.0)


@asynccontextmanager
async def calling_through(relay: Relay, host: Host, seconds: float) -> AsyncIterator[WebCaller]:
    """A web caller who sounds for some seconds, connected through bad weather."""
    async with WebCaller(tone(seconds, 16_000), 16_000) as caller:
        sdp, kind = await caller.offer()
        answer = await host.door.offer(relay.offer(sdp), kind, host.on_leg)
        await caller.answered(relay.answer(answer.sdp), answer.type)
        yield caller
    await host.over()


def heard_by(host: Host) -> float:
    """Seconds of sound that reached the service."""
    return loud_s(np.frombuffer(bytes(host.ears[0].pcm), dtype=np.int16), 16_000) if host.ears else 0.0


async def soon(condition: object, seconds: float = 20.0) -> None:
    """Wait for something."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("point", sorted(POINTS))
async def test_the_call_is_up_and_both_are_heard(point: str) -> None:
    """Two seconds of sound arrive each way, though some of it was lost on the way."""
    host = Host(speak_for_ever)
    async with Relay(POINTS[point], seed=7) as relay, calling_through(relay, host, 30.0) as caller:
        await soon(lambda: heard_by(host) > 2.0 and loud_s(caller.heard, 16_000) > 1.0)
        assert caller.state == "connected"
        assert sum(way.lost for way in relay.counted) > 0
    assert host.reasons[0] in ("the caller hung up", "the line was lost")  # the one packet that says so may be lost too


async def test_a_black_out_of_five_seconds_is_survived() -> None:
    """The same call goes on, both ways; what the agent had to say meanwhile was held."""
    host = Host(speak_for_ever)
    async with Relay(Conditions(), seed=7) as relay, calling_through(relay, host, 60.0) as caller:
        await soon(lambda: heard_by(host) > 0.5 and loud_s(caller.heard, 16_000) > 0.4)
        relay.black_out(5.0)
        await asyncio.sleep(2.5)
        assert host.legs[0].is_away
        before = heard_by(host), loud_s(caller.heard, 16_000)
        await soon(lambda: heard_by(host) > before[0] + 0.3 and loud_s(caller.heard, 16_000) > before[1] + 0.3)
        assert not host.reasons
    assert host.reasons == ["the caller hung up"]


async def test_a_page_comes_back_over_another_network() -> None:
    """The old connection dies without a word; another offer brings the same leg back: words, keys and states go on."""
    told: list[bool] = []

    async def scene(leg: WebRtcLeg, ear: Ear) -> None:
        leg.send_caption({"type": "state", "state": "listening"})
        await ear.say(5.0)
        told.append(await leg.until_played("all", 40))

    host = Host(scene)
    async with calling(host, tone(60.0, 16_000)) as caller:
        await soon(lambda: loud_s(caller.heard, 16_000) > 1.0 and len(caller.told) == 1)
        await caller.network_changed()
        await soon(lambda: host.legs[0].is_away)
        held = heard_by(host)
        answer = await host.legs[0].accept(*await caller.offer())
        await caller.answered(answer.sdp, answer.type)
        await soon(lambda: heard_by(host) > held + 0.5 and len(caller.told) == 2)
        assert caller.told[0] == caller.told[1] == {"type": "state", "state": "listening"}
        caller.press("7")
        await soon(lambda: host.ears[0].keys == ["7"])
        await soon(lambda: bool(told), 30)
    assert told == [True]
    assert loud_s(caller.heard, 16_000) > 2.5
    assert host.reasons == ["the caller hung up"]


async def test_a_page_that_stays_away_is_lost() -> None:
    """The time of grace is over: the line ends as lost, and the page may not come back any more."""
    host = Host(speak_for_ever, Patience(grace_s=2.5))
    async with calling(host, tone(20.0, 16_000)) as caller:
        await soon(lambda: heard_by(host) > 0.2)
        await caller.network_changed()
        await soon(lambda: bool(host.reasons), 20)
        with pytest.raises(BadOffer, match="over"):
            await host.legs[0].accept(*await caller.offer())
    assert host.reasons == ["the line was lost"]


async def test_a_bad_second_offer_leaves_time_for_a_good_one() -> None:
    """The call waits as long as its time of grace says."""
    host = Host(speak_for_ever)
    async with calling(host, tone(60.0, 16_000)) as caller:
        await soon(lambda: heard_by(host) > 0.2)
        await caller.network_changed()
        with pytest.raises(BadOffer):
            await host.legs[0].accept("v=0\r\ngarbage", "offer")
        before = heard_by(host)
        answer = await host.legs[0].accept(*await caller.offer())
        await caller.answered(answer.sdp, answer.type)
        await soon(lambda: heard_by(host) > before + 0.3)


async def test_a_lost_packet_is_not_waited_for_long() -> None:
    """Our own short jitter buffer is where aiortc's receiver looks for one."""

    async def scene(leg: WebRtcLeg, ear: Ear) -> None:
        await ear.say(0.2)

    host = Host(scene)
    async with calling(host, tone(1.0, 16_000)) as caller:
        await soon(lambda: heard_by(host) > 0.2 and loud_s(caller.heard, 16_000) > 0.1)
        [transceiver] = host.legs[0].connection.pc.getTransceivers()
        assert vars(transceiver.receiver)[JITTER_BUFFER].capacity == JITTER_PACKETS


async def test_addresses_are_bounded() -> None:
    """Those of the offer and those that come after it, together."""

    async def scene(leg: WebRtcLeg, ear: Ear) -> None:
        await ear.say(0.2)

    host = Host(scene)
    async with calling(host, tone(1.0, 16_000)) as caller:
        leg = host.legs[0]
        with pytest.raises(BadOffer, match="not a network candidate"):
            await leg.add_candidate("garbage", "0", 0)
        taken = 0
        with contextlib.suppress(BadOffer):
            for port in range(1, 2 * MAX_CANDIDATES):
                await leg.add_candidate(f"candidate:1 1 udp 1 192.0.2.7 {port} typ host", "0", 0)
                taken = port
        assert taken < MAX_CANDIDATES
        with pytest.raises(BadOffer, match="too many"):
            await leg.add_candidate("candidate:1 1 udp 1 192.0.2.7 9 typ host", "0", 0)
        await until(lambda: loud_s(caller.heard, 16_000) > 0.1)


async def test_garbage_and_floods_do_not_end_a_call() -> None:
    """Spoiled STUN, DTLS and SRTP at the service's own port while the call runs, and a page that talks too much."""
    host = Host(speak_for_ever)
    chance = random.Random(5)
    async with Relay(Conditions(), seed=7) as relay, calling_through(relay, host, 60.0) as caller:
        await soon(lambda: heard_by(host) > 0.5)
        service = relay.service_address
        loop = asyncio.get_running_loop()
        stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(relay.host, 0))
        for place in range(3000):
            kind = (b"\x00\x01", b"\x01\x01", b"\x16\xfe\xfd", b"\x80\x6f", b"\x80\xc8", b"\x17\xfe\xfd", b"")[
                place % 7
            ]
            size = chance.choice((0, 1, 7, 11, 12, 19, 20, 60, 1200))
            stranger.sendto(kind + chance.randbytes(size), service)
            if place % 100 == 99:
                await asyncio.sleep(0.01)
        for place in range(500):
            caller.send({"type": "dtmf", "digit": ["A", 5, None, "12"][place % 4], "x": "y" * 100})
        before = heard_by(host), loud_s(caller.heard, 16_000)
        await soon(lambda: heard_by(host) > before[0] + 0.5 and loud_s(caller.heard, 16_000) > before[1] + 0.3)
        await soon(lambda: host.ignored >= 400)
        stranger.close()
    assert host.reasons == ["the caller hung up"]
