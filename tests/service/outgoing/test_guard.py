"""Addresses that a tenant may write down to reach what is ours: none of them is ever connected to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest

from service.outgoing.guard import MOST_BYTES, Guard, Refused, Unreachable, is_public
from tests.service.outgoing.receiver import certificate

NAMES = {
    "inside.example": ["127.0.0.1"],
    "inside6.example": ["::1"],
    "both.example": ["93.184.215.14", "127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "teredo.example": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "metadata.example": ["169.254.169.254"],
    "router.example": ["192.168.0.1"],
    "ten.example": ["10.1.2.3"],
    "carrier.example": ["100.64.0.1"],
    "link.example": ["fe80::1%eth0"],
    "unique.example": ["fd00::1"],
    "zero.example": ["0.0.0.0"],
    "multicast.example": ["224.0.0.1"],
    "broken.example": ["not-an-address"],
}
"""Where hostile names lead."""


@dataclass
class Honeypot:
    """Listens on our own machine and counts whoever comes."""

    port: int = 0
    visits: list[str] = field(default_factory=list)


@pytest.fixture
async def honeypot() -> AsyncIterator[Honeypot]:
    """A listener that nobody may reach."""
    pot = Honeypot()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pot.visits.append(str(writer.get_extra_info("peername")))
        writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0)
    pot.port = server.sockets[0].getsockname()[1]
    async with server:
        yield pot


async def hostile(host: str, port: int) -> Sequence[str]:
    """A resolver in the hands of somebody else; numbers in any notation are taken as the system takes them."""
    if host in NAMES:
        return NAMES[host]
    if host.endswith("example"):
        raise OSError("no such name")
    found = await asyncio.get_running_loop().getaddrinfo(host, port)
    return [str(each[4][0]) for each in found]


HOSTILE = [
    *(f"https://{name}:{{port}}/" for name in NAMES),
    *(f"https://{name}:{{port}}/hook?x=1#y" for name in ("inside.example", "both.example", "nat64.example")),
    "https://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/hook",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://017700000001:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/",
    "https://[64:ff9b:1::1]:{port}/",
    "https://[2002:7f00:0001::]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[fd00:ec2::254]:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1:{port}/",
    "https://172.16.0.1:{port}/",
    "https://192.168.1.1:{port}/",
    "https://100.64.1.1:{port}/",
    "https://198.18.0.1:{port}/",
    "https://224.0.0.251:{port}/",
    "https://255.255.255.255:{port}/",
    "http://127.0.0.1:{port}/",
    "http://93.184.215.14/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "//127.0.0.1:{port}/",
    "https:127.0.0.1:{port}",
    "https:///127.0.0.1:{port}/",
    "https://",
    "",
    "127.0.0.1:{port}",
    "https://user@127.0.0.1:{port}/",
    "https://user:word@127.0.0.1:{port}/",
    "https://93.184.215.14@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@93.184.215.14/",
    "https://127.0.0.1:{port} /",
    "https://127.0.0.1\t:{port}/",
    "https://127.0.0.1:{port}\r\nHost: x/",
    "https://127.0.0.1:22/",
    "https://127.0.0.1:99999/",
    "https://127.0.0.1:-1/",
    "https://\u2460\u2461\u2466.0.0.1:{port}/",
    "https://127\u30020\u30020\u30021:{port}/",
    "https://127.0.0.1%00.example:{port}/",
    "https://" + "a" * 3000 + ".example/",
]


async def test_hostile_addresses_reach_nobody(honeypot: Honeypot) -> None:
    """More than 60 of them: each is refused or leads nowhere, and nobody knocks at our own door."""
    guard = Guard(resolve=hostile)
    assert len(HOSTILE) >= 60
    for url in HOSTILE:
        with pytest.raises((Refused, Unreachable)):
            await guard.post(url.replace("{port}", str(honeypot.port)), b"{}", {})
    assert honeypot.visits == []


async def test_a_name_that_changes_its_mind(honeypot: Honeypot) -> None:
    """It leads outwards when it is looked at and inwards when it is connected to: only the first answer counts."""
    asked = 0

    async def rebinding(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        return ["93.184.215.14"] if asked == 1 else ["127.0.0.1"]

    guard = Guard(resolve=rebinding)
    _, addresses = await guard.check(f"https://turns.example:{honeypot.port}/")
    assert [str(address) for address in addresses] == ["93.184.215.14"]
    asked = 0
    with pytest.raises((Refused, Unreachable, Exception), match=r".") as refused:
        await guard.post(f"https://turns.example:{honeypot.port}/", b"{}", {})
    assert not isinstance(refused.value, AssertionError)
    assert (asked, honeypot.visits) == (1, [])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("192.0.2.1", False),
        ("240.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2001:db8::1", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    """Also behind the addresses that carry another inside."""
    assert is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("answer", "status", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, 2),
        (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", 302, 0),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (MOST_BYTES + 50_000), 200, MOST_BYTES),
    ],
)
async def test_a_receiver_that_the_operator_allowed(tmp_path: Path, answer: bytes, status: int, length: int) -> None:
    """It gets the body and the headers; a redirect is not followed and a long answer is not read to its end."""
    server_side, client_side = certificate(tmp_path)
    heard: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b'{"a":1}'))
        writer.write(answer)
        with_drain = asyncio.create_task(writer.drain())
        await asyncio.wait([with_drain], timeout=2)
        with_drain.cancel()
        writer.close()

    async def to_receiver(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    server = await asyncio.start_server(receive, "127.0.0.1", 0, ssl=server_side)
    async with server:
        url = f"https://receiver.example:{server.sockets[0].getsockname()[1]}/hook"
        with pytest.raises(Refused):
            await Guard(resolve=to_receiver, trust=client_side).post(url, b"{}", {})
        guard = Guard(allowed=["127.0.0.0/8"], resolve=to_receiver, trust=client_side)
        reply = await guard.post(url, b'{"a":1}', {"Idempotency-Key": "k1"})
    assert reply.status == status
    assert len(reply.body) <= length
    assert b"Idempotency-Key: k1" in heard[0]
    assert b"Host: receiver.example" in heard[0]
