"""The documents (TeXML) that tell Telnyx what to do with a call. Each one that answers ends in a human."""

from __future__ import annotations

from telephony.human import HumanFallback
from telephony.xml import Response, nested


def answer(*, stream_url: str, name: str, fallback: HumanFallback) -> str:
    """Connect the call to our media socket; when that ends without a hang-up, or cannot be had, to a human.

    Args:
        stream_url: wss URL of the media socket, the single-use token at its end.
        name: of the stream; our call id.
        fallback: where the caller goes after the stream.
    """
    document = Response()
    connect = document.add("Connect")
    nested(connect, "Stream", url=stream_url, name=name, bidirectionalMode="rtp", bidirectionalCodec="PCMU")
    _send_to_human(document, fallback)
    return str(document)


def to_human(fallback: HumanFallback) -> str:
    """Send the caller to a human."""
    document = Response()
    _send_to_human(document, fallback)
    return str(document)


def say_and_hang_up(words: str) -> str:
    """Say something, if anything, and end the call."""
    document = Response()
    if words:
        document.add("Say", words)
    document.add("Hangup")
    return str(document)


def _send_to_human(document: Response, fallback: HumanFallback) -> None:
    if fallback.words:
        document.add("Say", fallback.words)
    if fallback.number is None:
        document.add("Enqueue", fallback.queue)
    else:
        nested(document.add("Dial", timeout=str(fallback.ring_s)), "Number", fallback.number)
