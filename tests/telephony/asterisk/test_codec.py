"""Asterisk's messages, one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.asterisk.codec import LOST_AFTER_S, AsteriskCodec
from telephony.carrier import Dtmf, Encoding, Ignored, IgnoredReason, Mark, Media, Start, WireAudio
from telephony.leg import IncomingCall


def start(**changes: object) -> str:
    """The first message of a call."""
    message: dict[str, object] = {
        "event": "MEDIA_START",
        "connection_id": "attune",
        "channel_id": "1795517054.1",
        "format": "ulaw",
        "channel_variables": {
            "__ATTUNE_CALL": "1795517054.0",
            "__ATTUNE_TO": "+15550100",
            "__ATTUNE_FROM": "+15550142",
        },
    }
    return json.dumps({**message, **changes})


def begun() -> AsteriskCodec:
    """A codec whose stream has started."""
    codec = AsteriskCodec()
    assert isinstance(codec.parse(start()), Start)
    return codec


def test_a_start_rings() -> None:
    """Keyed on the dialplan's call; numbers out of the variables; patient with silence; closing is hanging up."""
    told = AsteriskCodec().parse(start())
    assert isinstance(told, Start)
    assert told.call_id == "1795517054.0"
    assert told.rings == IncomingCall("asterisk", "1795517054.0", "+15550142", "+15550100")
    assert (told.lost_after_s, told.says_stop, told.audio) == (LOST_AFTER_S, False, WireAudio())


def test_a_start_with_a_token_goes_on_with_a_lost_call() -> None:
    """It does not ring: the token says which call it is."""
    variables = {"__ATTUNE_CALL": "7.0", "__ATTUNE_TOKEN": "a.b"}
    told = AsteriskCodec().parse(start(channel_variables=variables))
    assert isinstance(told, Start)
    assert (told.parameters, told.rings, told.call_id) == ({"t": "a.b"}, None, "7.0")


def test_without_variables_the_channel_is_the_call() -> None:
    """A dialplan that sets none still rings, for the number '' that nobody has."""
    told = AsteriskCodec().parse(start(channel_variables=None))
    assert isinstance(told, Start)
    assert told.rings == IncomingCall("asterisk", "1795517054.1", "", "")


@pytest.mark.parametrize("number", ["anonymous", "+1555\r\nX: y", "1" * 40, "<script>", "sip:a@b"])
def test_what_is_no_number_is_none(number: str) -> None:
    """A SIP header can say anything."""
    told = AsteriskCodec().parse(start(channel_variables={"__ATTUNE_FROM": number}))
    assert isinstance(told, Start)
    assert told.rings is not None
    assert told.rings.from_number == ""


@pytest.mark.parametrize(
    ("name", "audio"),
    [("slin16", WireAudio(Encoding.L16, 16_000)), ("slin", WireAudio(Encoding.L16, 8000)), ("opus", None)],
)
def test_other_formats(name: str, audio: WireAudio | None) -> None:
    """Linear samples are spoken, others are not."""
    told = AsteriskCodec().parse(start(format=name))
    assert isinstance(told, Start)
    assert told.audio == audio


def test_a_call_in_messages() -> None:
    """Audio, a key and a mark; nothing before the start, no second start, nothing of another channel."""
    codec = AsteriskCodec()
    early = codec.parse(b"\xff" * 160)
    assert isinstance(early, Ignored)
    assert early.reason is IgnoredReason.BEFORE_START
    codec.parse(start())
    assert codec.parse(b"\xff" * 160) == Media(b"\xff" * 160)
    assert codec.parse('{"event":"DTMF_END","channel_id":"1795517054.1","digit":"5"}') == Dtmf("5")
    assert codec.parse('{"event":"MEDIA_MARK_PROCESSED","correlation_id":"m"}') == Mark("m")
    again = codec.parse(start())
    other = codec.parse('{"event":"DTMF_END","channel_id":"1.1","digit":"5"}')
    assert isinstance(again, Ignored)
    assert isinstance(other, Ignored)
    assert (again.reason, other.reason) == (IgnoredReason.REPEATED_START, IgnoredReason.OTHER_STREAM)


def test_a_full_queue_gets_no_more() -> None:
    """XOFF stops our audio until XON; a flush empties the queue, so audio flows again at once."""
    codec = begun()
    assert codec.audio(b"a") == b"a"
    codec.parse('{"event":"MEDIA_XOFF"}')
    assert codec.audio(b"a") is None
    codec.parse('{"event":"MEDIA_XON"}')
    assert codec.audio(b"a") == b"a"
    codec.parse('{"event":"MEDIA_XOFF"}')
    assert json.loads(str(codec.clear())) == {"command": "FLUSH_MEDIA"}
    assert codec.audio(b"a") == b"a"


def test_what_we_say() -> None:
    """Marks and the last word; to hand off, closing is enough."""
    codec = begun()
    assert json.loads(str(codec.mark("m"))) == {"command": "MARK_MEDIA", "correlation_id": "m"}
    assert json.loads(str(codec.goodbye(hand_off=False))) == {"command": "HANGUP"}
    assert codec.goodbye(hand_off=True) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.binary(max_size=400)
    | st.text(max_size=400)
    | st.fixed_dictionaries(
        {"event": st.sampled_from(["MEDIA_START", "DTMF_END", "MEDIA_MARK_PROCESSED", "MEDIA_XOFF", "STATUS", 5])},
        optional=dict.fromkeys(("channel_id", "digit", "correlation_id", "channel_variables", "format"), _JSON),
    ).map(json.dumps)
    | _JSON
)
def test_nothing_makes_it_raise(data: object) -> None:
    """Whatever arrives, before a start and after it."""
    for codec in (AsteriskCodec(), begun()):
        assert codec.parse(data) is not None
