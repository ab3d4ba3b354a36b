"""Requests to addresses that a tenant wrote down: never into our own network, never for long, never much.

A name is resolved once, every address that it has is looked at, and the connection goes to one of those: a name that
changes its mind between the look and the connection changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host and a port to its addresses in text, in the order in which they shall be tried."""

LONGEST_S: Final = 5.0
MOST_BYTES: Final = 1_000_000
LONGEST_URL: Final = 2_000
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NEVER: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"), IPv4Network("192.88.99.0/24"))
"""Addresses that the standard library calls global and that lead inwards all the same."""


class Refused(Exception):
    """The address may not be asked; the message says why."""


class Unreachable(Exception):
    """The other side did not answer in time or not properly; later perhaps."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered; `body` holds at most `MOST_BYTES`."""

    status: int
    body: bytes


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host by the system's resolver, off the loop.

    Raises:
        OSError: there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Guard:
    """Asks other people's servers, and only those."""

    def __init__(
        self,
        *,
        allowed: Sequence[str] = (),
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare.

        Args:
            allowed: networks that may be asked although they are not public, in CIDR notation: the operator's decision,
                never a tenant's.
            resolve: finds addresses.
            trust: which certificates count; None for the system's.
        """
        self._allowed: tuple[Network, ...] = tuple(ip_network(network) for network in allowed)
        self._resolve = resolve
        self._trust = trust or ssl.create_default_context()

    async def check(self, url: str) -> tuple[URL, Sequence[Address]]:
        """The parsed address and where it leads.

        Raises:
            Refused: it may not be asked.
            Unreachable: its name leads nowhere now.
        """
        parsed = _parsed(url)
        host, port = parsed.host or "", parsed.port or 443
        try:
            async with asyncio.timeout(LONGEST_S):
                found = await self._resolve(host, port)
        except (OSError, TimeoutError, UnicodeError) as nowhere:
            raise Unreachable("the name leads nowhere") from nowhere
        addresses = [_plain(each) for each in found]
        if not addresses:
            raise Unreachable("the name leads nowhere")
        for address in addresses:
            if not self._may_ask(address):
                raise Refused("this leads into a network that is not public")
        return parsed, addresses

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body and read what comes back, all within five seconds. Redirects are answers like others.

        Raises:
            Refused: it may not be asked.
            Unreachable: no proper answer in time.
        """
        parsed, addresses = await self.check(url)
        connector = aiohttp.TCPConnector(resolver=_Looked(addresses), ssl=self._trust, use_dns_cache=False, limit=1)
        timeout = aiohttp.ClientTimeout(total=LONGEST_S)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
                ) as client,
                client.post(parsed, data=body, headers=dict(headers), allow_redirects=False) as answer,
            ):
                return Reply(answer.status, await answer.content.read(MOST_BYTES))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failed:
            raise Unreachable(type(failed).__name__) from failed

    def _may_ask(self, address: Address) -> bool:
        if any(address in network for network in self._allowed if network.version == address.version):
            return True
        return is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address, and the one that it may carry inside, belongs to the public internet."""
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    inside = _inside(address) if isinstance(address, IPv6Address) else None
    return inside is None or is_public(inside)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or int(address) >> 32 == 0:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _plain(text: str) -> Address:
    """An address without a zone, mapped ones as what they stand for."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError as odd:
        raise Refused("the name leads to something that is no address") from odd
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _parsed(url: str) -> URL:
    if len(url) > LONGEST_URL or any(ord(letter) <= 0x20 or ord(letter) == 0x7F or letter == "\\" for letter in url):
        raise Refused("this is no address of the web")
    try:
        parsed = URL(url)
        host, port = parsed.host, parsed.port
    except ValueError as broken:
        raise Refused("this is no address of the web") from broken
    if parsed.scheme != "https" or not host:
        raise Refused("an address begins with https:// and names a host")
    if parsed.user is not None or parsed.password is not None:
        raise Refused("an address carries no user and no password")
    if port not in (443, 8443) and not 1024 <= (port or 0) <= 65535:
        raise Refused("this port may not be asked")
    return parsed.with_fragment(None)


class _Looked(AbstractResolver):
    """Resolves to the addresses that were looked at, whatever the name."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""
