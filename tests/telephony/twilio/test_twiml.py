"""Scenes of the documents for Twilio."""

from __future__ import annotations

from telephony.human import HumanFallback
from telephony.twilio import twiml

QUEUE = HumanFallback(number=None, queue="support", words="One moment.")


def test_the_answer_connects_a_stream_and_falls_back_to_the_queue() -> None:
    """The whole document."""
    document = twiml.answer(
        stream_url="wss://voice.example/v1/twilio/media",
        token="abc.def",
        name="c-1",
        ended_url="https://voice.example/v1/twilio/stream-ended",
        status_url="https://voice.example/v1/twilio/stream-status",
        fallback=QUEUE,
    )
    assert document == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Connect action="https://voice.example/v1/twilio/stream-ended" method="POST">'
        '<Stream name="c-1" statusCallback="https://voice.example/v1/twilio/stream-status" '
        'statusCallbackMethod="POST" url="wss://voice.example/v1/twilio/media">'
        '<Parameter name="t" value="abc.def" /></Stream></Connect>'
        "<Say>One moment.</Say><Enqueue>support</Enqueue></Response>"
    )


def test_a_number_is_dialled_where_there_is_one() -> None:
    """A dial with its ring time, and no words where none are wanted."""
    document = twiml.to_human(HumanFallback(number="+15550199", queue="support", words=""))
    assert document.endswith('<Response><Dial timeout="30"><Number>+15550199</Number></Dial></Response>')


def test_refusal_and_farewell() -> None:
    """Both end the call; words are escaped."""
    assert twiml.refused("Nobody <here> & now").endswith(
        "<Response><Say>Nobody &lt;here&gt; &amp; now</Say><Hangup /></Response>"
    )
    assert twiml.hang_up().endswith("<Response><Hangup /></Response>")
