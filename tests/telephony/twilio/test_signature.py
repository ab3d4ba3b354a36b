"""Scenes of Twilio's signature. The vectors are those that Twilio's own library is tested with."""

from __future__ import annotations

import base64
import hashlib
import hmac
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import MultiDict
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


def test_the_published_vectors_of_bodies_and_duplicates() -> None:
    """A JSON body's hash in the URL, and a field that comes twice."""
    body = b'{"property": "value", "boolean": true}'
    url = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    assert is_signed_body("a9nBmqA0ju/hNViExpshrM61xv4=", auth_tokens=[TOKEN], url=url, body=body)
    digits = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
    assert is_signed_form("IK+Dwps556ElfBT0I3Rgjkr1wJU=", auth_tokens=[TOKEN], url=URL, form=digits)


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


_PORTS = ("", ":443", ":80", ":8443")


@settings(max_examples=700, deadline=None)
@given(
    scheme=st.sampled_from(["https", "http", "wss", "ws"]),
    query=st.sampled_from(["", "?a=1&b=2", "?x=%20y"]),
    form=st.lists(st.tuples(_names, _names), max_size=6),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    forged=st.booleans(),
)
def test_the_verdict_is_that_of_twilios_own_validator(
    scheme: str, query: str, form: list[tuple[str, str]], token: str, forged: bool
) -> None:
    """Over ten thousand verdicts: good, forged and misdirected signatures, duplicates, with and without ports.

    Left out is what Twilio's validator gets wrong: it takes 80 for the port of wss, raises without a header and on a
    JSON body without its hash, skips the hash where fields are given as a mapping, and mangles IPv6 hosts.
    """
    fields, theirs = MultiDict(form), RequestValidator(token)
    for port, signed_port in product(_PORTS, _PORTS):
        if scheme == "wss" and port != signed_port:
            continue
        url = f"{scheme}://host.example{port}/v1/twilio/voice{query}"
        signed_url = f"{scheme}://host.example{signed_port}/v1/twilio/voice{query}"
        signature = theirs.compute_signature(signed_url, fields)
        assert sign(token, signed_url, form) == signature
        if forged:
            signature = signature[:-3] + ("AA=" if signature[-3:] != "AA=" else "BB=")
        verdict = is_signed_form(signature, auth_tokens=[token], url=url, form=form)
        assert verdict == theirs.validate(url, fields, signature)
        assert not (verdict and forged)


def _forgeries() -> list[tuple[str, str | None, str, list[tuple[str, str]]]]:
    """Name, header, URL and form of what a thief may try with one good request in hand."""
    good = sign(TOKEN, URL, FORM)
    raw = base64.b64decode(good)
    headers: dict[str, str | None] = {
        "none": None,
        "empty": "",
        "space": " ",
        "nul": "\x00",
        "unpadded": good.rstrip("="),
        "padded twice": good + "=",
        "lower case": good.lower(),
        "upper case": good.upper(),
        "led by a space": " " + good,
        "ended by a line": good + "\n",
        "twice": good + good,
        "a list": f"{good},{good}",
        "quoted": f'"{good}"',
        "hex": raw.hex(),
        "url-safe": base64.urlsafe_b64encode(raw).decode() + "_",
        "truncated": base64.b64encode(raw[:16]).decode(),
        "longer": base64.b64encode(raw + b"\x00").decode(),
        "zeros": base64.b64encode(bytes(20)).decode(),
        "sha256": base64.b64encode(hmac.new(TOKEN.encode(), URL.encode(), hashlib.sha256).digest()).decode(),
        "no key": sign("", URL, FORM),
        "the header's name": "X-Twilio-Signature",
        "letters of another alphabet": good.replace("o", "\u043e") + "\u043e",
        "half a character": "\ud800",
        "a megabyte": "A" * 1_000_000,
        "of the URL alone": sign(TOKEN, URL),
        "of the form alone": sign(TOKEN, "", FORM),
        "of another token": sign("54321", URL, FORM),
    }
    forged = [(f"header {name}", header, URL, FORM) for name, header in headers.items()]
    changed = {
        "field more": [*FORM, ("Extra", "1")],
        "field less": FORM[1:],
        "no fields": [],
        "other value": [("CallSid", "CA2"), *FORM[1:]],
        "other name": [("callsid", "CA1234567890ABCDE"), *FORM[1:]],
        "empty field": [*FORM, ("X", "")],
        "space added": [("CallSid", "CA1234567890ABCDE "), *FORM[1:]],
        "nul added": [("CallSid", "CA1234567890ABCDE\x00"), *FORM[1:]],
        "case": [("CallSid", "ca1234567890abcde"), *FORM[1:]],
        "second To": [*FORM, ("To", "+15550000000")],
        "swapped numbers": [(name, {"From": "+18005551212", "To": "+14158675309"}.get(name, v)) for name, v in FORM],
    }
    forged += [(f"form {name}", good, URL, form) for name, form in changed.items()]
    urls = {
        "path": URL.replace("myapp", "other"),
        "host": URL.replace("mycompany", "thief"),
        "scheme": URL.replace("https", "http"),
        "socket": URL.replace("https", "wss"),
        "backslash": URL.replace("/myapp", "\\myapp"),
        "query": URL.replace("bar=2", "bar=3"),
        "query order": "https://mycompany.com/myapp.php?bar=2&foo=1",
        "query more": URL + "&x=1",
        "fragment": URL + "#rc=2",
        "slash": URL.replace("myapp", "/myapp"),
        "case of the path": URL.replace("myapp", "MyApp"),
        "encoded": URL.replace("myapp", "%6dyapp"),
        "user": URL.replace("https://", "https://a@"),
        "dot": URL.replace(".com/", ".com./"),
    }
    return forged + [(f"url {name}", good, url, FORM) for name, url in urls.items()]


FORGERIES = _forgeries()


def test_there_are_more_than_fifty_forgeries() -> None:
    """And the request they were made from is good."""
    assert len(FORGERIES) >= 50
    assert is_signed_form(sign(TOKEN, URL, FORM), auth_tokens=[TOKEN], url=URL, form=FORM)


@pytest.mark.parametrize(("name", "header", "url", "form"), FORGERIES, ids=[forgery[0] for forgery in FORGERIES])
def test_a_forgery_is_refused(name: str, header: str | None, url: str, form: list[tuple[str, str]]) -> None:
    """As a form, and as a handshake."""
    assert not is_signed_form(header, auth_tokens=[TOKEN], url=url, form=form)
    assert not is_signed_handshake(header, auth_tokens=[TOKEN], public_origin=url, path="/x")


@given(signature=st.text(max_size=60), path=st.text(max_size=60), form=st.lists(st.tuples(st.text(), st.text())))
def test_nothing_a_stranger_sends_makes_it_raise(signature: str, path: str, form: list[tuple[str, str]]) -> None:
    """Any header, any path, any form is judged."""
    url = public_url("https://host.example", "/" + path)
    assert not is_signed_form(signature, auth_tokens=[TOKEN], url=url, form=form)
