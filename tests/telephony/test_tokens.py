"""Scenes of single-use tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.tokens import TokenBook

SECRET = b"0123456789abcdef"


class Clock:
    """Seconds by hand."""

    def __init__(self) -> None:
        """Noon."""
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Now."""
        return self.now_s


def test_a_token_is_good_once() -> None:
    """The second redemption fails."""
    book = TokenBook(SECRET)
    token = book.issue("stream", "call-1")
    assert len(token) < 450
    assert book.redeem(token, "stream") == "call-1"
    assert book.redeem(token, "stream") is None


def test_a_token_expires() -> None:
    """One minute later it is worth nothing."""
    clock = Clock()
    book = TokenBook(SECRET, clock)
    early, late = book.issue("stream", "a"), book.issue("stream", "b")
    clock.now_s += 59.9
    assert book.redeem(early, "stream") == "a"
    clock.now_s += 0.1
    assert book.redeem(late, "stream") is None


def test_a_token_is_for_its_purpose_alone() -> None:
    """A web join token opens no stream, and is not spent by the attempt."""
    book = TokenBook(SECRET)
    token = book.issue("join", "call-1")
    assert book.redeem(token, "stream") is None
    assert book.redeem(token, "join") == "call-1"


def test_a_forged_token_is_refused() -> None:
    """Another secret, another subject under an old signature, a flipped bit."""
    book = TokenBook(SECRET)
    assert book.redeem(TokenBook(b"another secret of sixteen").issue("stream", "x"), "stream") is None
    mine, other = book.issue("stream", "mine"), book.issue("stream", "other")
    assert book.redeem(f"{other.partition('.')[0]}.{mine.partition('.')[2]}", "stream") is None
    for at in range(0, len(mine), 7):
        flipped = mine[:at] + ("A" if mine[at] != "A" else "B") + mine[at + 1 :]
        assert book.redeem(flipped, "stream") is None
    assert book.redeem(mine, "stream") == "mine"


@given(st.text(max_size=300))
def test_no_text_makes_it_raise(text: str) -> None:
    """Whatever a stranger sends is simply not a token."""
    book = TokenBook(SECRET)
    assert book.redeem(text, "stream") is None
    assert book.redeem(f"{text}.{text}", "stream") is None


def test_the_memory_is_bounded_and_fails_closed() -> None:
    """A full book refuses rather than forgets; expired entries make room."""
    clock = Clock()
    book = TokenBook(SECRET, clock, remembered=2)
    for subject in "ab":
        assert book.redeem(book.issue("stream", subject), "stream") == subject
    assert book.redeem(book.issue("stream", "c"), "stream") is None
    clock.now_s += 61
    assert book.redeem(book.issue("stream", "d"), "stream") == "d"


def test_a_short_secret_is_refused() -> None:
    """A guessable secret is a wiring error."""
    with pytest.raises(ValueError, match="16 bytes"):
        TokenBook(b"short")
