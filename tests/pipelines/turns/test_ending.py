"""When the caller has finished: certainty against seconds."""

from __future__ import annotations

import pytest

from pipelines.emotion.estimate import UNKNOWN, Emotion, Label
from pipelines.turns.ending import Manner, Verdict, is_dictating, is_upset, judge

CALM = Manner()


def test_early_only_the_nearly_certain_ends_a_turn() -> None:
    """At the end of voice activity 0.9 is not enough, 0.99 is."""
    assert judge(0.2, 0.9, 1.2, CALM) is Verdict.EAGER
    assert judge(0.2, 0.99, 1.2, CALM) is Verdict.END
    assert judge(0.1, 0.99, 1.2, CALM) is Verdict.EAGER


def test_the_longer_the_silence_the_less_it_takes() -> None:
    """What had to wait at first is over later."""
    assert judge(0.9, 0.6, 1.2, CALM) is Verdict.END
    assert judge(0.9, 0.2, 1.2, CALM) is Verdict.WAIT


def test_patience_ends_what_never_sounds_finished() -> None:
    """Whatever Smart Turn says, and if it says nothing."""
    assert judge(1.2, 0.01, 1.2, CALM) is Verdict.END
    assert judge(1.2, None, 1.2, CALM) is Verdict.END
    assert judge(1.0, None, 1.2, CALM) is Verdict.WAIT


@pytest.mark.parametrize("manner", [Manner(upset=True), Manner(dictating=True), Manner(upset=True, dictating=True)])
def test_who_is_upset_or_dictates_is_given_time(manner: Manner) -> None:
    """The same silence that ends a calm turn does not end theirs, and their patience is longer."""
    assert judge(0.7, 0.85, 1.2, CALM) is Verdict.END
    assert judge(0.7, 0.85, 1.2, manner) is not Verdict.END
    assert judge(1.3, 0.1, 1.2, manner) is not Verdict.END
    assert judge(1.2 * manner.stretch, 0.1, 1.2, manner) is Verdict.END


def test_between_two_groups_of_digits_nothing_ends() -> None:
    """Each group sounds finished."""
    assert judge(0.7, 0.999, 1.2, Manner(dictating=True)) is Verdict.EAGER


def test_who_is_upset() -> None:
    """Loud and unhappy, or low; an unknown emotion is not made up."""
    assert is_upset(Emotion(Label.ANGRY, -0.2, 0.6, 0.8))
    assert is_upset(Emotion(Label.SAD, -0.5, -0.4, 0.8))
    assert not is_upset(Emotion(Label.SATISFIED, 0.5, 0.6, 0.8))
    assert not is_upset(Emotion(Label.NEUTRAL, 0.0, 0.0, 0.8))
    assert not is_upset(UNKNOWN)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("What is your postcode, please? One letter or number at a time is fine.", ""),
        ("What is your account number?", "it's four seven"),
        ("How can I help?", "my number is zero seven nine double one"),
        ("How can I help?", "the name is Kerr, k for kilo e r r"),
    ],
)
def test_who_dictates(asked: str, words: str) -> None:
    """Asked for figures, or reading them out unasked."""
    assert is_dictating(asked, words)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("How can I help?", "my internet drops every evening at eight"),
        ("What is your postcode?", "why do you want to know that"),
        ("Is there anything else?", ""),
    ],
)
def test_who_does_not(asked: str, words: str) -> None:
    """A number in a sentence is no dictation, and neither is a counter-question."""
    assert not is_dictating(asked, words)
