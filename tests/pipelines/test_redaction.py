"""What must not be written down, and what may."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.redaction import redact
from pipelines.spoken_numbers import said_numbers
from tests.pipelines.redaction_sentences import sentences

DATA = Path(os.environ.get("ATTUNE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
BANKING = DATA / "text" / "banking77" / "test.csv"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("my card is 4111 1111 1111 1111 thanks", "my card is [card number] thanks"),
        ("4111111111111111", "[card number]"),
        ("it is four one one one, one one one one, one one one one, one one one one.", "it is [card number]."),
        ("four double one five triple nine two three four five six", "[card number]"),
        ("mail me at jo.bloggs+home@example.co.uk please", "mail me at [email] please"),
        ("it's jo dot bloggs at example dot co dot uk", "it's [email]"),
        ("call me on 07700 900123", "call me on [phone number]"),
        ("that's +44 (0)20 7946 0018", "that's [phone number]"),
        ("oh double seven double oh nine hundred one two three", "[phone number]"),
        ("my number is AB 12 34 56 C", "my number is [identity number]"),
        ("national insurance number is one two three four five six", "national insurance number is [identity number]"),
        ("social 078-05-1120", "social [identity number]"),
        ("sort code 12-34-56", "sort code [sort code]"),
        ("the sort code is one two, three four, five six", "the sort code is [sort code]"),
        ("account number is 12345678", "account number is [account number]"),
        ("my pin is 1234", "my pin is [PIN]"),
        ("PIN number: four nine two one", "PIN number: [PIN]"),
        ("security code is 737", "security code is [security code]"),
        ("my password is fluffy99!", "my password is [password]!"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "IBAN [IBAN]"),
    ],
)
def test_what_is_masked(said: str, written: str) -> None:
    """The words around it stay."""
    assert redact(said) == written


@pytest.mark.parametrize(
    "said",
    [
        "the bill is 1,234.56 pounds, twice what it was in 2023",
        "I forgot my password and can't log in",
        "my password is not working",
        "My password isn't being accepted",
        "one, two, three, testing",
        "order 4417 from the 12th of March 2024",
        "I've called three times in two weeks and waited one hour",
        "SW1A 1AA",
        "can I change my PIN",
        "from 2019 to 2024 I paid 100, 200, 300",
        "it happened at 10:30 on 05/11/2024",
    ],
)
def test_what_stays(said: str) -> None:
    """Amounts, dates, years, postcodes and talk about secrets are not secrets."""
    assert redact(said) == said


@pytest.mark.skipif(not BANKING.exists(), reason=f"needs the banking77 texts under {DATA}")
def test_ordinary_questions_are_left_alone() -> None:
    """At most one in fifty of 500 real questions loses a word."""
    with BANKING.open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:500]
    masked = [text for text in texts if redact(text) != text]
    assert len(texts) >= 100
    assert len(masked) <= len(texts) // 50, masked


@given(st.text(alphabet=st.sampled_from("0123456789 -.,+()@abcpindcodewsr'\u00e9\u2013[]:"), max_size=120))
def test_masking_twice_changes_nothing(text: str) -> None:
    """Idempotent, and it never raises."""
    once = redact(text)
    assert redact(once) == once


_SPEECH = [
    "one",
    "double",
    "four",
    "pin",
    "is",
    "password",
    "sort code",
    "card",
    "hundred",
    "at",
    "7",
    "dot com",
    "oh",
    "GB82",
    "WEST",
    "x@y.uk",
    "number",
]


@given(st.lists(st.sampled_from(_SPEECH), max_size=30))
def test_masking_speech_twice_changes_nothing(words: list[str]) -> None:
    """The same over spoken numbers and secrets."""
    once = redact(" ".join(words))
    assert redact(once) == once


def test_the_set_written_for_it() -> None:
    """At least 500 sentences: 99 of 100 cards go, at most 2 of 100 harmless sentences lose a word."""
    cases = list(sentences())
    assert len({case.text for case in cases}) >= 500
    cards = [case for case in cases if case.kind == "[card number]"]
    kept = [case.text for case in cards if case.kind not in redact(case.text) or _digits_left(redact(case.text)) >= 6]
    harmless = [case.text for case in cases if not case.kind]
    lost = [(text, redact(text)) for text in harmless if redact(text) != text]
    others = [case for case in cases if case.kind and case.kind != "[card number]"]
    missed = [(case.text, redact(case.text)) for case in others if case.kind not in redact(case.text)]
    assert len(kept) <= len(cards) // 100, kept
    assert len(lost) <= len(harmless) // 50, lost
    assert len(missed) <= len(others) // 50, missed


def _digits_left(text: str) -> int:
    """Digits that still stand in a text, an expiry date aside."""
    return sum(len(number.digits) for number in said_numbers(text.partition("expiry")[0]))
