"""Scenes of the carrier reading documents and messages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.carrier import Dtmf, Mark, Media, Start, Stop
from telephony.human import HumanFallback
from telephony.simulator import wire
from telephony.simulator.documents import (
    BadDocument,
    DialVerb,
    EnqueueVerb,
    HangupVerb,
    RedirectVerb,
    SayVerb,
    StreamVerb,
    read_document,
)
from telephony.twilio import twiml
from telephony.twilio.codec import TwilioCodec


def test_our_own_answer_is_understood() -> None:
    """Stream with its parameter and callbacks, then the human."""
    document = twiml.answer(
        stream_url="ws://h/media",
        token="abc",
        name="c-1",
        ended_url="/ended",
        status_url="/status",
        fallback=HumanFallback(number="+15550199", queue="q", words="One moment."),
    )
    assert read_document(document) == (
        StreamVerb("ws://h/media", "c-1", {"t": "abc"}, "/ended", "/status"),
        SayVerb("One moment."),
        DialVerb("+15550199"),
    )


def test_the_other_verbs() -> None:
    """One of each."""
    text = "<Response><Enqueue>q</Enqueue><Redirect>/next</Redirect><Reject/><Dial>+1</Dial></Response>"
    assert read_document(text) == (EnqueueVerb("q"), RedirectVerb("/next"), HangupVerb(), DialVerb("+1"))


@pytest.mark.parametrize(
    "text", ["", "{}", "<Answer/>", "<Response><Dance/></Response>", "<Response><Connect/></Response>"]
)
def test_bad_documents_are_named(text: str) -> None:
    """The carrier says what it could not follow."""
    with pytest.raises(BadDocument):
        read_document(text)


def test_the_carriers_messages_are_those_we_read() -> None:
    """Written by the simulator, parsed by the codec."""
    writer, codec = wire.StreamWriter("MZ1", "CA1", "AC1"), TwilioCodec()
    assert codec.parse(writer.start({"t": "x"})) == Start("MZ1", "CA1", "AC1", {"t": "x"})
    assert codec.parse(writer.media(b"\xff" * 160)) == Media(b"\xff" * 160)
    assert codec.parse(writer.dtmf("#")) == Dtmf("#")
    assert codec.parse(writer.mark("m")) == Mark("m")
    assert codec.parse(writer.stop()) == Stop()
    assert json.loads(writer.media(b"\x00"))["sequenceNumber"] == "6"


def test_our_messages_are_those_the_carrier_reads() -> None:
    """Written by the codec, read by the simulator."""
    codec = TwilioCodec()
    assert wire.read(codec.audio(b"\x01\x02")) == wire.Play(b"\x01\x02")
    assert wire.read(codec.mark("m")) == wire.MarkAsked("m")
    assert wire.read(codec.clear()) == wire.ClearAsked()


@given(st.text() | st.binary() | st.none())
def test_nonsense_is_noted(data: object) -> None:
    """Never an exception in the carrier."""
    assert isinstance(wire.read(data), wire.Nonsense)
