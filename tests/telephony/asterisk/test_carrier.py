"""Who may send calls, and what the dialplan hears when it asks what is next."""

from __future__ import annotations

import base64

import pytest

from telephony.asterisk.carrier import Asterisk
from telephony.carrier import Document, StreamOver, Unclear, WebRequest
from telephony.leg import IncomingCall


def request(authorization: str | None, query: str = "call=7.0", path: str = "/v1/asterisk/next") -> WebRequest:
    """What an exchange sends."""
    headers = {} if authorization is None else {"authorization": authorization}
    return WebRequest("GET", path, query, headers, b"", 0.0)


def basic(login: str) -> str:
    """The header of a name and a password."""
    return "Basic " + base64.b64encode(login.encode()).decode()


EXCHANGE = Asterisk({"office": "first", "branch": "sécond: with a colon"}, "front-desk")


@pytest.mark.parametrize(
    ("authorization", "known"),
    [
        (basic("office:first"), True),
        (basic("branch:sécond: with a colon"), True),
        (basic("office:first").replace("Basic", "basic"), True),
        (basic("office:second"), False),
        (basic("branch:first"), False),
        (basic("office"), False),
        (basic(":"), False),
        (basic(""), False),
        ("Bearer " + basic("office:first")[6:], False),
        (basic("office:first")[:-1], False),
        (basic("office:first") + "=", False),
        ("Basic", False),
        ("Basic \ud800", False),
        ("", False),
        (None, False),
    ],
)
def test_only_known_exchanges_are_let_in(authorization: str | None, known: bool) -> None:
    """By name and password together, at the handshake and at every question."""
    assert EXCHANGE.is_genuine(request(authorization)) is known
    assert EXCHANGE.is_genuine_socket(request(authorization)) is known


def test_without_credentials_nobody_is_let_in() -> None:
    """Not even somebody without a name."""
    assert not Asterisk({}).is_genuine_socket(request(basic(":")))


@pytest.mark.parametrize("credentials", [{"": "x"}, {"a:b": "x"}, {"a": ""}])
def test_credentials_that_basic_authentication_cannot_carry(credentials: dict[str, str]) -> None:
    """They are refused at start."""
    with pytest.raises(ValueError, match="credential"):
        Asterisk(credentials)


def test_the_dialplan_asks_what_is_next() -> None:
    """It names the call; the answers are one word, and one word and a token."""
    assert EXCHANGE.read(request(None)) == StreamOver("7.0")
    assert isinstance(EXCHANGE.read(request(None, query="")), Unclear)
    assert EXCHANGE.to_human("words") == Document("front-desk", "text/plain")
    assert EXCHANGE.hang_up() == EXCHANGE.refuse("words") == Document("hangup", "text/plain")
    call = IncomingCall("asterisk", "7.0", "", "+15550100")
    assert EXCHANGE.answer(call, "c", "a.b") == Document("again a.b", "text/plain")
