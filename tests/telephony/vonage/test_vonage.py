"""Scenes of Vonage: signed webhooks, news, documents, call control."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from telephony.carrier import CallTold, LineStatus, News, Rings, StreamOver, StreamTold, Taken, Unclear, WebRequest
from telephony.human import HumanFallback
from telephony.leg import IncomingCall
from telephony.simulator.any_rest import AnyRest
from telephony.simulator.loopback import served
from telephony.vonage.carrier import Vonage
from telephony.vonage.control import VonageControl
from telephony.vonage.signature import is_signed

SECRET, APP, NOW = "a-signature-secret-of-at-least-32-bytes", "app-1", 1_700_000_000
BODY = b'{"uuid":"u-1"}'
QUEUE = HumanFallback(None, "support")
GOOD = {"iat": NOW, "application_id": APP, "payload_hash": sha256(BODY).hexdigest()}


def bearer(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """The header."""
    return "Bearer " + jwt.encode(claims, secret, algorithm=algorithm)


def is_good(header: str | None, body: bytes = BODY, now_s: float = NOW) -> bool:
    """The verdict with one secret in force."""
    return is_signed(header, secrets=[SECRET], application_id=APP, body=body, now_s=now_s)


def test_a_fresh_token_for_this_body_is_good() -> None:
    """Also in capital hex, without a body, and with the old secret while one is rotated."""
    assert is_good(bearer(GOOD))
    assert is_good(bearer({**GOOD, "payload_hash": sha256(BODY).hexdigest().upper()}))
    assert is_good(bearer({"iat": NOW, "application_id": APP}), b"")
    secrets = ["another-secret-of-at-least-32-bytes-x", SECRET]
    assert is_signed(bearer(GOOD), secrets=secrets, application_id=APP, body=BODY, now_s=NOW)
    assert is_good(bearer(GOOD), now_s=NOW + 300)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        bearer(GOOD).replace("Bearer", "Basic"),
        bearer(GOOD) + "x",
        bearer(GOOD)[:-3],
        "Bearer " + "a" * 10_000,
        "Bearer e30.e30.e30",
        "Bearer \u00e9.\u00e9.\u00e9",
        bearer(GOOD, "another-secret-of-at-least-32-bytes-x"),
        bearer(GOOD, SECRET * 2, algorithm="HS384"),
        "Bearer " + jwt.encode(GOOD, "", algorithm="none"),
        bearer({**GOOD, "iat": NOW - 301}),
        bearer({**GOOD, "iat": NOW + 301}),
        bearer({**GOOD, "iat": "now"}),
        bearer({**GOOD, "iat": True}),
        bearer({**GOOD, "iat": float("inf")}),
        bearer({**GOOD, "application_id": "app-2"}),
        bearer({"iat": NOW, "payload_hash": GOOD["payload_hash"]}),
        bearer({"iat": NOW, "application_id": APP}),
        bearer({**GOOD, "payload_hash": ""}),
        bearer({**GOOD, "payload_hash": 5}),
        bearer({**GOOD, "payload_hash": "\ud83d"}),
        bearer({**GOOD, "payload_hash": sha256(b"other").hexdigest()}),
    ],
)
def test_a_forgery_is_refused(header: str | None) -> None:
    """Missing, cut, unsigned, stale, of another secret, application or body."""
    assert not is_good(header)


@given(st.text(max_size=300), st.binary(max_size=50))
def test_nothing_makes_the_check_raise(header: str, body: bytes) -> None:
    """Any header, any body."""
    assert not is_good(header, body)
    assert not is_good(f"Bearer {header}", body)


@pytest.fixture(scope="module")
def pem() -> str:
    """An application's private key."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
async def vonage(pem: str) -> AsyncIterator[Vonage]:
    """The carrier, with nobody at its REST interface."""
    control = VonageControl(APP, pem, QUEUE, "http://127.0.0.1:9")
    yield Vonage("https://voice.example", APP, (SECRET,), QUEUE, control)
    await control.close()


@pytest.mark.parametrize(
    ("path", "query", "body", "news"),
    [
        (
            "voice",
            "",
            b'{"uuid":"u-1","from":"15550142","to":"15550100"}',
            Rings(IncomingCall("vonage", "u-1", "+15550142", "+15550100")),
        ),
        ("voice", "uuid=u-1&to=15550100", b"", Rings(IncomingCall("vonage", "u-1", "", "+15550100"))),
        ("voice", "", b"{}", Unclear("no to")),
        ("stream-ended", "call=u-1", b'{"status":"completed","uuid":"leg-2"}', StreamOver("u-1")),
        (
            "stream-ended",
            "call=u-1",
            b'{"status":"answered","uuid":"leg-2"}',
            StreamTold("u-1", "", "vonage:u-1:answered"),
        ),
        (
            "status",
            "",
            b'{"status":"unanswered","uuid":"u-1","timestamp":"t"}',
            CallTold("u-1", LineStatus.NO_ANSWER, None, "vonage:u-1:unanswered:t"),
        ),
        ("status", "", b'{"status":"human","uuid":"u-1"}', Unclear("another status")),
        ("status", "", b"garbage", Unclear("no uuid")),
    ],
)
async def test_what_webhooks_tell(vonage: Vonage, path: str, query: str, body: bytes, news: News) -> None:
    """In JSON, or in the query of a GET."""
    assert vonage.read(WebRequest("POST", f"/v1/vonage/{path}", query, {}, body, 0)) == news


async def test_the_document_streams_to_us_and_ends_in_a_human(vonage: Vonage) -> None:
    """The token and the caller's leg travel as headers; the end of the stream is asked about."""
    actions = json.loads(vonage.answer(IncomingCall("vonage", "u-1", "", ""), "c-1", "to.ken").text)
    assert actions[0]["endpoint"][0]["headers"] == {"t": "to.ken", "call": "u-1"}
    assert actions[0]["eventUrl"] == ["https://voice.example/v1/vonage/stream-ended?call=u-1"]
    assert actions[-1] == {"action": "conversation", "name": "support", "startOnEnter": False}
    assert json.loads(vonage.hang_up().text) == []
    assert vonage.acknowledge().status == 204


async def test_call_control(pem: str) -> None:
    """With a token that the application's key signs: hung up, transferred, gone."""
    rest = AnyRest()
    over: list[str] = []
    rest.knows("u-1", lambda: over.append("u-1"))
    async with served(rest.app) as api:
        control = VonageControl(APP, pem, HumanFallback("+15550199", "support"), api, deadline_s=5)
        assert await control.hang_up("u-1") is Taken.DONE
        assert await control.transfer("u-1", "One moment.") is Taken.DONE
        assert await control.hang_up("u-2") is Taken.GONE
        await control.close()
    assert over == ["u-1", "u-1"]
    assert json.loads(rest.requests[0][2]) == {"action": "hangup"}
    ncco = json.loads(rest.requests[1][2])["destination"]["ncco"]
    assert ncco[0] == {"action": "talk", "text": "One moment."}
    assert ncco[1]["endpoint"] == [{"type": "phone", "number": "15550199"}]
