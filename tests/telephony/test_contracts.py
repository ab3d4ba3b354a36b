"""What carriers send, message by message, as their published protocols say, and what we make of it.

The messages in `tests/contracts` were written from the carriers' published documentation, field by field; no live
account was recorded. Asterisk's alone came over the wire, of a real 22.10.1. A line holds one message, the event that
it is, and what the protocol wants sent back.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telephony.carrier import CarrierCodec, LineEvent, Start
from tests.telephony.carriers import CODECS

FOLDER = Path(__file__).parents[1] / "contracts"
FILES = sorted(file for carrier in CODECS for file in (FOLDER / carrier).glob("*.jsonl"))


def plain(value: object) -> object:
    """A value as JSON can hold it: bytes in hex."""
    match value:
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return value


def told(event: LineEvent) -> list[object]:
    """An event as the contracts write it."""
    return [type(event).__name__, plain(dataclasses.asdict(event))]


def on_the_wire(line: Mapping[str, Any]) -> str | bytes:
    """A recorded message as it arrives."""
    return bytes.fromhex(line["binary"]) if "binary" in line else json.dumps(line["message"])


def lines(file: Path) -> list[dict[str, Any]]:
    """The recorded messages of one socket, in order."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_recorded_message_is_understood_and_answered(file: Path) -> None:
    """One socket from its first message to its last: events, and what the protocol wants sent back."""
    codec = CODECS[file.parent.name]()
    for line in lines(file):
        event = codec.parse(on_the_wire(line))
        assert told(event) == line["event"]
        reply = codec.reply(event)
        assert (None if reply is None else json.loads(reply)) == line.get("reply")


@pytest.mark.parametrize("carrier", sorted(CODECS))
def test_every_carrier_has_recorded_messages(carrier: str) -> None:
    """At least one socket with a start and audio, and an end where the protocol has one."""
    names = {line["event"][0] for file in FILES if file.parent.name == carrier for line in lines(file)}
    assert {"Start", "Media"} | (set() if carrier in ("vonage", "asterisk") else {"Stop"}) <= names


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_socket_that_is_cut_at_any_message_goes_on_with_what_is_left(file: Path) -> None:
    """Every beginning and every end of a socket: the same events as in the whole one, but for the start."""
    recorded = lines(file)
    for cut in range(len(recorded) + 1):
        front: CarrierCodec = CODECS[file.parent.name]()
        assert [told(front.parse(on_the_wire(line))) for line in recorded[:cut]] == [
            line["event"] for line in recorded[:cut]
        ]
        back: CarrierCodec = CODECS[file.parent.name]()
        for line in recorded:
            if line["event"][0] == Start.__name__:
                back.parse(on_the_wire(line))
        again = [line for line in recorded[cut:] if line["event"][0] not in ("Start", "Connected")]
        assert [told(back.parse(on_the_wire(line))) for line in again] == [line["event"] for line in again]
