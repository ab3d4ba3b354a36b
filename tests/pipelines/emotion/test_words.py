"""What callers say, as the shipped words model reads it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.emotion.estimate import LABELS, Label, Reading
from pipelines.emotion.words import EmbeddedWordsReader

LINES = [
    tuple(line.split("\t")) for line in Path(__file__).with_name("contact_centre.tsv").read_text("utf-8").splitlines()
]
READER = EmbeddedWordsReader.load()


def read(text: str) -> Reading:
    """A reading that must exist."""
    reading = READER.read_words(text)
    assert reading is not None
    return reading


def leading(reading: Reading) -> Label:
    """The most probable label."""
    return max(LABELS, key=lambda label: reading.probabilities[label])


def test_contact_centre_lines() -> None:
    """Labels and the sign of the valence on lines written by hand (-, 0 within 0.1, +)."""
    assert len(LINES) >= 60
    right = signs = 0
    wrong = []
    for label, sign, text in LINES:
        reading = read(text)
        told = "+" if reading.valence > 0.1 else "-" if reading.valence < -0.1 else "0"
        right += leading(reading) == label
        signs += told == sign
        if leading(reading) != label or told != sign:
            wrong.append((text, label, leading(reading).value, sign, round(reading.valence, 2)))
    assert right / len(LINES) >= 0.80, wrong
    assert signs / len(LINES) >= 0.85, wrong


@given(st.text(max_size=300))
@settings(max_examples=200)
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
    ],
)
def test_negation_and_masks_turn_pleasant_words_round(plain: str, turned: str) -> None:
    """Politeness is not content."""
    assert read(plain).valence > 0.1 > read(turned).valence
    assert leading(read(turned)) is not Label.SATISFIED


def test_the_end_of_a_very_long_turn_decides() -> None:
    """Reading time is bounded."""
    began = time.perf_counter()
    reading = read("my number is four. " * 5000 + "This is ridiculous, I am furious!")
    assert time.perf_counter() - began < 1
    assert reading.valence < -0.2


def test_a_turn_takes_a_few_milliseconds() -> None:
    """The bound is loose: the machine may be busy."""
    spent = []
    for _, _, text in LINES:
        began = time.perf_counter()
        READER.read_words(text)
        spent.append(time.perf_counter() - began)
    assert sorted(spent)[len(spent) // 4] < 0.005
