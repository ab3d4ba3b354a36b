"""What is answered, in which tone, and why."""

from __future__ import annotations

import itertools
import re
import time

import pytest

from pipelines.emotion.estimate import UNKNOWN, Emotion, Label, Trend
from pipelines.empathy import wording
from pipelines.empathy.checks import check_reply, figures
from pipelines.empathy.dialogue import DialogueState, Offer, Situation
from pipelines.empathy.policy import CRISIS, HUMAN_REQUESTED, Reply, ResponsePolicy
from pipelines.empathy.tone import Strategy, ToneName
from pipelines.empathy.words import sentences
from service.examples import example_agent

AGENT = example_agent()
POLICY = ResponsePolicy(AGENT)
FEELINGS: dict[Label, Emotion] = {
    Label.ANGRY: Emotion(Label.ANGRY, -0.7, 0.7, 0.8),
    Label.FRUSTRATED: Emotion(Label.FRUSTRATED, -0.5, 0.3, 0.7),
    Label.ANXIOUS: Emotion(Label.ANXIOUS, -0.4, 0.4, 0.7),
    Label.SAD: Emotion(Label.SAD, -0.6, -0.4, 0.7),
    Label.CONFUSED: Emotion(Label.CONFUSED, -0.2, 0.1, 0.6),
    Label.SATISFIED: Emotion(Label.SATISFIED, 0.6, 0.4, 0.8),
    Label.NEUTRAL: Emotion(Label.NEUTRAL, 0.0, 0.0, 0.8),
    Label.UNSURE: Emotion(Label.UNSURE, 0.0, 0.1, 0.3),
    Label.UNKNOWN: UNKNOWN,
}
SLOW = "my internet is very slow at the moment"
BROKEN = "the engineer did not turn up"


class Call:
    """One call against the policy: says lines, keeps the state, counts the negative run."""

    def __init__(self, policy: ResponsePolicy = POLICY, humans_in: bool = True) -> None:
        self._policy = policy
        self._humans_in = humans_in
        self._run = 0
        self.turn = 0
        self.state = DialogueState()

    def say(self, text: str, feeling: Label = Label.NEUTRAL, slope: float = 0.0) -> Reply:
        """One turn of the caller."""
        self.turn += 1
        emotion = FEELINGS[feeling]
        self._run = self._run + 1 if feeling.is_negative else 0
        worst, attention = -0.6 if self._run else None, min(0.9, 0.2 * self._run)
        trend = Trend(emotion, self.turn, slope, 0.0, worst, self._run, attention=attention)
        reply, self.state = self._policy.answer(self.state, Situation(text, trend, emotion, self._humans_in, self.turn))
        self.state = self.state.heard(text, reply.text)
        return reply

    def offered(self) -> Offer:
        """The question that is open."""
        return self.state.offer


@pytest.mark.parametrize(
    ("feeling", "tone", "strategy"),
    [
        (Label.ANGRY, ToneName.CALM, Strategy.ACKNOWLEDGE),
        (Label.FRUSTRATED, ToneName.CALM, Strategy.ACKNOWLEDGE),
        (Label.ANXIOUS, ToneName.REASSURING, Strategy.REASSURE),
        (Label.SAD, ToneName.GENTLE, Strategy.ACKNOWLEDGE),
        (Label.CONFUSED, ToneName.REASSURING, Strategy.RESTATE),
        (Label.SATISFIED, ToneName.UPBEAT, Strategy.INFORM),
        (Label.NEUTRAL, ToneName.NEUTRAL, Strategy.INFORM),
        (Label.UNSURE, ToneName.WARM, Strategy.INFORM),
        (Label.UNKNOWN, ToneName.WARM, Strategy.INFORM),
    ],
)
def test_the_same_words_in_each_mood(feeling: Label, tone: ToneName, strategy: Strategy) -> None:
    """Only the feeling differs: tone and strategy follow it, and the facts stay the same."""
    reply = Call().say(SLOW, feeling)
    fact = next(fact for fact in AGENT.facts if fact.id == "slow_internet")
    assert (reply.tone.name, reply.tone.strategy) == (tone, strategy)
    assert reply.tone.rules
    assert fact.text in reply.template
    assert reply.opening
    assert "slow internet" in reply.opening.lower()


def test_anger_is_never_mirrored() -> None:
    """R3: the voice for an angry caller is slower, lower and quieter than neutral."""
    style = Call().say(SLOW, Label.ANGRY).tone.style
    assert style.rate < 1
    assert style.volume_db < 0
    assert style.range < 1


