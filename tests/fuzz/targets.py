"""What is fuzzed: each carrier's codec with its webhooks, and the reading of answer documents. Needs no fuzzer itself.

An input of a carrier is either a socket or a webhook. A socket begins with `C` and holds messages, one a line: `t` and
text, `s` and text that may hold lone surrogates, or `b` and bytes. A webhook is anything else: a line with the last
part of its path, one with its query, lines with headers, an empty line, the body.
"""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable
from typing import get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telephony.asterisk.carrier import Asterisk
from telephony.carrier import Carrier, CarrierCodec, Dtmf, LineEvent, Media, News, Start, WebRequest
from telephony.exotel.carrier import Exotel
from telephony.genesys.carrier import Genesys
from telephony.genesys.signature import Client
from telephony.human import HumanFallback
from telephony.plivo.carrier import Plivo
from telephony.plivo.control import PlivoControl
from telephony.simulator.documents import BadDocument, read_document
from telephony.telnyx.carrier import Telnyx
from telephony.telnyx.control import TelnyxControl
from telephony.tokens import TokenBook
from telephony.twilio.carrier import Twilio
from telephony.vonage.carrier import Vonage
from telephony.vonage.control import VonageControl

OneInput = Callable[[bytes], None]

LIMIT_S = 0.1
"""Most processor time that an input may take."""

_ORIGIN = "https://voice.example"
_NOW_S = 1_700_000_000.0
_FALLBACK = HumanFallback(None, "support")
_NOWHERE = "http://127.0.0.1:9"


class TooSlow(Exception):
    """An input took longer than LIMIT_S."""


def _telnyx() -> Carrier:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    return Telnyx(_ORIGIN, (key,), _FALLBACK, TelnyxControl("KEY", _FALLBACK, _NOWHERE))


def _vonage() -> Carrier:
    control = VonageControl("app", "no key", _FALLBACK, _NOWHERE)
    return Vonage(_ORIGIN, "app", ("a-signature-secret-of-at-least-32-bytes",), _FALLBACK, control)


CARRIERS: dict[str, Callable[[], Carrier]] = {
    "twilio": lambda: Twilio(_ORIGIN, ("12345", "54321"), _FALLBACK),
    "telnyx": _telnyx,
    "plivo": lambda: Plivo(_ORIGIN, ("12345",), _FALLBACK, PlivoControl("MA", "12345", _ORIGIN, _NOWHERE)),
    "vonage": _vonage,
    "exotel": lambda: Exotel(_ORIGIN, (("flow", "a password"),)),
    "genesys": lambda: Genesys(_ORIGIN, (Client("key", base64.b64encode(bytes(32)).decode()),)),
    "asterisk": lambda: Asterisk({"office": "a long password"}),
}


def of_carrier(carrier: Carrier) -> OneInput:
    """What a carrier's socket and webhooks make of an input."""
    tokens = TokenBook(bytes(16), clock=lambda: _NOW_S)

    def one_input(data: bytes) -> None:
        if data[:1] == b"C":
            _socket(carrier.codec(), data[1:])
        else:
            _webhook(carrier, tokens, data)

    return one_input


def _socket(codec: CarrierCodec, data: bytes) -> None:
    for line in data.split(b"\n"):
        event = codec.parse(_wire(line))
        assert isinstance(event, get_args(LineEvent))
        reply = codec.reply(event)
        assert reply is None or isinstance(reply, str | bytes)
        match event:
            case Media(audio):
                assert 0 < len(audio) <= 32_000
            case Dtmf(digit):
                assert digit in "0123456789*#"
            case Start() as start:
                assert all(isinstance(text, str) for text in start.parameters.values())
    for sent in (codec.audio(bytes(320)), codec.mark("m"), codec.clear(), codec.goodbye(hand_off=True)):
        assert sent is None or isinstance(sent, str | bytes)


def _wire(line: bytes) -> str | bytes:
    kind, data = line[:1], line[1:]
    if kind == b"b":
        return data
    if kind == b"s":
        return "".join(chr(unit) for unit in memoryview(data[: len(data) & ~1]).cast("H"))
    return data.decode("utf-8", "replace")


def _webhook(carrier: Carrier, tokens: TokenBook, data: bytes) -> None:
    head, _, body = data.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    path, query, *headers = [*lines, "", ""]
    request = WebRequest(
        method="POST" if body else "GET",
        path=f"/v1/{carrier.name}/{path}",
        query=query,
        headers={name.lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)},
        body=body,
        now_s=_NOW_S,
    )
    assert not carrier.is_genuine(request)
    assert carrier.is_genuine_socket(request) is not carrier.signs_sockets
    assert isinstance(carrier.read(request), get_args(News))
    assert tokens.redeem(query, "any") is None


def documents(data: bytes) -> None:
    """The simulated carrier reads a document, or says what is wrong with it."""
    with contextlib.suppress(BadDocument):
        read_document(data.decode("utf-8", "replace"))


TARGETS = (*CARRIERS, "documents")


def target(name: str) -> OneInput:
    """What is fuzzed under a name, its time bounded."""
    return bounded(documents if name == "documents" else of_carrier(CARRIERS[name]()))


def bounded(one_input: OneInput) -> OneInput:
    """The same with its time limited: of the processor, because the machine may be busy; the better of two tries."""

    def timed(data: bytes) -> None:
        if _seconds(one_input, data) > LIMIT_S and (again_s := _seconds(one_input, data)) > LIMIT_S:
            raise TooSlow(f"{again_s:.3f} s for {len(data)} bytes")

    return timed


def _seconds(one_input: OneInput, data: bytes) -> float:
    began_s = time.thread_time()
    one_input(data)
    return time.thread_time() - began_s
