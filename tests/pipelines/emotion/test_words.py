"""What callers say, as the shipped words model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.emotion.words import EmbeddedWordsReader
from pipelines.learning.measures import confusions, macro_f1
from pipelines.learning.words import Line, read_lines

LINES = read_lines(Path(__file__).with_name("contact_centre.tsv"))
READER = EmbeddedWordsReader.load()
LEAST = {"test": 0.75, "dev": 0.83}
"""Macro-F1 of the shipped model is a little above (model card)."""


def read(text: str) -> Reading:
    """A reading that must exist."""
    reading = READER.read_words(text)
    assert reading is not None
    return reading


def leading(reading: Reading) -> Label:
    """The most probable label."""
    return max(LABELS, key=lambda label: reading.probabilities[label])


def figures(lines: Sequence[Line]) -> tuple[float, float]:
    """Macro-F1 of the labels, and how often the sign of the valence is right (0 within 0.1)."""
    readings = [read(line.text) for line in lines]
    told = [("+" if one.valence > 0.1 else "-" if one.valence < -0.1 else "0") for one in readings]
    table = confusions([""] * len(lines), [line.label for line in lines], [leading(one) for one in readings], LABELS)
    return float(macro_f1(table[0])), sum(sign == line.sign for sign, line in zip(told, lines, strict=True)) / len(
        lines
    )


@pytest.mark.parametrize("half", ["test", "dev"])
def test_contact_centre(half: str) -> None:
    """Labels and valence of lines from ten kinds of business; nothing is said of single lines of the test half."""
    lines = [line for line in LINES if line.half == half]
    f1, signs = figures(lines)
    assert f1 >= LEAST[half]
    assert signs >= 0.85


def test_the_set_is_balanced_and_its_halves_are_apart() -> None:
    """Thirty lines of each label in each half, all kinds of business, nothing twice."""
    assert len(LINES) >= 400
    assert len({line.text for line in LINES}) == len(LINES)
    for half in ("test", "dev"):
        for label in LABELS:
            assert sum(line.half == half and line.label is label for line in LINES) >= 30
    assert len({line.domain for line in LINES if line.half == "test"}) == 10
    assert len({line.phenomenon for line in LINES}) >= 10


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_gives_a_sound_reading_or_none(text: str) -> None:
    """Probabilities sum to one, everything is in its range."""
    reading = READER.read_words(text)
    if reading is None:
        return
    assert set(reading.probabilities) == set(LABELS)
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    assert reading.confidence == max(reading.probabilities.values())
    assert -1 <= reading.valence <= 1
    assert -1 <= reading.arousal <= 1


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "4417"])
def test_nothing_to_read(text: str) -> None:
    """Silence, punctuation and digits alone have no feeling."""
    assert READER.read_words(text) is None


@pytest.mark.parametrize(
    ("plain", "turned"),
    [
        ("I'm happy with that.", "I'm not happy with that."),
        ("It's a good price.", "It's not a good price."),
        ("Thanks for everything.", "Thanks for nothing."),
        ("Great, it works!", "Oh great, another bill."),
        ("I can't complain.", "You can't trust them."),
    ],
)
def test_negation_and_masks_turn_pleasant_words_round(plain: str, turned: str) -> None:
    """Politeness is not content."""
    assert read(plain).valence > 0.1 > read(turned).valence
    assert leading(read(turned)) is not Label.SATISFIED


@pytest.mark.parametrize("text", ["That's not bad at all.", "I can't complain.", "Couldn't be better."])
def test_a_pleasant_negation_is_pleasant(text: str) -> None:
    """Understatement."""
    assert read(text).valence > 0.1


def test_the_end_of_a_very_long_turn_decides() -> None:
    """Only the last word pieces are read, so reading time is bounded."""
    reading = read("my number is four. " * 5000 + "This is ridiculous, I am furious!")
    assert reading.valence < -0.2
