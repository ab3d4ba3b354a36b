"""Scenes of the Media Streams codec."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.carrier import Dtmf, Ignored, IgnoredReason, LineEvent, Media, Stop
from telephony.twilio.codec import TwilioCodec

MESSAGES = [
    json.dumps(json.loads(line)["message"])
    for line in (Path(__file__).parents[2] / "contracts" / "twilio" / "inbound.jsonl").read_text().splitlines()
]


def parse(data: object) -> LineEvent:
    """The event of a message on a fresh socket."""
    return TwilioCodec().parse(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x01", IgnoredReason.BINARY),
        (None, IgnoredReason.BINARY),
        ("", IgnoredReason.NOT_JSON),
        ("garbage", IgnoredReason.NOT_JSON),
        ("\ufeff{}", IgnoredReason.NOT_JSON),
        ("null", IgnoredReason.NOT_JSON),
        ("[]", IgnoredReason.NOT_JSON),
        ("1" * 5000, IgnoredReason.NOT_JSON),
        ("{}", IgnoredReason.UNKNOWN_EVENT),
        ('{"event":["media"]}', IgnoredReason.UNKNOWN_EVENT),
        ('{"event":"wave"}', IgnoredReason.UNKNOWN_EVENT),
        ("[" * 60_000, IgnoredReason.TOO_DEEP),
        ('{"a":' * 10_000, IgnoredReason.TOO_DEEP),
        (" " * (64 * 1024 + 1), IgnoredReason.TOO_BIG),
        ("x" * 1_000_000, IgnoredReason.TOO_BIG),
        ('{"event":"media"}', IgnoredReason.BAD_FIELD),
        ('{"event":"media","media":{"payload":5}}', IgnoredReason.BAD_FIELD),
        ('{"event":"media","media":[]}', IgnoredReason.BAD_FIELD),
        ('{"event":"media","media":{"payload":"@@"}}', IgnoredReason.BAD_AUDIO),
        ('{"event":"media","media":{"payload":"\\u00e9"}}', IgnoredReason.BAD_AUDIO),
        ('{"event":"media","media":{"payload":""}}', IgnoredReason.BAD_AUDIO),
        ('{"event":"media","media":{"payload":"%s"}}' % ("A" * 60_000), IgnoredReason.BAD_AUDIO),
        ('{"event":"media","media":{"track":"outbound","payload":"/w=="}}', IgnoredReason.OTHER_TRACK),
        ('{"event":"dtmf","dtmf":"x"}', IgnoredReason.BAD_FIELD),
        ('{"event":"dtmf","dtmf":{"digit":"11"}}', IgnoredReason.BAD_FIELD),
        ('{"event":"mark","mark":{"name":7}}', IgnoredReason.BAD_FIELD),
        ('{"event":"mark","mark":{"name":"%s"}}' % ("n" * 600), IgnoredReason.BAD_FIELD),
        ('{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}', IgnoredReason.BAD_FIELD),
        ('{"event":"connected"}', IgnoredReason.BAD_FIELD),
    ],
)
def test_bad_messages_are_left_aside_with_a_reason(data: object, reason: IgnoredReason) -> None:
    """A catalogue by hand."""
    event = parse(data)
    assert isinstance(event, Ignored)
    assert event.reason is reason
    assert len(event.detail) < 100


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = """event media mark dtmf start stop connected payload track name digit streamSid callSid accountSid
mediaFormat encoding sampleRate customParameters protocol"""
_fields = st.sampled_from(_FIELDS.split())
_near_misses = st.recursive(
    _json | _fields, lambda inner: st.dictionaries(_fields, inner, max_size=6), max_leaves=20
).map(json.dumps)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.binary(), _json, _json.map(json.dumps), _near_misses))
def test_nothing_makes_it_raise(data: object) -> None:
    """Arbitrary text, bytes and values, and JSON that nearly is the protocol."""
    assert isinstance(parse(data), get_args(LineEvent))


@given(st.sampled_from(MESSAGES), st.data())
def test_a_cut_or_changed_message_does_not_make_it_raise(text: str, data: st.DataObject) -> None:
    """Recorded messages, cut at any character or with one changed."""
    at = data.draw(st.integers(0, len(text) - 1))
    assert isinstance(parse(text[:at]), Ignored)
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    assert isinstance(parse(changed), get_args(LineEvent))


def test_what_we_send() -> None:
    """The three messages, field by field."""
    codec = TwilioCodec()
    codec.parse(MESSAGES[1])
    stream = "MZ00000000000000000000000000000001"
    assert json.loads(codec.audio(b"\xff\x00")) == {
        "event": "media",
        "streamSid": stream,
        "media": {"payload": base64.b64encode(b"\xff\x00").decode()},
    }
    assert json.loads(codec.mark("end")) == {"event": "mark", "streamSid": stream, "mark": {"name": "end"}}
    assert json.loads(codec.clear()) == {"event": "clear", "streamSid": stream}


@given(st.binary(min_size=1, max_size=400))
def test_audio_survives_the_way_there_and_back(ulaw: bytes) -> None:
    """Bytes in, the same bytes out."""
    assert parse(TwilioCodec().audio(ulaw)) == Media(ulaw)


def test_the_keys_of_a_telephone() -> None:
    """All twelve, and the end."""
    for digit in "0123456789*#":
        assert parse(json.dumps({"event": "dtmf", "dtmf": {"digit": digit}})) == Dtmf(digit)
    assert parse('{"event":"stop"}') == Stop()
