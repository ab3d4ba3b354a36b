"""Keys on the telephone: words at any time, digits while they are asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.turns.keys import FIRST_KEY_S, PAUSE_S, WORDS, Entry, Keys, Pressed, Says, Short, Typed

PIN = Entry(4, 4)


def press(keys: Keys, text: str, at_s: float = 0.0) -> list[Pressed]:
    """What pressing these keys in a row comes to."""
    return [pressed for key in text if (pressed := keys.press(key, at_s)) is not None]


def asked(entry: Entry = PIN) -> Keys:
    """Digits are asked for at 0 s."""
    keys = Keys()
    keys.ask(entry, 0.0)
    return keys


def test_zero_is_a_human_at_any_time() -> None:
    """And *9 ends the analysis; other keys mean nothing."""
    keys = Keys()
    assert press(keys, "70") == [Says(WORDS["0"])]
    assert press(keys, "*9") == [Says(WORDS["*9"])]
    assert press(keys, "*8#9") == []


def test_a_pin_is_taken_at_its_last_digit() -> None:
    """Zeros and nines in it are digits."""
    keys = asked()
    assert press(keys, "0990") == [Typed("0990")]
    assert not keys.collecting


def test_hash_ends_and_star_begins_anew() -> None:
    """A reference of two to eight digits."""
    keys = asked(Entry(2, 8))
    assert press(keys, "19*123#") == [Typed("123")]


def test_a_lone_zero_is_a_human_while_digits_are_asked_for() -> None:
    """With the hash key at once, without it after a pause."""
    assert press(asked(), "0#") == [Says(WORDS["0"])]
    keys = asked()
    assert press(keys, "0", at_s=1.0) == []
    assert keys.due(1.0 + PAUSE_S - 0.1) is None
    assert keys.due(1.0 + PAUSE_S) == Says(WORDS["0"])


def test_whoever_stops_is_asked_again() -> None:
    """After a pause in the middle, or where no key comes at all."""
    keys = asked()
    press(keys, "12", at_s=2.0)
    assert keys.due(2.0 + PAUSE_S) == Short()
    assert asked().due(FIRST_KEY_S) == Short()
    assert press(asked(), "12#") == [Short()]


def test_digits_are_no_part_of_what_can_be_printed() -> None:
    """Not even in an error or a log."""
    assert "4711" not in repr(Typed("4711"))


@given(st.text("0123456789*#", max_size=40))
def test_an_entry_never_comes_to_too_few_or_too_many(text: str) -> None:
    """Whatever is pressed."""
    keys = asked(Entry(3, 6))
    for key in text:
        pressed = keys.press(key, 0.0)
        if isinstance(pressed, Typed):
            assert 3 <= len(pressed.digits) <= 6
        if not keys.collecting:
            break
