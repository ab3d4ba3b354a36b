"""What pages write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.webrtc.channel import Alive, KeyPressed, Unread, read


def test_signs_of_life_and_keys() -> None:
    """Nothing else is understood."""
    assert read("ping") == read("ping: 12") == Alive()
    assert read('{"type": "dtmf", "digit": "#"}') == KeyPressed("#")


@pytest.mark.parametrize(
    "message",
    [
        b"ping",
        "",
        "[]",
        "null",
        "[" * 1500,
        "{" * 2000,
        '{"type":"dtmf"}',
        '{"type":"dtmf","digit":5}',
        '{"type":"dtmf","digit":"55"}',
        '{"type":"dtmf","digit":"A"}',
        '{"type":"signalling","message":{"type":"trackStatus","receiver_index":0,"enabled":false}}',
        "p" * 100_000,
        None,
    ],
)
def test_the_rest_is_left_aside(message: object) -> None:
    """Wrong types, other digits, depth, size, another product's words."""
    assert read(message) == Unread()


@given(st.text(max_size=200) | st.binary(max_size=50) | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_nothing_makes_it_raise(message: object) -> None:
    """Whatever arrives."""
    assert isinstance(read(message), Alive | KeyPressed | Unread)
