"""Bad network between a web caller and the service: a UDP relay that loses, delays and blacks out packets.

`Weather` decides for each packet and is pure and seeded; `Relay` carries packets. Every packet of a call goes through,
sound, data channel and connectivity checks alike, because `led_through` puts the relay's address in the place of all
others in the descriptions that both sides exchange.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import cast

from aioice.ice import get_host_addresses

Address = tuple[str, int]

_MAX_IN_FLIGHT = 2000


@dataclass(frozen=True, slots=True)
class Conditions:
    """How bad it is.

    Attributes:
        loss: share of packets lost in good times, 0..1.
        burst_every_s: mean time between bursts of loss (Gilbert-Elliott); 0: none.
        burst_s: mean length of a burst.
        burst_loss: share of packets lost in a burst.
        delay_s: one way, for all.
        jitter_s: on top, up to so much; packets overtake each other.
    """

    loss: float = 0.0
    burst_every_s: float = 0.0
    burst_s: float = 0.1
    burst_loss: float = 0.8
    delay_s: float = 0.01
    jitter_s: float = 0.0


class Weather:
    """The fate of each packet of one direction. Pure: times are given, chance is seeded."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        """Begin in good times."""
        self._conditions = conditions
        self._chance = random.Random(seed)
        self._burst_until_s = 0.0
        self._next_burst_s: float | None = None
        self._dark_until_s = float("-inf")

    def black_out(self, now_s: float, seconds: float) -> None:
        """Lose everything for a time."""
        self._dark_until_s = now_s + seconds

    def delay(self, now_s: float) -> float | None:
        """Seconds until the packet arrives; None: it is lost."""
        conditions = self._conditions
        loss = conditions.burst_loss if self._in_burst(now_s) else conditions.loss
        lost = self._chance.random() < loss
        late_s = conditions.delay_s + self._chance.random() * conditions.jitter_s
        return None if lost or now_s < self._dark_until_s else late_s

    def _in_burst(self, now_s: float) -> bool:
        if not self._conditions.burst_every_s:
            return False
        if self._next_burst_s is None:
            self._next_burst_s = now_s + self._chance.expovariate(1 / self._conditions.burst_every_s)
        if now_s >= self._next_burst_s:
            self._burst_until_s = now_s + self._chance.expovariate(1 / self._conditions.burst_s)
            self._next_burst_s = self._burst_until_s + self._chance.expovariate(1 / self._conditions.burst_every_s)
        return now_s < self._burst_until_s


@dataclass(slots=True)
class Counted:
    """What happened to the packets of one direction."""

    carried: int = 0
    lost: int = 0


class _Port(asyncio.DatagramProtocol):
    """One of the relay's two sockets: hears its own side, speaks to it, and learns where it is from what it hears."""

    def __init__(self, relay: Relay, weather: Weather) -> None:
        self.address: Address = ("", 0)
        self.peer: Address | None = None
        self.other: _Port | None = None
        self.counted = Counted()
        self.weather = weather
        self._relay = relay
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class does not derive from it
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.peer = addr[:2]
        loop = asyncio.get_running_loop()
        late_s = self.weather.delay(loop.time())
        if late_s is None or self.other is None or len(self._relay.in_flight) >= _MAX_IN_FLIGHT:
            self.counted.lost += 1
            return
        self.counted.carried += 1
        self._relay.send_later(late_s, self.other, data)

    def send(self, data: bytes) -> None:
        """Speak to this port's side, once it is known where that is."""
        if self._transport is not None and self.peer is not None and not self._transport.is_closing():
            self._transport.sendto(data, self.peer)

    def close(self) -> None:
        """Fall silent."""
        if self._transport is not None:
            self._transport.close()


@dataclass(slots=True)
class Relay:
    """Two sockets on one of this machine's addresses; use as `async with`.

    Attributes:
        conditions: the same both ways.
        seed: of chance.
        host: the address to listen on; the one that the peers have too.
    """

    conditions: Conditions
    seed: int = 1
    host: str = field(default_factory=lambda: own_address())
    in_flight: set[asyncio.TimerHandle] = field(default_factory=set)
    _caller: _Port | None = None
    _service: _Port | None = None

    async def __aenter__(self) -> Relay:
        """Open both sockets."""
        loop = asyncio.get_running_loop()
        ports = []
        for seed in (self.seed, self.seed + 1):
            port = _Port(self, Weather(self.conditions, seed))
            await loop.create_datagram_endpoint(partial(_same, port), local_addr=(self.host, 0))
            ports.append(port)
        self._caller, self._service = ports
        self._caller.other, self._service.other = self._service, self._caller
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them; what is under way is lost."""
        for handle in self.in_flight:
            handle.cancel()
        for port in self._ports():
            port.close()

    def send_later(self, late_s: float, port: _Port, data: bytes) -> None:
        """Deliver a packet after its delay."""
        handle: asyncio.TimerHandle

        def deliver() -> None:
            self.in_flight.discard(handle)
            port.send(data)

        handle = asyncio.get_running_loop().call_later(late_s, deliver)
        self.in_flight.add(handle)

    def black_out(self, seconds: float) -> None:
        """Lose everything both ways for a time."""
        for port in self._ports():
            port.weather.black_out(asyncio.get_running_loop().time(), seconds)

    def offer(self, sdp: str) -> str:
        """The caller's offer as the service gets it: the caller is where the relay's service side is."""
        _, service = self._ports()
        return led_through(sdp, service.address)

    def answer(self, sdp: str) -> str:
        """The service's answer as the caller gets it; the service's own address is where packets go."""
        caller, service = self._ports()
        service.peer = first_candidate(sdp, self.host)
        return led_through(sdp, caller.address)

    @property
    def service_address(self) -> Address:
        """Where the service's own socket is.

        Raises:
            LookupError: no answer has been led through yet.
        """
        peer = self._ports()[1].peer
        if peer is None:
            raise LookupError("no answer was led through yet")
        return peer

    @property
    def counted(self) -> tuple[Counted, Counted]:
        """Packets from the caller, packets from the service."""
        caller, service = self._ports()
        return caller.counted, service.counted

    def _ports(self) -> tuple[_Port, _Port]:
        assert self._caller is not None
        assert self._service is not None
        return self._caller, self._service


def _same(port: _Port) -> _Port:
    return port


_CANDIDATE = re.compile(r"a=candidate:\S+ \d+ udp \d+ (\S+) (\d+) typ host.*", re.IGNORECASE)


def led_through(sdp: str, address: Address) -> str:
    """A description with one address in the place of all its candidates."""
    lines: list[str] = []
    for line in sdp.splitlines():
        if not line.startswith("a=candidate:"):
            lines.append(line)
        elif not lines[-1].startswith("a=candidate:"):
            lines.append(f"a=candidate:1 1 udp 2130706431 {address[0]} {address[1]} typ host")
    return "\r\n".join(lines) + "\r\n"


def first_candidate(sdp: str, host: str) -> Address:
    """The address of a description's host candidate on `host`, else of its first one.

    Raises:
        ValueError: there is none.
    """
    found = [(match[1], int(match[2])) for match in map(_CANDIDATE.fullmatch, sdp.splitlines()) if match]
    if not found:
        raise ValueError("no host candidate")
    return next((one for one in found if one[0] == host), found[0])


def own_address() -> str:
    """The IPv4 address of this machine that WebRTC offers first.

    Raises:
        LookupError: there is none but loopback, which WebRTC leaves out.
    """
    return get_host_addresses(use_ipv4=True, use_ipv6=False)[0]
