"""Scenes of Twilio's signature. The vectors are those that Twilio's own library is tested with."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from telephony.public_urls import public_url, socket_url
from telephony.twilio.signature import (
    is_signed_body,
    is_signed_form,
    is_signed_handshake,
    sign,
)

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:443"), "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http").replace(".com", ".com:80"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (URL.replace("https", "http").replace(".com", ".com:1234"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ],
)
def test_published_vectors(url: str, signature: str) -> None:
    """Each URL with its own signature, and no other."""
    assert sign(TOKEN, url, FORM) == signature
    assert is_signed_form(signature, auth_tokens=[TOKEN], url=url, form=FORM)
    assert not is_signed_form(signature, auth_tokens=["other"], url=url, form=FORM)
    assert not is_signed_form(signature, auth_tokens=[TOKEN], url=url + "x", form=FORM)
    assert not is_signed_form(signature, auth_tokens=[TOKEN], url=url, form=[*FORM, ("Extra", "1")])


def test_a_default_port_may_be_there_or_not() -> None:
    """Signed with :443, configured without, and the other way round."""
    with_port = URL.replace(".com", ".com:443")
    assert is_signed_form("kvajT1Ptam85bY51eRf/AJRuM3w=", auth_tokens=[TOKEN], url=URL, form=FORM)
    assert is_signed_form("RSOYDt4T1cUTdK1PDd93/VVr8B8=", auth_tokens=[TOKEN], url=with_port, form=FORM)


def test_duplicate_fields_count_once() -> None:
    """The order of fields and their repetition do not matter."""
    twice = [*FORM, ("MessagingServiceSid", "b"), ("MessagingServiceSid", "a"), ("MessagingServiceSid", "b")]
    once = [("MessagingServiceSid", "a"), ("MessagingServiceSid", "b"), *FORM]
    assert sign(TOKEN, URL, twice) == sign(TOKEN, URL, once)


def test_a_body_is_vouched_for_by_its_hash() -> None:
    """A changed body, a missing or a doubled hash are all refused."""
    body = b'{"property": "value", "boolean": true}'
    url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    assert is_signed_body(sign(TOKEN, url), auth_tokens=[TOKEN], url=url, body=body)
    assert not is_signed_body(sign(TOKEN, url), auth_tokens=[TOKEN], url=url, body=body + b" ")
    assert not is_signed_body(sign(TOKEN, URL), auth_tokens=[TOKEN], url=URL, body=body)
    doubled = f"{url}&bodySHA256=0"
    assert not is_signed_body(sign(TOKEN, doubled), auth_tokens=[TOKEN], url=doubled, body=body)


def test_the_handshake_is_signed_as_a_socket_url() -> None:
    """The wss form counts, not the https form."""
    origin, path = "https://voice.example", "/v1/twilio/media"
    good = sign(TOKEN, "wss://voice.example/v1/twilio/media")
    assert socket_url(origin, path) == "wss://voice.example/v1/twilio/media"
    assert socket_url("http://127.0.0.1:8000", path) == "ws://127.0.0.1:8000/v1/twilio/media"
    assert is_signed_handshake(good, auth_tokens=[TOKEN], public_origin=origin, path=path)
    assert is_signed_handshake(
        sign(TOKEN, "wss://voice.example:443/v1/twilio/media"), auth_tokens=[TOKEN], public_origin=origin, path=path
    )
    assert not is_signed_handshake(
        sign(TOKEN, public_url(origin, path)), auth_tokens=[TOKEN], public_origin=origin, path=path
    )


def test_two_tokens_are_in_force_while_one_is_rotated() -> None:
    """The old and the new one both vouch."""
    signature = sign("new", URL, FORM)
    assert is_signed_form(signature, auth_tokens=["old", "new"], url=URL, form=FORM)


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_header_is_simply_not_good(missing: str | None) -> None:
    """No exception, no entry."""
    assert not is_signed_form(missing, auth_tokens=[TOKEN], url=URL, form=FORM)
    assert not is_signed_handshake(missing, auth_tokens=[TOKEN], public_origin="https://a.example", path="/")


_names = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1, max_size=12
)


@given(
    scheme=st.sampled_from(["https", "http"]),
    port=st.sampled_from(["", ":443", ":80", ":8443"]),
    query=st.sampled_from(["", "?a=1&b=2", "?x=%20y"]),
    form=st.dictionaries(_names, _names, max_size=8),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    forged=st.booleans(),
)
def test_the_verdict_is_that_of_twilios_own_validator(
    scheme: str, port: str, query: str, form: dict[str, str], token: str, forged: bool
) -> None:
    """Differential test, good and forged signatures, with and without ports."""
    url = f"{scheme}://host.example{port}/v1/twilio/voice{query}"
    theirs = RequestValidator(token)
    signature = theirs.compute_signature(url, form)
    assert sign(token, url, form.items()) == signature
    if forged:
        signature = signature[:-3] + ("AA=" if signature[-3:] != "AA=" else "BB=")
    assert is_signed_form(signature, auth_tokens=[token], url=url, form=form.items()) == theirs.validate(
        url, form, signature
    )


@given(signature=st.text(max_size=60), path=st.text(max_size=60), form=st.lists(st.tuples(st.text(), st.text())))
def test_nothing_a_stranger_sends_makes_it_raise(signature: str, path: str, form: list[tuple[str, str]]) -> None:
    """Any header, any path, any form is judged."""
    url = public_url("https://host.example", "/" + path)
    assert not is_signed_form(signature, auth_tokens=[TOKEN], url=url, form=form)
