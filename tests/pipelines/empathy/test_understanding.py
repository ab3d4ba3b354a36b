"""What the caller wants, from words and from what was last asked."""

from __future__ import annotations

import pytest

from pipelines.empathy.dialogue import DialogueState, Offer
from pipelines.empathy.knowledge import Knowledge
from pipelines.empathy.phrases import is_crisis, spoken_key, wants_human, wants_no_analysis
from pipelines.empathy.understanding import AsksFact, AsksTool, Intent, Meaning, Says, understand
from service.examples import example_agent
from tests.pipelines.empathy import phrasings
from tests.pipelines.empathy.phrasings import lines

AGENT = example_agent()
KNOWLEDGE = Knowledge(AGENT.facts)
POSTCODE = AGENT.tools[0].key_pattern


def read(text: str, state: DialogueState | None = None) -> Intent:
    """The intent of one turn."""
    return understand(text, AGENT, state or DialogueState(), KNOWLEDGE)


@pytest.mark.parametrize("text", lines(phrasings.HUMAN))
def test_every_wish_for_a_human_is_heard(text: str) -> None:
    """However it is put, an explicit request for a human is one."""
    assert wants_human(text)
    assert read(text) == Says(Meaning.HUMAN)


@pytest.mark.parametrize("text", lines(phrasings.NOT_HUMAN))
def test_speaking_of_people_is_no_wish_for_one(text: str) -> None:
    """People, engineers and estate agents come up in ordinary calls."""
    assert not wants_human(text)


@pytest.mark.parametrize("text", lines(phrasings.OPT_OUT))
def test_every_opt_out_is_heard(text: str) -> None:
    """Analysis of emotion can be refused in many words."""
    assert read(text) == Says(Meaning.OPT_OUT)


@pytest.mark.parametrize("text", lines(phrasings.NOT_OPT_OUT))
def test_other_refusals_are_no_opt_out(text: str) -> None:
    """Stopping a payment is not stopping the analysis."""
    assert not wants_no_analysis(text)


@pytest.mark.parametrize("text", lines(phrasings.CRISIS))
def test_every_word_of_crisis_is_heard(text: str) -> None:
    """All of at least sixty."""
    assert read(text) == Says(Meaning.CRISIS)


def test_figures_of_speech_are_no_crisis() -> None:
    """At most one in twenty harmless look-alikes may be taken for one."""
    harmless = lines(phrasings.HARMLESS)
    taken = [text for text in harmless if is_crisis(text)]
    assert len(lines(phrasings.CRISIS)) >= 60
    assert len(taken) <= len(harmless) // 20, taken


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("It's S W one A one A A", "SW1A1AA"),
        ("SW1A 1AA please", "SW1A1AA"),
        ("my postcode is B S one, four D J", "BS14DJ"),
        ("M for mother one one A E", "M11AE"),
        ("bee ess one for dee jay", "BS14DJ"),
        ("I don't have it here", None),
        ("it is B S something", None),
    ],
)
def test_a_key_is_put_together_from_speech(text: str, key: str | None) -> None:
    """Letters and digits one by one, by name or by example word."""
    assert spoken_key(text, POSTCODE) == key


def test_a_fact_wins_over_courtesies() -> None:
    """Greeting and thanks around a matter do not hide it."""
    intent = read("Hello, thanks for taking my call, my internet is very slow")
    assert isinstance(intent, AsksFact)
    assert intent.fact.id == "slow_internet"


def test_a_tool_by_its_words() -> None:
    """The tool's phrases call for it, with the key where it was said at once."""
    assert read("is there an outage in my area") == AsksTool(AGENT.tools[0], None)
    assert read("is there a fault in my area, it's M1 1AE") == AsksTool(AGENT.tools[0], "M11AE")


def test_a_pending_question_for_a_key() -> None:
    """A key answers, a refusal is one, another matter leaves it, half a key asks again."""
    pending = DialogueState(pending_tool="outage_check")
    assert read("M one, one A E", pending) == AsksTool(AGENT.tools[0], "M11AE")
    assert read("I don't know it", pending) == Says(Meaning.DENY, "key")
    assert isinstance(read("actually I want to cancel my contract", pending), AsksFact)
    assert read("er, B S one", pending) == AsksTool(AGENT.tools[0], None)


@pytest.mark.parametrize("text", ["yes please", "Yeah, go on then.", "ok", "that would be great", "sure, please do"])
def test_yes_after_an_offer(text: str) -> None:
    """After a question of ours, a yes is an answer."""
    assert read(text, DialogueState(offer=Offer.HUMAN)) == Says(Meaning.AFFIRM)


@pytest.mark.parametrize("text", ["no thanks", "No.", "not now", "nah, it's fine", "I'd rather not"])
def test_no_after_an_offer(text: str) -> None:
    """After a question of ours, a no is an answer."""
    assert read(text, DialogueState(offer=Offer.HUMAN)) == Says(Meaning.DENY)


def test_a_no_that_moves_on() -> None:
    """A refusal with a new matter in it is the new matter."""
    intent = read("no, I want to know why my bill is so high", DialogueState(offer=Offer.HUMAN))
    assert isinstance(intent, AsksFact)
    assert intent.fact.id == "bill_breakdown"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("thank you so much", Meaning.THANKS),
        ("goodbye", Meaning.GOODBYE),
        ("that's all, thanks", Meaning.GOODBYE),
        ("Hello?", Meaning.GREETING),
        ("sorry, what was that?", Meaning.REPEAT),
        ("can you say that again please", Meaning.REPEAT),
        ("are you a robot?", Meaning.SMALL),
        ("hold on a second", Meaning.SMALL),
        ("this is ridiculous", Meaning.COMPLAINT),
        ("I tried that already and it did not help", Meaning.COMPLAINT),
        ("mmm", Meaning.UNCLEAR),
        ("", Meaning.UNCLEAR),
        ("the brakes are squeaking on my Honda", Meaning.UNCLEAR),
    ],
)
def test_everything_else(text: str, meaning: Meaning) -> None:
    """Courtesies, complaints, and what leads nowhere."""
    intent = read(text)
    assert isinstance(intent, Says)
    assert intent.meaning is meaning
