"""Finding the fact that answers, in what a recogniser writes down."""

from __future__ import annotations

import time

import pytest

from pipelines.empathy.knowledge import THRESHOLD, Knowledge
from service.examples import example_agent
from tests.pipelines.empathy.phrasings import ELSEWHERE, FACTS, HELD_OUT, lines

KNOWLEDGE = Knowledge(example_agent().facts)


@pytest.mark.parametrize("block", [FACTS, HELD_OUT], ids=["tuned_on", "written_afterwards"])
def test_callers_words_lead_to_the_right_fact(block: str) -> None:
    """At least nine of ten phrasings, misspelt ones among them, find their fact."""
    asked = [line.split(" | ") for line in lines(block)]
    missed = [text for wanted, text in asked if not (found := KNOWLEDGE.find(text)) or found[0].id != wanted]
    assert len(asked) >= 30
    assert len(missed) <= len(asked) // 10, missed


def test_other_trades_find_nothing() -> None:
    """A car, a pizza, a parcel: nothing is found, so nothing is made up."""
    found = [(text, hit[0].id) for text in lines(ELSEWHERE) if (hit := KNOWLEDGE.find(text))]
    assert not found


def test_scores_are_comparable() -> None:
    """Scores lie between the threshold and one, best first."""
    ranked = KNOWLEDGE.rank("my bill has gone up and I want to complain about the price")
    scores = [score for _, score in ranked]
    assert scores == sorted(scores, reverse=True)
    found = KNOWLEDGE.find("why is my bill so high")
    assert found is not None
    assert THRESHOLD <= found[1] <= 1.0


def test_a_long_story_is_judged_by_its_best_sentence() -> None:
    """Small talk before and after the matter does not hide it."""
    found = KNOWLEDGE.find(
        "Hi there, it is Margaret from number twelve, lovely day by the way. My smart meter display has gone blank. "
        "My grandson says it is the batteries, but he is only seven."
    )
    assert found is not None
    assert found[0].id == "smart_meter"


def test_empty_knowledge_and_empty_words() -> None:
    """No facts or no words: nothing found, nothing raised."""
    assert Knowledge(()).find("anything at all") is None
    for text in ("", "...", "um", "\u00e9\u00e8", "the and of"):
        assert KNOWLEDGE.find(text) is None


def test_a_search_takes_less_than_two_milliseconds() -> None:
    """Measured 0.3 ms a search; the bound leaves room for a busy machine."""
    asked = [line.split(" | ")[1] + " really" for line in lines(FACTS)]
    started = time.perf_counter()
    for text in asked:
        KNOWLEDGE.find(text)
    assert (time.perf_counter() - started) / len(asked) < 0.002
