"""What a worded reply may say, held against what very small models say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.empathy.checks import Figure, RefusalReason, check_reply, check_sentence, figures, left_out, unfaithful
from service.examples import example_agent

AGENT = example_agent()
EVIDENCE = {
    fact.id: " ".join(part for part in (fact.text, fact.short, fact.next_step, f"This is {AGENT.company}.") if part)
    for fact in AGENT.facts
}
QUESTION = "I have a question about it"

FAITHFUL = [
    ("router_restart", "Switch the router off at the wall for thirty seconds, then switch it back on."),
    ("router_restart", "It takes about 3 minutes to start, and then the light should be solid green."),
    ("direct_debit_date", "You can pick any day from the first to the twenty-eighth in the app, under payments."),
    ("direct_debit_date", "Please change it at least five working days before the next payment is due."),
    ("moving_home", "Give us two weeks' notice with your new address and moving date."),
    ("moving_home", "Your broadband moves with you at no charge."),
    ("late_payment", "You can spread it over up to twelve months, and we do not cut you off while a plan is running."),
    ("late_payment", "Asking about the hardship fund does not affect your credit file."),
    ("cancel", "You can cancel free of charge in the first fourteen days."),
    ("engineer_visit", "Engineers come between eight and one, or between one and six."),
    ("engineer_visit", "You get a text the evening before and another when they are thirty minutes away."),
    ("bill_breakdown", "Page two of the bill shows the reason, line by line."),
    ("outage_compensation", "You get nine pounds for each day after two full working days."),
    ("meter_reading", "In the app, choose meter reading and type the black numbers from left to right."),
    ("price_change", "You can leave the broadband contract within thirty days without an exit fee."),
    ("slow_internet", "First move the router into the open, away from the television."),
    ("complaint", "We answer within ten working days."),
    ("bereavement", "A small team looks after the account, and there is nothing to settle today."),
]

INVENTED = [
    ("router_restart", "Switch the router off for sixty seconds.", RefusalReason.NUMBER),
    (
        "router_restart",
        "Switch the router off at the wall, wait thirty minutes and switch it on.",
        RefusalReason.NUMBER,
    ),
    ("outage_compensation", "You get $50 for each day.", RefusalReason.NUMBER),
    ("cancel", "You can cancel free of charge in the first thirty days.", RefusalReason.NUMBER),
    ("complaint", "We answer within ten minutes.", RefusalReason.NUMBER),
    ("smart_meter", "Fitting a smart meter costs forty pounds.", RefusalReason.NUMBER),
    ("engineer_visit", "Call us at 0800 123 4567 for your visit.", RefusalReason.NUMBER),
    ("engineer_visit", "The engineer visits you on Monday evening.", RefusalReason.DATE),
    ("engineer_visit", "Visit www.fenwillow.com for your visit window.", RefusalReason.ADDRESS),
    ("engineer_visit", "BT engineers come in one of two windows.", RefusalReason.NAME),
    ("moving_home", "Please contact Sarah about your new address.", RefusalReason.NAME),
    ("router_restart", "I have restarted your router for you.", RefusalReason.DONE_ACTION),
    ("outage_compensation", "I've refunded nine pounds to your next bill.", RefusalReason.DONE_ACTION),
    ("outage_compensation", "Your compensation has been approved.", RefusalReason.DONE_ACTION),
    ("cancel", "I've cancelled your contract.", RefusalReason.DONE_ACTION),
    ("engineer_visit", "We booked an engineer for you.", RefusalReason.DONE_ACTION),
    ("bereavement", "Your ticket has been created.", RefusalReason.DONE_ACTION),
    ("cancel", "We will send you a notice of the exit fee.", RefusalReason.PROMISE),
    ("late_payment", "I will set up a plan for you.", RefusalReason.PROMISE),
    ("late_payment", "Let me check your credit file.", RefusalReason.PROMISE),
    ("engineer_visit", "The engineer will call you when they are away.", RefusalReason.PROMISE),
    ("moving_home", "I cannot transfer you to a colleague.", RefusalReason.NO_HAND_OFF),
    ("late_payment", "I'm so sorry you owe this.", RefusalReason.APOLOGY),
    ("bill_breakdown", "I'm happy to help with your bill.", RefusalReason.JOY),
    ("bill_breakdown", "I understand how you feel about the bill.", RefusalReason.JOY),
    ("late_payment", "You should have asked about the plan.", RefusalReason.BLAME),
    ("late_payment", "Please calm down about the plan.", RefusalReason.BLAME),
    ("bereavement", "A doctor looks after the account.", RefusalReason.ADVICE),
    ("late_payment", "Please give me your card number.", RefusalReason.PERSONAL_DATA),
    ("bill_breakdown", "As an AI language model I see page two of the bill.", RefusalReason.LEAK),
    ("bill_breakdown", "Fact: a bill usually goes up.", RefusalReason.LEAK),
    ("bill_breakdown", "Agent: a bill usually goes up.", RefusalReason.LEAK),
    ("bill_breakdown", "Page two of the bill<|im_end|>.", RefusalReason.LEAK),
    ("bill_breakdown", "A bill usually goes up because", RefusalReason.UNFINISHED),
    ("bill_breakdown", "\u8d26\u5355 goes up.", RefusalReason.GARBAGE),
    ("bill_breakdown", "The bill bill bill goes up.", RefusalReason.GARBAGE),
    ("bill_breakdown", "Hello, a bill usually goes up.", RefusalReason.GREETING),
    ("bill_breakdown", "", RefusalReason.EMPTY),
    ("bill_breakdown", "The bill " + "goes up and " * 20 + "up.", RefusalReason.TOO_LONG),
    ("router_restart", "Please don't switch the router off at the wall.", RefusalReason.NEGATION),
    ("router_restart", "The internet light should turn solid red.", RefusalReason.NEGATION),
    ("outage_compensation", "You do not get nine pounds for each day after that.", RefusalReason.NEGATION),
    ("cancel", "You cannot cancel in the first fourteen days.", RefusalReason.NEGATION),
    ("late_payment", "We cut you off while a plan is running.", RefusalReason.NEGATION),
    ("late_payment", "There is no hardship fund.", RefusalReason.NEGATION),
    ("late_payment", "Asking about it affects your credit file.", RefusalReason.NEGATION),
    ("price_change", "You can leave within those thirty days and pay an exit fee.", RefusalReason.NEGATION),
    ("tariff_end", "When a fixed tariff ends you pay an exit fee.", RefusalReason.NEGATION),
    ("smart_meter", "Fitting a smart meter is not free.", RefusalReason.NEGATION),
    ("opening_hours", "Our team is in on Sundays.", RefusalReason.NEGATION),
    ("moving_home", "Moving home is an exciting adventure with many chances.", RefusalReason.OFF_TOPIC),
]


@pytest.mark.parametrize(("fact", "sentence"), FAITHFUL)
def test_faithful_paraphrases_pass(fact: str, sentence: str) -> None:
    """Other words for the fact, digits for words, a part of it: all of that may be said."""
    assert check_sentence(sentence, EVIDENCE[fact], QUESTION) is None


@pytest.mark.parametrize(("fact", "sentence", "reason"), INVENTED)
def test_inventions_are_refused(fact: str, sentence: str, reason: RefusalReason) -> None:
    """Each for its own reason."""
    refusal = check_sentence(sentence, EVIDENCE[fact], QUESTION)
    assert refusal is not None
    assert refusal.reason is reason


def test_the_callers_own_number_may_be_said_back() -> None:
    """It is restating, not inventing."""
    sentence = "A bill of 240 pounds usually goes up for one of three reasons."
    evidence = EVIDENCE["bill_breakdown"]
    assert check_sentence(sentence, evidence, "my bill is two hundred and forty pounds") is None
    assert check_sentence(sentence, evidence, QUESTION) is not None


@pytest.mark.parametrize("fact", AGENT.facts, ids=lambda fact: fact.id)
def test_the_fact_itself_passes(fact: object) -> None:
    """Word for word, every fact of the example passes as a whole reply."""
    fact_id = str(getattr(fact, "id", ""))
    text = next(known.text for known in AGENT.facts if known.id == fact_id)
    assert check_reply(text, EVIDENCE[fact_id], QUESTION) is None


def test_a_whole_reply() -> None:
    """Bounded in length, without a second telling of the opening, a sentence or the last answer."""
    evidence = EVIDENCE["moving_home"]
    good = "Give us two weeks' notice with your new address. Your broadband moves with you at no charge."
    assert check_reply(good, evidence, QUESTION) is None
    for refused in (
        check_reply("", evidence, QUESTION),
        check_reply(good, evidence, QUESTION, earlier=good),
        check_reply(good, evidence, QUESTION, opening="Your broadband moves with you, at no charge."),
        check_reply(f"{good} {good}", evidence, QUESTION),
        check_reply(f"{good} The move costs forty pounds.", evidence, QUESTION),
    ):
        assert refused is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u00a39.50 and 1,200 pounds", [Figure("9.50", "pound"), Figure("1200", "pound")]),
        ("two hundred and forty pounds", [Figure("240", "pound")]),
        ("the twenty-eighth", [Figure("28")]),
        ("twenty five percent, or 25%", [Figure("25", "percent"), Figure("25", "percent")]),
        ("oh eight hundred, one one one", [Figure("0800"), Figure("111")]),
        ("one of them, and the first step", []),
        ("one day", [Figure("1", "day")]),
        ("8:00 am", [Figure("8", "am")]),
        ("half of it is free", [Figure("half"), Figure("free")]),
        ("one hundred thousand", [Figure("100000")]),
    ],
)
def test_figures(text: str, expected: list[Figure]) -> None:
    """Digits and words are the same number; a unit belongs to it."""
    assert figures(text) == expected


def test_what_was_left_out() -> None:
    """Sentences of a fact whose figures were lost come back, whether said in words or in digits."""
    fact = "Wait thirty seconds. It needs about three minutes. The light turns green."
    assert left_out(fact, "Wait 30 seconds.") == ["It needs about three minutes."]
    assert left_out(fact, "Thirty seconds, then three minutes.") == []


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=100))
def test_checks_never_raise(reply: str, evidence: str, question: str) -> None:
    """Whatever a model puts out, a check answers."""
    check_reply(reply, evidence, question)
    left_out(evidence, reply)


FAITHLESS = [
    (
        "If your internet is not working again two full working days after you report it, you get nine pounds for each "
        "day after that.",
        "If your internet is not working again, you get nine pounds for each day after that.",
    ),
    (
        "Slow speeds are most often the wifi rather than the line.",
        "Slow speeds are most often the line rather than the wifi.",
    ),
    (
        "If it makes a broadband contract dearer than agreed, you can leave within those thirty days and pay no fee.",
        "If you agree to a price change, you can leave within thirty days and pay no fee.",
    ),
]


@pytest.mark.parametrize(("fact", "worded"), FAITHLESS)
def test_dropped_conditions_and_swapped_sides_are_unfaithful(fact: str, worded: str) -> None:
    """What a very small model really wrote: every word is the fact's, the sentence is not."""
    refusal = unfaithful(worded, fact)
    assert refusal is not None
    assert refusal.reason is RefusalReason.UNFAITHFUL
    assert unfaithful(fact, fact) is None


def test_one_sentence_of_several_is_faithful() -> None:
    """A reply is checked sentence by sentence against the part of the fact that it words."""
    fact = "Please switch the router off, wait thirty seconds, and switch it on again. It needs three minutes then."
    assert unfaithful("You can switch the router off, wait thirty seconds, and switch it on again.", fact) is None
    assert unfaithful("It needs three minutes then.", fact) is None
