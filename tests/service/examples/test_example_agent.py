"""The example agent holds together: what it says of itself is true and complete."""

from __future__ import annotations

import re

from pipelines.empathy.phrases import wants_no_analysis
from service.examples import example_agent

AGENT = example_agent()


def test_the_disclosure_says_what_the_law_asks() -> None:
    """An AI, emotion from the voice and why, how to opt out in words that work and by keys, and a human at any time."""
    said = AGENT.disclosure.lower()
    assert "automated assistant, not a person" in said
    assert "from your voice" in said
    assert "press star nine" in said
    assert "colleague" in said
    instruction = re.search(r"say: ([^,]+),", AGENT.disclosure)
    assert instruction is not None
    assert wants_no_analysis(instruction.group(1))


def test_every_way_on_leads_somewhere() -> None:
    """A next step leads to a fact, a tool, or a human; every id is there once."""
    ids = [fact.id for fact in AGENT.facts]
    tools = [tool.name for tool in AGENT.tools]
    assert len(ids) >= 12
    assert len(set(ids)) == len(ids)
    for fact in AGENT.facts:
        assert (fact.next_step is None) == (fact.leads_to is None)
        assert fact.leads_to in (None, "human", *ids, *tools)
        assert fact.next_step is None or fact.next_step.endswith("?")


def test_every_row_of_a_tool_can_be_reached() -> None:
    """Keys match their own pattern and are written as they are compared."""
    for tool in AGENT.tools:
        for row in tool.rows:
            assert re.fullmatch(tool.key_pattern, row.key)
            assert row.answer[0].islower()
            assert row.answer.endswith(".")


def test_facts_are_written_to_be_spoken() -> None:
    """Three sentences at most, no digits or signs that a voice would stumble over."""
    for fact in AGENT.facts:
        for text in (fact.text, fact.short or ""):
            assert not re.search(r"[\d\u00a3%&/()]", text)
        assert len(re.findall(r"[.?!](?:\s|$)", fact.text)) <= 3
        assert len(fact.asks) >= 5