def test_problem_before_soothing() -> None:
    """R2: one acknowledgement of one sentence, and the fix in the same turn."""
    reply = Call().say("my internet is not working, this is the third time!", Label.ANGRY)
    assert len(sentences(reply.opening)) == 1
    assert "having no internet" in reply.opening.lower()
    assert "switch the router off" in reply.template


def test_an_apology_only_at_fault_and_once() -> None:
    """R10: slow and low where it is due, not where it is not, and not beyond the budget."""
    call = Call()
    assert "sorry" not in call.say(SLOW, Label.ANGRY).text
    due = call.say(BROKEN, Label.ANGRY)
    assert due.tone.strategy is Strategy.APOLOGISE
    assert due.tone.style.rate < 1
    assert due.tone.style.pitch_st < 0
    assert "sorry" in due.opening
    again = call.say("and I want compensation for the days without internet", Label.ANGRY)
    assert "sorry" not in again.text
    assert call.state.apologies_made == 1


def test_no_opening_twice_in_a_call() -> None:
    """Twenty-five turns in one mood: openings run out before they repeat."""
    for feeling in FEELINGS:
        call = Call()
        asks = [fact.asks[0] for fact in AGENT.facts if not fact.urgent] + ["I have a question about my car"] * 6
        openings = [reply.opening for ask in asks if (reply := call.say(ask, feeling)).opening]
        assert len(openings) == len(set(openings))


def test_never_the_same_answer_twice_in_a_row() -> None:
    """Whatever is said over and over, the answer varies."""
    for text in ("the brakes on my car are squeaking", "mm", "this is ridiculous", "yes", "no", "hello", "thank you",
                 "are you a robot", "the thing did not work", "I want a human", "why is my bill so high"):  # fmt: skip
        call = Call()
        answers = [call.say(text, Label.NEUTRAL).text for _ in range(9)]
        assert all(one != other for one, other in itertools.pairwise(answers)), (text, answers)


def test_an_unsure_agitated_caller_hears_no_opening() -> None:
    """R11: where it may be anger and may be not, straight to the matter, calmly."""
    loud = Emotion(Label.UNSURE, -0.4, 0.6, 0.3)
    reply, _ = POLICY.answer(DialogueState(), Situation(SLOW, Trend(loud, 1), loud, True, 1))
    assert reply.opening == ""
    assert reply.tone.name is ToneName.CALM


def test_words_speak_where_the_voice_does_not() -> None:
    """An even voice with plainly annoyed or grieving words is answered as such."""
    assert Call().say("this is unacceptable, my internet is slow again").tone.name is ToneName.CALM
    grief = Call().say("my husband passed away and the account is in his name")
    assert grief.tone.name is ToneName.GENTLE
    assert grief.opening in wording.CONDOLENCES
    assert grief.request is None


@pytest.mark.parametrize("humans_in", [True, False])
def test_a_human_is_always_granted(humans_in: bool) -> None:
    """R12: in every mood and however often; with nobody in, it is noted and said so."""
    for feeling in FEELINGS:
        call = Call(humans_in=humans_in)
        first = call.say("can I speak to a real person please", feeling)
        assert first.escalate == HUMAN_REQUESTED
        assert first.tone.strategy is Strategy.HAND_OFF
        assert first.request is None
        assert first.template == (AGENT.handing_off if humans_in else AGENT.handing_off_closed)
        assert call.say("agent!", feeling).escalate == HUMAN_REQUESTED


def test_crisis_words() -> None:
    """R13: word for word, gently, no opening, no LLM now or later in the call, and a human."""
    call = Call()
    reply = call.say("I can't pay and honestly I just want to end my life", Label.SAD)
    assert reply.template.startswith(AGENT.crisis)
    assert reply.opening == ""
    assert reply.escalate == CRISIS
    assert reply.tone.name is ToneName.GENTLE
    assert call.say("why is my bill so high", Label.SAD).request is None
    assert call.say("I don't know", Label.SAD).template in wording.CALM_DOWN
    assert wording.CRISIS_HUMAN not in Call(humans_in=False).say("I want to kill myself").template


def test_a_matter_of_safety_is_said_word_for_word() -> None:
    """R18: gas is no time for an opening or for an LLM, whatever else the caller threatens."""
    fact = next(fact for fact in AGENT.facts if fact.id == "gas_smell")
    reply = Call().say("I can smell gas and I will call my solicitor", Label.ANGRY)
    assert reply.text == fact.text
    assert reply.request is None
    assert reply.escalate == "words: legal steps"


