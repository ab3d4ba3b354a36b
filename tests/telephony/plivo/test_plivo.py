"""Scenes of Plivo: signatures, news, documents, call control."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.carrier import CallTold, LineStatus, News, Rings, StreamOver, StreamTold, Taken, Unclear, WebRequest
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.plivo.carrier import Plivo
from telephony.plivo.control import PlivoControl
from telephony.plivo.signature import is_signed, sign, signed_text
from telephony.simulator.any_rest import AnyRest
from telephony.simulator.loopback import served

URL = "https://voice.example/v1/plivo/voice"
FORM = [("CallUUID", "u-1"), ("From", "15550142"), ("To", "15550100")]
GOOD = sign("token", URL, "12345", form=FORM)
QUEUE = HumanFallback(None, "support")


def is_good(signature: str | None, nonce: str | None = "12345", url: str = URL) -> bool:
    """The verdict with one token in force."""
    return is_signed(signature, nonce, auth_tokens=["token"], url=url, query=(), form=FORM)


def test_what_is_signed() -> None:
    """The URL, its query sorted, a point, the form sorted."""
    assert signed_text(URL, (), ()) == URL
    assert signed_text(URL, [("b", "2"), ("a", "1")], ()) == f"{URL}?a=1&b=2"
    assert signed_text(URL, (), FORM) == f"{URL}?CallUUIDu-1From15550142To15550100"
    assert signed_text(URL, [("a", "1")], FORM) == f"{URL}?a=1.CallUUIDu-1From15550142To15550100"


def test_one_of_several_signatures_and_one_of_two_tokens_are_enough() -> None:
    """Plivo signs with every token of the account; we accept two while one is rotated."""
    assert is_good(GOOD)
    assert is_good(f"AAAA, {GOOD}")
    assert is_signed(GOOD, "12345", auth_tokens=["new", "token"], url=URL, query=(), form=FORM)


@pytest.mark.parametrize(
    ("signature", "nonce", "url"),
    [
        (None, "12345", URL),
        ("", "12345", URL),
        (",", "12345", URL),
        (GOOD, None, URL),
        (GOOD, "", URL),
        (GOOD, "12346", URL),
        (GOOD, "12345", URL + "x"),
        (GOOD, "12345", URL.replace("https", "http")),
        (GOOD[:-2], "12345", URL),
        (GOOD.lower(), "12345", URL),
        (",".join(["AAAA"] * 8 + [GOOD]), "12345", URL),
        (sign("other", URL, "12345", form=FORM), "12345", URL),
        (sign("token", URL, "12345"), "12345", URL),
        (sign("token", URL, "12345", query=FORM), "12345", URL),
    ],
)
def test_a_forgery_is_refused(signature: str | None, nonce: str | None, url: str) -> None:
    """Missing, cut, of another token, URL, nonce or form."""
    assert not is_good(signature, nonce, url)


@given(st.text(max_size=200), st.text(max_size=40), st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_nothing_makes_the_check_raise(signature: str, nonce: str, form: list[tuple[str, str]]) -> None:
    """Any header, any form."""
    assert not is_signed(signature, nonce, auth_tokens=["token"], url=URL, query=form, form=form)


@pytest.fixture
async def plivo() -> AsyncIterator[Plivo]:
    """The carrier, with nobody at its REST interface."""
    control = PlivoControl("MA", "token", "https://voice.example/v1/plivo/human", "http://127.0.0.1:9")
    yield Plivo("https://voice.example", ("token",), QUEUE, control)
    await control.close()


def asked(path: str, form: dict[str, str]) -> WebRequest:
    """A webhook."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return WebRequest("POST", f"/v1/plivo/{path}", "", kind, urlencode(form).encode(), 0)


@pytest.mark.parametrize(
    ("path", "form", "news"),
    [
        ("voice", dict(FORM), Rings(IncomingCall("plivo", "u-1", "+15550142", "+15550100"))),
        ("voice", {}, Unclear("no CallUUID")),
        ("human", {"CallUUID": "u-1"}, StreamOver("u-1")),
        (
            "status",
            {"CallUUID": "u-1", "CallStatus": "cancel"},
            CallTold("u-1", LineStatus.CANCELED, None, "plivo:u-1:canceled"),
        ),
        ("status", {"CallUUID": "u-1", "CallStatus": "dancing"}, Unclear("no CallStatus")),
        (
            "stream-status",
            {"CallUUID": "u-1", "Event": "StreamStarted", "StreamID": "s"},
            StreamTold("u-1", "", "plivo:s:StreamStarted"),
        ),
        (
            "stream-status",
            {"CallUUID": "u-1", "Event": "StreamFailed", "StreamID": "s"},
            StreamTold("u-1", "StreamFailed", "plivo:s:StreamFailed"),
        ),
    ],
)
async def test_what_webhooks_tell(plivo: Plivo, path: str, form: dict[str, str], news: News) -> None:
    """Plivo leaves the plus of numbers out."""
    assert plivo.read(asked(path, form)) == news


async def test_the_document_streams_to_us_and_ends_in_a_human(plivo: Plivo) -> None:
    """The call stays alive with the stream; behind it callers wait for colleagues."""
    document = plivo.answer(IncomingCall("plivo", "u-1", "", ""), "c-1", "to.ken").text
    assert 'keepCallAlive="true"' in document
    assert ">wss://voice.example/v1/plivo/media/to.ken</Stream>" in document
    assert document.endswith(">support</MultiPartyCall></Response>")


async def test_call_control() -> None:
    """Hung up, transferred to our document, gone."""
    rest = AnyRest()
    over: list[str] = []
    rest.knows("u-1", lambda: over.append("u-1"))
    async with served(rest.app) as api:
        control = PlivoControl("MA", "token", "https://voice.example/v1/plivo/human", api, deadline_s=5)
        assert await control.hang_up("u-1") is Taken.DONE
        assert await control.transfer("u-1", "") is Taken.DONE
        assert await control.hang_up("u-2") is Taken.GONE
        await control.close()
    assert over == ["u-1", "u-1"]
    assert [method for method, _, _ in rest.requests] == ["DELETE", "POST", "DELETE"]
    assert "v1/plivo/human" in rest.requests[1][2]
