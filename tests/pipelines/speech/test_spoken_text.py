"""What is written becomes what can be said: numbers stay, marks and pictures go."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.speech.spoken_text import for_the_ear, spelled

SAID = {
    "Call us on 0800 123 4567.": "Call us on zero eight zero zero, one two three, four five six seven.",
    "Ring 02079460018 today": "Ring zero two zero seven, nine four six, zero zero one eight today",
    "+44 20 7946 0018": "plus four four, two zero, seven nine four six, zero zero one eight",
    "555-0199": "five five five, zero one nine nine",
    "1-800-555-0199": "one, eight zero zero, five five five, zero one nine nine",
    "(555) 010-0199": "five five five, zero one zero, zero one nine nine",
    "Your code is 4821.": "Your code is four eight two one.",
    "The year 2024, 45000 homes": "The year 2024, 45000 homes",
    "account 12345678": "account one two three, four five six, seven eight",
    "ref AB-1234-X": "ref A B, one two three four, X",
    "Order BF24X9.": "Order B F two four X nine.",
    "100MB and an MP3": "100MB and an MP3",
    "postcode SW1A 1AA please": "postcode S W one A, one A A please",
    "mail help@brightfibre.co.uk.": "mail help at brightfibre dot co dot uk.",
    "jo_smith-7@mail.com": "jo underscore smith dash seven at mail dot com",
    "see https://www.brightfibre.com/help/bills?x=1#top.": "see brightfibre dot com slash help slash bills.",
    "£29.99, $5 and €10": "£29.99, $5 and €10",
    "£20-£30 a month": "£20 to £30 a month",
    "34p per kWh": "34 pence per kilowatt hour",
    "£20/month": "£20 per month",
    "open 08:00 to 20:00": "open 8 AM to 8 PM",
    "Mon-Fri 08:30\u201317:45, Sat 9am-5pm": "Monday to Friday 8:30 AM to 5:45 PM, Saturday 9am to 5pm",
    "at 8:30 pm or 08:30 pm": "at 8:30 pm or 08:30 pm",
    "12:00 and 00:00": "12 noon and midnight",
    "on 12/05/2024": "on 12 May 2024",
    "on 2024-05-12": "on 12 May 2024",
    "10-20% of 100 Mbps": "10 to 20% of 100 Mbps",
    "24/7": "twenty-four seven",
    "e.g. A & B": "for example A and B",
    "**bold**, _quiet_ and `code`": "bold, quiet and code",
    "# Steps\n- unplug it\n- wait\n\nDone": "Steps. unplug it. wait. Done",
    "[our page](http://x.test/z) [sighs] helps": "our page helps",
    "<speak><prosody rate='slow'>Hi</prosody></speak>": "Hi",
    "Your bill (for March) is due.": "Your bill, for March, is due.",
    "Great \U0001f600\U0001f44d\U0001f3fd!!! Bye...": "Great! Bye\u2026",
}


@pytest.mark.parametrize(("written", "heard"), SAID.items())
def test_it_is_said_as_a_person_would_read_it(written: str, heard: str) -> None:
    """One rule each, and what the voices read well is left alone."""
    assert for_the_ear(written) == heard


@pytest.mark.parametrize("written", SAID)
def test_a_second_pass_changes_nothing(written: str) -> None:
    """Text that is already fit for the ear stays as it is."""
    once = for_the_ear(written)
    assert for_the_ear(once) == once


@pytest.mark.parametrize("written", ["", "   ", "\U0001f600", "...", "<br/>", "[silence]", "***", "\x00\x1b"])
def test_nothing_to_say_is_empty(written: str) -> None:
    """Marks and pictures alone are silence."""
    assert for_the_ear(written) == ""


WRITTEN = st.text(max_size=200) | st.lists(
    st.sampled_from([*SAID, "<b", "](", "0", "12:", "@x.com", "- ", "\n", "(", "'", "\u200d", "\ufe0f", "/", "%"]),
    max_size=8,
).map("".join)


@given(WRITTEN)
@example("<" * 50 + ">" * 50)
@example("((((1) 2) 3) 4)")
@example("a@b.com@c.com//..//")
def test_any_text_is_taken(written: str) -> None:
    """Never an error, and never a bracket, a tag or a control character in what is said."""
    heard = for_the_ear(written)
    assert not set(heard) & set("<>[]{}()|*_`~\\")
    assert all(unicodedata.category(character)[0] != "C" for character in heard)
    assert heard == " ".join(heard.split())


@given(st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True))
def test_spelling_loses_no_character(code: str) -> None:
    """As many words as characters."""
    assert len(spelled(code).split()) == len(code)