def test_opting_out() -> None:
    """R15: stops the analysis, is confirmed, and from then on no feeling is assumed, not even from words."""
    call = Call()
    reply = call.say("please stop analysing my voice", Label.ANGRY)
    assert reply.stops_analysis
    assert reply.template == AGENT.opted_out
    after = call.say("this is ridiculous, my internet is slow", Label.UNKNOWN)
    assert after.tone.name is ToneName.WARM
    assert "R15" in after.tone.rules


def test_sustained_upset_offers_and_then_hands_off() -> None:
    """R14: the third upset turn brings an offer after the answer, two more bring a colleague."""
    call = Call()
    assert call.say("my internet is slow", Label.FRUSTRATED).escalate is None
    assert call.offered() is Offer.NEXT_STEP
    call.say("and my bill is too high", Label.FRUSTRATED)
    offered = call.say("and the price went up again", Label.FRUSTRATED)
    assert call.offered() is Offer.HUMAN
    assert "R14" in offered.tone.rules
    assert "thirty days before" in offered.template
    assert offered.request is None
    call.say("what about the exit fee when my tariff ends", Label.FRUSTRATED)
    handed = call.say("I want to cancel", Label.FRUSTRATED)
    assert handed.escalate == "attention: upset for a while"
    assert handed.evidence_turns == (1, 2, 3, 4, 5)


def test_an_offer_waits_for_a_pending_question() -> None:
    """Two questions at once confuse: the offer comes with the next answer, and no hand-off before it."""
    call = Call()
    call.say("my internet is slow", Label.FRUSTRATED)
    call.say("yes", Label.FRUSTRATED)
    assert call.say("B S one", Label.FRUSTRATED).tone.strategy is Strategy.ASK
    told = call.say("forget it, why is my bill so high", Label.FRUSTRATED)
    assert told.escalate is None
    assert call.offered() is Offer.HUMAN


def test_a_declined_offer_is_respected() -> None:
    """After a no, nobody is pushed for a while."""
    call = Call()
    for text in ("my internet is slow", "and my bill is too high", "and the price went up again"):
        call.say(text, Label.FRUSTRATED)
    assert call.say("no thanks", Label.FRUSTRATED).template in wording.DECLINED
    assert call.say("when is the engineer coming", Label.FRUSTRATED).escalate is None


def test_yes_to_the_next_step_leads_to_the_tool_and_its_answer() -> None:
    """A fact's question, the tool's question, the key, the row, the farewell."""
    call = Call()
    call.say(SLOW)
    asked = call.say("yes please")
    assert asked.template == AGENT.tools[0].ask
    answered = call.say("it's B S one, four D J")
    assert answered.source == "tool"
    assert answered.tool is not None
    assert (answered.tool.name, answered.tool.key, answered.tool.found) == ("outage_check", "BS14DJ", True)
    assert answered.template.startswith("For postcode B S 1 4 D J, there is a broadband fault")
    assert call.say("no that's all").ends_call


def test_a_key_that_is_not_found_and_one_that_never_comes() -> None:
    """Neither is guessed: both end with a colleague being offered."""
    call = Call()
    call.say("is there an outage in my area")
    missing = call.say("M four, four B B")
    assert missing.tool is not None
    assert not missing.tool.found
    assert call.offered() is Offer.HUMAN
    call = Call()
    call.say("is there an outage in my area")
    for _ in range(2):
        assert "postcode" in call.say("B S one").template
    assert call.say("B S one").tone.strategy is Strategy.OFFER_HUMAN


def test_an_unknown_matter_is_called_unknown() -> None:
    """R16, R17: the caller's own word for it comes back, what we can do is named, then a colleague is offered."""
    call = Call()
    first = call.say("Hi, I'm calling about my car, I brought it in for a brake job")
    assert "your car" in first.template.lower()
    assert AGENT.can_help_with in first.template
    call.say("I only had it for two weeks")
    assert call.offered() is Offer.NONE
    third = call.say("yeah the brakes are still squeaking", Label.FRUSTRATED)
    assert call.offered() is Offer.HUMAN
    assert third.request is None
    assert call.say("yes please").escalate == HUMAN_REQUESTED


def test_a_yes_to_are_you_there_takes_up_no_earlier_offer() -> None:
    """Offered a colleague, the caller falls silent and then says that they are there: that is no wish for one."""
    call = Call()
    for text in ("it has four wheels", "I only had it for two weeks", "the brakes are still squeaking"):
        call.say(text)
    assert call.offered() is Offer.HUMAN
    _, call.state = ResponsePolicy(AGENT).silence(call.state, humans_in=True, turn=3)
    assert call.say("sure").escalate is None


