"""Scenes of Exotel: name and password, news, documents."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.carrier import CallTold, LineStatus, News, Rings, StreamOver, Unclear, WebRequest
from telephony.exotel.carrier import Exotel
from telephony.leg import IncomingCall

EXOTEL = Exotel("https://voice.example", (("flow", "old"), ("flow", "new")))


def asked(path: str = "voice", query: str = "", login: str | None = None, body: bytes = b"") -> WebRequest:
    """A webhook."""
    headers = {} if login is None else {"authorization": login}
    return WebRequest("GET", f"/v1/exotel/{path}", query, headers, body, 0)


def basic(credentials: bytes) -> str:
    """The header."""
    return "Basic " + base64.b64encode(credentials).decode()


def test_both_passwords_are_in_force_while_one_is_rotated() -> None:
    """The old and the new one."""
    assert EXOTEL.is_genuine(asked(login=basic(b"flow:old")))
    assert EXOTEL.is_genuine(asked(login=basic(b"flow:new").replace("Basic", "basic")))


@pytest.mark.parametrize(
    "login",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic \u00e9",
        basic(b""),
        basic(b":"),
        basic(b"flow:"),
        basic(b"flow"),
        basic(b":old"),
        basic(b"flow:old "),
        basic(b"flow:OLD"),
        basic(b"flow:old\x00"),
        basic(b"flow:old:new"),
        basic(b"\xff\xfe"),
        basic(b"flow:old").replace("Basic", "Bearer"),
        basic(b"flow:old") + "=",
        "flow:old",
    ],
)
def test_a_stranger_is_refused(login: str | None) -> None:
    """Anything but a name with its password."""
    assert not EXOTEL.is_genuine(asked(login=login))


@given(st.text(max_size=200))
def test_nothing_makes_the_check_raise(login: str) -> None:
    """Any header."""
    assert not EXOTEL.is_genuine(asked(login=login))
    assert not EXOTEL.is_genuine(asked(login=f"Basic {login}"))


@pytest.mark.parametrize(
    ("path", "query", "news"),
    [
        ("voice", "CallSid=e1&CallFrom=0987&CallTo=0804", Rings(IncomingCall("exotel", "e1", "0987", "0804"))),
        ("voice", "CallFrom=0987", Unclear("no CallSid")),
        ("stream-ended", "CallSid=e1", StreamOver("e1")),
        ("status", "CallSid=e1&Status=busy", CallTold("e1", LineStatus.BUSY, None, "exotel:e1:busy")),
        ("status", "CallSid=e1&EventType=terminal", CallTold("e1", LineStatus.COMPLETED, None, "exotel:e1:completed")),
        ("status", "CallSid=e1", Unclear("no Status")),
    ],
)
def test_what_webhooks_tell(path: str, query: str, news: News) -> None:
    """In the query, as the applets send it; the same in JSON."""
    assert EXOTEL.read(asked(path, query)) == news
    body = json.dumps(dict(pair.split("=") for pair in query.split("&"))).encode()
    assert EXOTEL.read(asked(path, body=body)) == news


def test_the_flow_is_told_where_to_stream_and_what_comes_next() -> None:
    """The address of the socket; 200 to the end, 302 to a human."""
    document = EXOTEL.answer(IncomingCall("exotel", "e1", "", ""), "c-1", "to.ken")
    assert json.loads(document.text) == {"url": "wss://voice.example/v1/exotel/media/to.ken"}
    statuses = [one.status for one in (document, EXOTEL.hang_up(), EXOTEL.to_human(), EXOTEL.refuse("no"))]
    assert statuses == [200, 200, 302, 302]
