"""What nobody should send: a catalogue of messages and webhooks, by hand and by spoiling good ones, for every carrier.

`frames` gives messages for a media socket on which a call is running: none of them may end it or keep it from being
answered. Messages that rightly end a call (a stop of this very stream) are not among them, and neither are those above
the limit, which rightly close the socket: `OVERSIZE`.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Wire = str | bytes

CONTRACTS = Path(__file__).parents[1] / "contracts"

OVERSIZE: tuple[Wire, ...] = ("x" * 65_537, b"\x00" * 65_537, '{"event":"media","x":"' + "y" * 65_520 + '"}')

_ODD_VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    5,
    1e308,
    -0.0,
    10**30,
    "",
    " ",
    "\x00",
    "\ufeff",
    "\ud800",
    "x" * 600,
    "9" * 400,
    "../../etc/passwd",
    "' OR 1=1 --",
    "${jndi:ldap://x}",
    "%s%n",
    "<Response/>",
    [],
    [[[[[[]]]]]],
    {},
    {"a": {"a": {"a": {}}}},
    ["media"],
)

BY_HAND: tuple[Wire, ...] = (
    "",
    " ",
    "\x00",
    "\ufeff",
    "\ufeff{}",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "NaN",
    "Infinity",
    '""',
    "[]",
    "{}",
    "[{}]",
    "{",
    "}",
    "[",
    "]",
    '{"',
    '{"event"',
    '{"event":',
    '{"event":}',
    "{'event':'media'}",
    '{"event":"media",}',
    '{"event":"media"} {"event":"media"}',
    '{"event":"media"}\n{"event":"stop"}',
    '{"event":null}',
    '{"event":"\\u0000"}',
    '{"event":"\\ud800"}',
    '{"type":"\\ud800"}',
    '{"event":"MEDIA"}',
    '{"event":"media "}',
    '{"event":["media"]}',
    '{"event":{"event":"media"}}',
    '{"event":"media","event":"mark"}',
    '{"event":"__proto__"}',
    '{"__proto__":{"event":"stop"}}',
    '{"constructor":{"prototype":{}}}',
    '{"action":"hangup"}',
    '{"type":"disconnect"}',
    '{"command":"HANGUP"}',
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "<Response><Hangup/></Response>",
    "garbage",
    "x" * 60_000,
    "[" * 20_000,
    "[" * 60_000,
    "]" * 60_000,
    '{"a":' * 10_000,
    '{"a":' * 60 + "1" + "}" * 60,
    '{"a":[' * 31 + "]}" * 31,
    '{"event":"' + "m" * 60_000 + '"}',
    '{"' + "k" * 60_000 + '":1}',
    "{" + ",".join(f'"k{i}":{i}' for i in range(4000)) + "}",
    '{"event":"media","media":{"payload":' + "9" * 5000 + "}}",
    '{"x":' + "1" * 60_000 + "}",
    '{"x":1e' + "9" * 4000 + "}",
    '{"x":"' + "\\u0041" * 9000 + '"}',
    "\\" * 5000,
    '"' * 5000,
    "\U0001f4a9" * 10_000,
    "\u202e" * 100,
    b"",
    b"\x00",
    b"\xff",
    b"\x00" * 3,
    b"\x00\xff\xfe",
    b"\xff" * 63_999,
    b"\xef\xbb\xbf{}",
    b'{"event":"stop"}',
    b'{"type":"close","seq":1}',
    b"RIFF\x00\x00\x00\x00WAVEfmt ",
    b"\x80\x01" * 2000,
    bytes(range(256)),
)


def good(carrier: str) -> list[dict[str, Any]]:
    """The recorded text messages of a carrier."""
    lines = [
        json.loads(line)
        for file in sorted((CONTRACTS / carrier).glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    return [line["message"] for line in lines if "message" in line]


def places(message: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field of a message, inner ones too."""
    if isinstance(message, dict):
        for name, inner in message.items():
            yield (*path, name)
            yield from places(inner, (*path, name))