def test_asking_again_gets_other_words() -> None:
    """The second telling is the short one, with an offer."""
    call = Call()
    first = call.say("why is my bill so high", Label.CONFUSED)
    second = call.say("I still don't understand my bill", Label.CONFUSED)
    assert first.template != second.template
    assert second.tone.strategy is Strategy.RESTATE
    assert call.offered() is Offer.HUMAN


def test_say_that_again() -> None:
    """The last answer as it was heard, without stacking the announcements."""
    call = Call()
    told = call.say(SLOW)
    again = call.say("sorry, can you say that again?")
    assert told.template in again.template
    twice = call.say("once more, say it again please")
    assert sum(twice.template.count(line.split("{")[0].strip()) for line in wording.AGAIN) == 1


def test_what_the_writer_is_given() -> None:
    """The fact alone, the mood in words, evidence with the question that follows; less persona for an angry caller."""
    calm, angry = Call().say(SLOW), Call().say(SLOW, Label.ANGRY)
    assert calm.request is not None
    assert angry.request is not None
    assert calm.request.fact in calm.template
    assert calm.request.fact in calm.evidence
    assert calm.closing
    assert calm.template.endswith(calm.closing)
    assert angry.request.guidance != calm.request.guidance
    assert angry.request.persona != calm.request.persona
    assert Call(ResponsePolicy(AGENT.model_copy(update={"use_llm": False}))).say(SLOW).request is None


def test_every_fact_passes_its_own_checks() -> None:
    """The checks that hold a writer hold our own templates too, where they are not questions or word for word."""
    for fact in AGENT.facts:
        reply = Call().say(fact.asks[0])
        if reply.request is not None:
            assert check_reply(reply.request.fact, reply.evidence, reply.request.question, reply.opening) is None


def test_answers_are_short_enough_for_a_telephone() -> None:
    """At most 75 words in one turn, opening and question included; no joy of the machine's own."""
    for feeling, fact in itertools.product(FEELINGS, AGENT.facts):
        reply = Call().say(fact.asks[0], feeling)
        assert len(reply.text.split()) <= 75, reply.text
        assert not re.search(r"\b(?:happy|glad|delighted|excited) to\b|\bI feel\b", reply.text)


def test_every_sentence_of_the_product_can_be_said() -> None:
    """No sentence without an end mark, no unfilled place, no number that only a tenant could know."""
    for bank in vars(wording).values():
        options = bank if isinstance(bank, tuple) else ()
        for line in options:
            said = wording.filled(line, problem="slow internet", topic="slow internet", help="bills", matter="your car",
                                  company="Fenwillow", key="postcode", short="It is so.", last="It is so.")  # fmt: skip
            assert said.endswith((".", "?"))
            assert "{" not in said
            assert not figures(said)


def test_silence() -> None:
    """Asked three times in other words, then a polite end; with the agent's rule a colleague instead."""
    plain = ResponsePolicy(AGENT.model_copy(update={"escalation": ()}))
    state = DialogueState()
    heard = []
    for _ in range(4):
        reply, state = plain.silence(state, True, 2)
        heard.append(reply)
    assert len({reply.template for reply in heard}) == 4
    assert [reply.ends_call for reply in heard] == [False, False, False, True]
    state = DialogueState()
    for _ in range(4):
        reply, state = POLICY.silence(state, True, 2)
    assert reply.escalate == "silence: nobody there"
    call = Call()
    call.state, before = DialogueState(silences=2), call.state
    call.say(SLOW)
    assert call.state.silences == before.silences


def test_the_policy_is_pure_and_fast() -> None:
    """The same in, the same out; about a millisecond a turn."""
    situation = Situation(SLOW, Trend(FEELINGS[Label.ANGRY], 1, negative_run=1), FEELINGS[Label.ANGRY], True, 1)
    assert POLICY.answer(DialogueState(), situation) == POLICY.answer(DialogueState(), situation)
    asks = [f"{ask} please, number {turn}" for turn, fact in enumerate(AGENT.facts) for ask in fact.asks[:4]]
    started = time.perf_counter()
    for ask in asks:
        POLICY.answer(DialogueState(), Situation(ask, Trend(), UNKNOWN, True, 1))
    assert (time.perf_counter() - started) / len(asks) < 0.005
