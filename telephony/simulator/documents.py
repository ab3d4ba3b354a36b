"""The carrier's reading of our answer documents: TwiML to verbs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree


class BadDocument(Exception):
    """The service answered something that is not a document the carrier can follow; the message says what."""


@dataclass(frozen=True, slots=True)
class StreamVerb:
    """`<Connect><Stream>`: a bidirectional media stream."""

    url: str
    name: str
    parameters: Mapping[str, str]
    action: str | None
    status_callback: str | None


@dataclass(frozen=True, slots=True)
class SayVerb:
    """`<Say>`: the carrier's own voice speaks."""

    words: str


@dataclass(frozen=True, slots=True)
class DialVerb:
    """`<Dial>`: a human's telephone rings."""

    target: str


@dataclass(frozen=True, slots=True)
class EnqueueVerb:
    """`<Enqueue>`: the caller waits for a human."""

    queue: str
    wait_url: str = ""


@dataclass(frozen=True, slots=True)
class RedirectVerb:
    """`<Redirect>`: another document takes over."""

    url: str


@dataclass(frozen=True, slots=True)
class PauseVerb:
    """`<Pause>`: nothing happens for a while."""

    seconds: int


@dataclass(frozen=True, slots=True)
class HangupVerb:
    """`<Hangup>` or `<Reject>`."""


Verb = StreamVerb | SayVerb | DialVerb | EnqueueVerb | RedirectVerb | PauseVerb | HangupVerb


def read_document(text: str) -> tuple[Verb, ...]:
    """The verbs of a document, in order.

    Raises:
        BadDocument: not XML, no `<Response>`, or a verb that this carrier does not know.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as bad:
        raise BadDocument(f"not XML: {bad}") from bad
    if root.tag != "Response":
        raise BadDocument(f"<{root.tag}> instead of <Response>")
    return tuple(_verb(element) for element in root)


def _verb(element: ElementTree.Element) -> Verb:
    words = (element.text or "").strip()
    match element.tag:
        case "Connect":
            return _stream(element)
        case "Say":
            return SayVerb(words)
        case "Dial":
            return DialVerb(words or "".join(element.itertext()).strip())
        case "Enqueue":
            return EnqueueVerb(words, element.get("waitUrl", ""))
        case "Pause":
            return PauseVerb(int(element.get("length", "1")))
        case "Redirect":
            return RedirectVerb(words)
        case "Hangup" | "Reject":
            return HangupVerb()
        case other:
            raise BadDocument(f"<{other}> is not known")


def _stream(connect: ElementTree.Element) -> StreamVerb:
    stream = connect.find("Stream")
    if stream is None or not stream.get("url"):
        raise BadDocument("<Connect> without a <Stream url>")
    return StreamVerb(
        url=stream.get("url", ""),
        name=stream.get("name", ""),
        parameters={p.get("name", ""): p.get("value", "") for p in stream.findall("Parameter")},
        action=connect.get("action"),
        status_callback=stream.get("statusCallback"),
    )
