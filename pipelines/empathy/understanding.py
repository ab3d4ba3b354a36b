"""What the caller wants: a closed choice, from words and from what we last asked. No model, no I/O.

The order of the questions is the policy's order of duty: safety, the right to opt out, the right to a human, then an
answer to what we asked, then the caller's matter, then courtesies.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipelines.empathy.dialogue import DialogueState, Offer
from pipelines.empathy.knowledge import Knowledge
from pipelines.empathy.phrases import (
    DONT_KNOW,
    GREETING,
    NO,
    PLAIN_YES,
    REPEAT,
    SMALL,
    STILL_BROKEN,
    THANKS,
    YES,
    complains,
    is_crisis,
    says_goodbye,
    spells,
    spoken_key,
    wants_human,
    wants_no_analysis,
)
from pipelines.empathy.words import content, plain
from pipelines.plan import Agent, Fact, LookupTool


class Meaning(StrEnum):
    """What a turn means where it asks for no fact and no tool."""

    HUMAN = "human"
    OPT_OUT = "opt_out"
    CRISIS = "crisis"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    AFFIRM = "affirm"
    DENY = "deny"
    GREETING = "greeting"
    REPEAT = "repeat"
    COMPLAINT = "complaint"
    UNCLEAR = "unclear"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class AsksFact:
    """The caller's matter is one of the agent's facts; score 0..1."""

    fact: Fact
    score: float


@dataclass(frozen=True, slots=True)
class AsksTool:
    """The caller's matter needs a look-up; the key where it was said."""

    tool: LookupTool
    key: str | None


@dataclass(frozen=True, slots=True)
class Says:
    """Anything else; `about` narrows it down ('identity', 'wait', 'still_broken', ...)."""

    meaning: Meaning
    about: str = ""


Intent = AsksFact | AsksTool | Says

SURE_OF_FACT = 0.65
"""Score from which a fact outweighs the pending question for a key."""


def understand(text: str, agent: Agent, state: DialogueState, knowledge: Knowledge) -> Intent:
    """What the caller wants.

    Args:
        text: the caller's words.
        agent: whose tools count.
        state: what was asked and told so far.
        knowledge: the index of the agent's facts.
    """
    said = plain(text)
    if is_crisis(text):
        return Says(Meaning.CRISIS)
    if wants_no_analysis(text):
        return Says(Meaning.OPT_OUT)
    if wants_human(text):
        return Says(Meaning.HUMAN)
    pending = next((tool for tool in agent.tools if tool.name == state.pending_tool), None)
    found = knowledge.find(text)
    if found is not None and found[0].urgent:
        return AsksFact(*found)
    if pending is not None and (answer := _for_tool(text, said, pending, found)) is not None:
        return answer
    if REPEAT.search(said):
        return Says(Meaning.REPEAT)
    if state.offer is not Offer.NONE and (answer := _yes_or_no(said)) is not None and not _moves_on(said, found, state):
        return answer
    return _matter(text, said, agent, found) or _courtesy(said, found)


def _for_tool(text: str, said: str, tool: LookupTool, found: tuple[Fact, float] | None) -> Intent | None:
    key = spoken_key(text, tool.key_pattern)
    if key is not None:
        return AsksTool(tool, key)
    if DONT_KNOW.search(said) or NO.match(said):
        return Says(Meaning.DENY, "key")
    if says_goodbye(said) or REPEAT.search(said) or any(pattern.search(said) for _, pattern in SMALL):
        return None
    if found is not None and found[1] >= SURE_OF_FACT:
        return None
    return AsksTool(tool, None) if spells(said) or len(content(said)) < 2 else None


def _yes_or_no(said: str) -> Says | None:
    if says_goodbye(said):
        return Says(Meaning.GOODBYE)
    if NO.match(said):
        return Says(Meaning.DENY)
    if THANKS.search(said) and not PLAIN_YES.match(said):
        return Says(Meaning.THANKS)
    if YES.match(said):
        return Says(Meaning.AFFIRM)
    return None


def _moves_on(said: str, found: tuple[Fact, float] | None, state: DialogueState) -> bool:
    """A yes or no that goes on with a matter of its own ("no, I want to know about my bill")."""
    return found is not None and found[1] >= SURE_OF_FACT and found[0].id != state.last_fact and len(said.split()) > 4


def _matter(text: str, said: str, agent: Agent, found: tuple[Fact, float] | None) -> Intent | None:
    for tool in agent.tools:
        if any(f" {plain(phrase)} " in f" {said} " for phrase in tool.when):
            return AsksTool(tool, spoken_key(text, tool.key_pattern))
    if found is not None and not (says_goodbye(said) and found[1] < SURE_OF_FACT):
        return AsksFact(*found)
    return None


def _courtesy(said: str, found: tuple[Fact, float] | None) -> Says:
    for about, pattern in SMALL:
        if pattern.search(said):
            return Says(Meaning.SMALL, about)
    if found is None and says_goodbye(said):
        return Says(Meaning.GOODBYE)
    if STILL_BROKEN.search(said):
        return Says(Meaning.COMPLAINT, "still_broken")
    if complains(said):
        return Says(Meaning.COMPLAINT)
    bare = len(content(said)) <= 1
    if THANKS.search(said) and bare:
        return Says(Meaning.THANKS)
    if bare and (answer := _yes_or_no(said)) is not None:
        return answer
    if bare and GREETING.match(said):
        return Says(Meaning.GREETING)
    return Says(Meaning.UNCLEAR, "noise" if len(content(said)) < 2 else "unknown")
