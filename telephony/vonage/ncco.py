"""The documents (NCCO, JSON) that tell Vonage what to do with a call. Each one that answers ends in a human."""

from __future__ import annotations

import json

from telephony.carrier import TOKEN_PARAMETER
from telephony.human import HumanFallback
from telephony.vonage.codec import CALL_PARAMETER

Action = dict[str, object]


def answer(*, stream_url: str, token: str, carrier_call_id: str, ended_url: str, fallback: HumanFallback) -> str:
    """Connect the call to our media socket; if that cannot be had, to a human.

    Args:
        stream_url: wss URL of the media socket.
        token: single-use token, handed back in the first message.
        carrier_call_id: the caller's leg, handed back as well.
        ended_url: asked for the next document when the stream ended.
        fallback: where the caller goes when Vonage cannot ask `ended_url`.
    """
    endpoint = {
        "type": "websocket",
        "uri": stream_url,
        "content-type": "audio/l16;rate=16000",
        "headers": {TOKEN_PARAMETER: token, CALL_PARAMETER: carrier_call_id},
    }
    connect: Action = {
        "action": "connect",
        "eventType": "synchronous",
        "eventUrl": [ended_url],
        "eventMethod": "POST",
        "endpoint": [endpoint],
    }
    return json.dumps([connect, *human_actions(fallback)])


def to_human(fallback: HumanFallback) -> str:
    """Send the caller to a human."""
    return json.dumps(human_actions(fallback))


def say(words: str) -> str:
    """Say something, if anything; a document without more ends the call."""
    return json.dumps([_talk(words)] if words else [])


def human_actions(fallback: HumanFallback) -> list[Action]:
    """The way to a human: a number that rings, or a named conversation where callers wait for colleagues."""
    way: Action = {"action": "conversation", "name": fallback.queue, "startOnEnter": False}
    if fallback.number is not None:
        phone = {"type": "phone", "number": fallback.number.removeprefix("+")}
        way = {"action": "connect", "timeout": str(fallback.ring_s), "endpoint": [phone]}
    return [_talk(fallback.words), way] if fallback.words else [way]


def _talk(words: str) -> Action:
    return {"action": "talk", "text": words}