def changed(message: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    """A copy with another value in one place."""
    copy: dict[str, Any] = json.loads(json.dumps(message))
    holder = copy
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return copy


def without(message: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """A copy without one field."""
    copy = changed(message, path, None)
    holder = copy
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    return copy


def spoiled(carrier: str) -> list[Wire]:
    """Good messages with one thing wrong."""
    texts: list[Wire] = []
    for message in good(carrier):
        if is_end(message):
            continue
        text = json.dumps(message)
        texts += [text[:1], text[: len(text) // 2], text[:-1], text + "}", "\ufeff" + text, text + "\x00", text * 2]
        texts += [text.encode(), text.replace('"', "'"), text.upper(), text[::-1]]
        for path in places(message):
            texts.append(json.dumps(without(message, path)))
            texts += [json.dumps(changed(message, path, value)) for value in _ODD_VALUES]
    for payload in ("!!!", "AAA", "A", "=", "\u00e9", "AA==" * 3, "A" * 60_000, "/w==\n", " /w=="):
        for message in good(carrier):
            if "payload" in dict(message.get("media") or {}):
                texts.append(json.dumps(changed(message, ("media", "payload"), payload)))
    for numbers in ("sequenceNumber", "sequence_number", "seq", "serverseq"):
        for message in good(carrier):
            if numbers in message and not is_end(message):
                texts += [json.dumps({**message, numbers: odd}) for odd in ("0", "-5", "99999999999", 99999999999, "x")]
    return texts


def is_end(message: Mapping[str, Any]) -> bool:
    """Whether a message rightly ends the call it belongs to."""
    return message.get("event") == "stop" or message.get("type") in ("close", "paused")


def frames(carrier: str, count: int, of_stream: Callable[[str], str], seed: int = 4) -> list[Wire]:
    """Messages for a running call: everything made by hand, then a seeded choice of what spoiling gives.

    Args:
        carrier: its name.
        count: how many in all.
        of_stream: puts the running stream's id in the place of the recorded one, so that a message is taken seriously.
        seed: of the choice.
    """
    choice = random.Random(seed)
    rest = spoiled(carrier)
    chosen = [*BY_HAND, *choice.sample(rest, min(len(rest), count - len(BY_HAND)))]
    kept = [wire if isinstance(wire, bytes) else of_stream(wire) for wire in chosen]
    choice.shuffle(kept)
    return [wire for wire in kept if not _ends(wire)]


def _ends(wire: Wire) -> bool:
    """Whether a message, spoiled as it is, still rightly ends the call."""
    try:
        message = json.loads(wire) if isinstance(wire, str) else None
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and is_end(message)


FORMS: tuple[bytes, ...] = (
    b"",
    b"=",
    b"&",
    b"&&&&",
    b"=&=&=",
    b"a",
    b"CallSid",
    b"CallSid=",
    b"CallSid=CA1&CallSid=CA2",
    b"CallSid=%00",
    b"CallSid=%ff%fe",
    b"CallSid=%",
    b"CallSid=%zz",
    b"CallUUID=1&From=x&To=y",
    b"CallSid=" + b"A" * 60_000,
    b"&".join(b"a%d=b" % i for i in range(500)),
    b"a=" + b"%F0%9F%92%A9" * 2000,
    b"From=<Response/>&To=%0d%0aX-Injected:1&CallSid=CA1",
    b"\x00" * 100,
    b"\xff\xfe\xfd",
    b"{}",
    b"[]",
    b"null",
    b'{"data":{}}',
    b'{"data":[]}',
    b'{"data":{"event_type":5,"id":[],"payload":"x"}}',
    b'{"uuid":"a","from":[],"to":{}}',
    b'{"uuid":' + b"9" * 5000 + b"}",
    b'{"status":"completed","uuid":"\\ud800"}',
    b"[" * 60_000,
    b'{"a":' * 10_000,
    base64.b64encode(bytes(range(256))),
    b"x" * 65_536,
)
"""Bodies of webhooks."""

TOO_LARGE_FORM = b"x" * 65_537
