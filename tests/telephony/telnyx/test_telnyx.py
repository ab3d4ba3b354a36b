"""Scenes of Telnyx: signatures, news, documents, call control."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from telephony.carrier import CallTold, LineStatus, News, Rings, StreamTold, Taken, Unclear, WebRequest
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.simulator.any_rest import AnyRest
from telephony.simulator.loopback import served
from telephony.telnyx.carrier import Telnyx
from telephony.telnyx.control import TelnyxControl
from telephony.telnyx.signature import WINDOW_S, is_signed, public_key

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
NOW_S = 1_700_000_000.0
BODY = b"CallSid=v3:abc&From=%2B15550142&To=%2B15550100"
QUEUE = HumanFallback(None, "support")


def signed(key: Ed25519PrivateKey, body: bytes, at: str) -> str:
    """The header."""
    return base64.b64encode(key.sign(f"{at}|".encode() + body)).decode()


GOOD = signed(KEY, BODY, "1700000000")


def is_good(signature: str | None, timestamp: str | None, body: bytes = BODY, now_s: float = NOW_S) -> bool:
    """The verdict with one key in force."""
    return is_signed(signature, timestamp, keys=(KEY.public_key(),), body=body, now_s=now_s)


def test_a_fresh_signature_is_good_for_five_minutes_either_way() -> None:
    """And then no more."""
    assert is_good(GOOD, "1700000000")
    assert is_good(GOOD, "1700000000", now_s=NOW_S + WINDOW_S)
    assert is_good(GOOD, "1700000000", now_s=NOW_S - WINDOW_S)
    assert not is_good(GOOD, "1700000000", now_s=NOW_S + WINDOW_S + 1)
    assert not is_good(GOOD, "1700000000", now_s=NOW_S - WINDOW_S - 1)


def test_two_keys_are_in_force_while_one_is_rotated() -> None:
    """The old and the new one both vouch."""
    keys = (OTHER.public_key(), KEY.public_key())
    assert is_signed(GOOD, "1700000000", keys=keys, body=BODY, now_s=NOW_S)


@pytest.mark.parametrize(
    ("signature", "timestamp", "body"),
    [
        (None, "1700000000", BODY),
        ("", "1700000000", BODY),
        (GOOD, None, BODY),
        (GOOD, "", BODY),
        (GOOD, "1700000001", BODY),
        (GOOD, "1700000000 ", BODY),
        (GOOD, "+1700000000", BODY),
        (GOOD, "1_700_000_000", BODY),
        (GOOD, "1700000000.0", BODY),
        (GOOD, "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660", BODY),
        (GOOD, "9" * 400, BODY),
        (GOOD, "-1", BODY),
        (GOOD, "nan", BODY),
        (GOOD, "1700000000", BODY + b" "),
        (GOOD, "1700000000", b""),
        (GOOD[:-4], "1700000000", BODY),
        (GOOD + "AAAA", "1700000000", BODY),
        (GOOD.swapcase(), "1700000000", BODY),
        ("!" + GOOD, "1700000000", BODY),
        ("\u00e9", "1700000000", BODY),
        (base64.b64encode(bytes(64)).decode(), "1700000000", BODY),
        (signed(OTHER, BODY, "1700000000"), "1700000000", BODY),
        (base64.b64encode(KEY.sign(BODY)).decode(), "1700000000", BODY),
    ],
)
def test_a_forgery_is_refused(signature: str | None, timestamp: str | None, body: bytes) -> None:
    """Missing, stale, shifted, of another key or of another body."""
    assert not is_good(signature, timestamp, body)


@given(signature=st.text(max_size=120), timestamp=st.text(max_size=20), body=st.binary(max_size=80))
def test_nothing_makes_the_check_raise(signature: str, timestamp: str, body: bytes) -> None:
    """Any header, any body."""
    assert not is_good(signature, timestamp, body)


@pytest.mark.parametrize("text", ["", "!", "AAAA", base64.b64encode(bytes(33)).decode()])
def test_a_public_key_that_is_none_is_said_at_the_start(text: str) -> None:
    """Not at the first call."""
    with pytest.raises(ValueError, match=r".+"):
        public_key(text)


@pytest.fixture
async def telnyx() -> AsyncIterator[Telnyx]:
    """The carrier, with nobody at its REST interface."""
    control = TelnyxControl("KEY", QUEUE, "http://127.0.0.1:9")
    yield Telnyx("https://voice.example", (KEY.public_key(),), QUEUE, control)
    await control.close()


def asked(path: str, body: bytes, kind: str) -> WebRequest:
    """A webhook."""
    return WebRequest("POST", f"/v1/telnyx/{path}", "", {"content-type": kind}, body, NOW_S)


FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.mark.parametrize(
    ("path", "body", "kind", "news"),
    [
        ("voice", BODY, FORM, Rings(IncomingCall("telnyx", "v3:abc", "+15550142", "+15550100"))),
        (
            "status",
            b"CallSid=a&CallStatus=completed",
            FORM,
            CallTold("a", LineStatus.COMPLETED, None, "telnyx:a:completed"),
        ),
        ("status", b"CallSid=a", FORM, Unclear("no CallStatus")),
        ("voice", b"", FORM, Unclear("no CallSid")),
        (
            "status",
            b'{"data":{"event_type":"call.hangup","id":"e1","payload":{"call_control_id":"a"}}}',
            JSON,
            CallTold("a", LineStatus.COMPLETED, None, "telnyx:e1"),
        ),
        (
            "status",
            b'{"data":{"event_type":"streaming.failed","id":"e2","payload":{"call_control_id":"a"}}}',
            JSON,
            StreamTold("a", "streaming.failed", "telnyx:e2"),
        ),
        ("status", b'{"data":{}}', JSON, Unclear("no event_type")),
        ("status", b"garbage", JSON, Unclear("no data")),
    ],
)
async def test_what_webhooks_tell(telnyx: Telnyx, path: str, body: bytes, kind: str, news: News) -> None:
    """Forms of TeXML, and events in JSON."""
    assert telnyx.read(asked(path, body, kind)) == news


async def test_the_document_streams_to_us_and_ends_in_a_human(telnyx: Telnyx) -> None:
    """The token is at the end of the address."""
    document = telnyx.answer(IncomingCall("telnyx", "v3:abc", "", ""), "c-1", "to.ken").text
    assert 'url="wss://voice.example/v1/telnyx/media/to.ken"' in document
    assert document.endswith("<Enqueue>support</Enqueue></Response>")
    assert "<Hangup" in telnyx.refuse("No <such> number").text
    assert "No &lt;such&gt; number" in telnyx.refuse("No <such> number").text


async def test_call_control_asks_again_and_knows_when_a_call_is_gone() -> None:
    """Busy twice, then done; a call that has ended; a key that is wrong."""
    rest = AnyRest()
    over: list[str] = []
    rest.knows("v3:abc", lambda: over.append("abc"))
    async with served(rest.app) as api:
        control = TelnyxControl("KEY", HumanFallback("+15550199", "support"), api, deadline_s=8)
        rest.statuses = [429, 503]
        assert await control.hang_up("v3:abc") is Taken.DONE
        assert await control.transfer("v3:abc", "") is Taken.DONE
        assert await control.hang_up("v3:other") is Taken.GONE
        rest.statuses = [401]
        assert await control.hang_up("v3:abc") is Taken.FAILED
        await control.close()
    assert over == ["abc", "abc"]
    assert [path for _, path, _ in rest.requests][:3] == ["/v2/calls/v3:abc/actions/hangup"] * 3
    assert '"to":"+15550199"' in rest.requests[3][2]
