"""The documents that tell Twilio what to do with a call. Each one that answers ends in a human."""

from __future__ import annotations

from twilio.twiml.voice_response import VoiceResponse

from telephony.carrier import TOKEN_PARAMETER
from telephony.human import HumanFallback

WAIT_PAUSE_S = 20
"""Seconds between two announcements of the place in the queue."""


def answer(
    *,
    stream_url: str,
    token: str,
    name: str,
    ended_url: str,
    status_url: str,
    fallback: HumanFallback,
) -> str:
    """Connect the call to our media socket; if that cannot be had, to a human.

    Args:
        stream_url: wss URL of the media socket.
        token: single-use token, handed back in the `start` of the stream (Twilio drops query strings of stream URLs).
        name: name of the stream in Twilio's logs and callbacks; our call id.
        ended_url: asked for the next document when the stream ended.
        status_url: told when the stream starts, stops or fails.
        fallback: where the caller goes when Twilio cannot ask `ended_url`.
    """
    document = VoiceResponse()
    connect = document.connect(action=ended_url, method="POST")
    stream = connect.stream(name=name, url=stream_url, status_callback=status_url, status_callback_method="POST")
    stream.parameter(name=TOKEN_PARAMETER, value=token)
    _send_to_human(document, fallback)
    return str(document)


def to_human(fallback: HumanFallback, words: str = "") -> str:
    """Send the caller to a human: refused for load, or after the agent left the call.

    Args:
        fallback: where to.
        words: said on the way in place of the fallback's own; '' for those.
    """
    document = VoiceResponse()
    _send_to_human(document, fallback.saying(words))
    return str(document)


def refused(words: str) -> str:
    """Say why the call is not taken and hang up; for numbers that nobody answers."""
    document = VoiceResponse()
    document.say(words)
    document.hangup()
    return str(document)


def waiting(position: int | None, average_s: int | None) -> str:
    """What a caller in the queue hears; asked again when it has been played.

    Args:
        position: place in the queue, 1 is next; None where it is not known.
        average_s: how long callers wait there on average; None where it is not known.
    """
    document = VoiceResponse()
    words = "Please stay on the line. A colleague will be with you."
    if position is not None:
        words = "You are next in line." if position <= 1 else f"You are number {position} in line."
    minutes = 0 if average_s is None else round(average_s / 60)
    if minutes:
        words += f" The wait is about {minutes} minute{'s' if minutes > 1 else ''}."
    document.say(words)
    document.pause(length=WAIT_PAUSE_S)
    return str(document)


def hang_up() -> str:
    """End the call: the answer to `ended_url` when the conversation came to its end."""
    document = VoiceResponse()
    document.hangup()
    return str(document)


def _send_to_human(document: VoiceResponse, fallback: HumanFallback) -> None:
    if fallback.words:
        document.say(fallback.words)
    if fallback.number is None:
        wait_url = fallback.wait_url or None
        document.enqueue(fallback.queue, wait_url=wait_url, wait_url_method="POST" if wait_url else None)
    else:
        document.dial(timeout=fallback.ring_s).number(fallback.number)
