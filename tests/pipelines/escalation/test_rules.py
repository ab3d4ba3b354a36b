"""Rules that call for a human, over turns."""

from __future__ import annotations

from pipelines.emotion.estimate import Emotion, Label, Trend
from pipelines.escalation.rules import COOL_DOWN, EscalationWatch, Finding, Step
from pipelines.plan import EscalationRule

UPSET = EscalationRule(name="upset", when="attention")
LEGAL = EscalationRule(name="legal", when="words", words=("solicitor", "small claims"))
AGAIN = EscalationRule(name="again", when="repeat", turns=3)
AWAY = EscalationRule(name="away", when="silence", turns=2)
RULES = (UPSET, LEGAL, AGAIN, AWAY)


def trend(run: int, slope: float = 0.0) -> Trend:
    """A trajectory whose last turns were negative: at the third it needs attention."""
    return Trend(Emotion(Label.FRUSTRATED, -0.5, 0.2, 0.7), run, slope, 0.0, -0.5, run, attention=min(0.9, 0.2 * run))


def held(runs: list[int], slope: float = 0.0) -> list[Finding | None]:
    """What is found over turns with these negative runs."""
    watch, found = EscalationWatch(), []
    for turn, run in enumerate(runs, start=1):
        watch, finding = watch.weigh(RULES, turn, f"matter{turn} number{turn}", trend(run, slope))
        found.append(finding)
    return found


def test_a_run_offers_then_hands_off() -> None:
    """An offer at the third upset turn, a hand-off two turns later, each with its evidence."""
    found = held([1, 2, 3, 4, 5])
    assert [finding and finding.step for finding in found] == [None, None, Step.OFFER, None, Step.HAND_OFF]
    assert found[2] == Finding("upset", Step.OFFER, "attention: upset", (1, 2, 3))
    assert found[4] is not None
    assert found[4].evidence_turns == (1, 2, 3, 4, 5)


def test_a_run_that_gets_better_is_left_alone() -> None:
    """Rising valence holds the step back."""
    assert held([1, 2, 3, 4, 5], slope=0.3) == [None] * 5


def test_a_broken_run_starts_anew() -> None:
    """After a good turn the offer is forgotten, but not repeated within the cool-down."""
    found = held([1, 2, 3, 0, 1, 2, 3, 4])
    steps = [finding and finding.step for finding in found]
    assert steps[2] is Step.OFFER
    assert steps[3:6] == [None] * 3
    assert steps[6] is Step.OFFER


def test_a_declined_offer_cools_down() -> None:
    """No new step until the cool-down is over, then an offer again rather than a hand-off."""
    watch = EscalationWatch()
    for turn in (1, 2, 3):
        watch, _ = watch.weigh(RULES, turn, f"matter{turn}", trend(turn))
    watch = watch.declined(4)
    steps = []
    for turn in range(5, 5 + COOL_DOWN):
        watch, finding = watch.weigh(RULES, turn, f"matter{turn}", trend(turn))
        steps.append(finding and finding.step)
    assert steps == [None] * (COOL_DOWN - 1) + [Step.OFFER]


def test_words_hand_off_at_once() -> None:
    """As whole words, whatever the mood, and before any run."""
    watch, finding = EscalationWatch().weigh(RULES, 4, "My Solicitor's letter is on its way!", trend(3))
    assert finding == Finding("legal", Step.HAND_OFF, "words: legal", (4,))
    assert watch.weigh(RULES, 5, "I will go to the small claims court", Trend())[1] is not None
    assert watch.weigh(RULES, 6, "the solicitors next door", Trend())[1] is None


def test_the_same_matter_again() -> None:
    """By the fact asked for or by the words."""
    watch = EscalationWatch()
    for turn in (1, 2):
        watch, finding = watch.weigh(RULES, turn, f"bill {turn}", Trend(), topic="bill")
        assert finding is None
    _, finding = watch.weigh(RULES, 3, "the invoice", Trend(), topic="bill")
    assert finding == Finding("again", Step.OFFER, "repeat: again", (1, 2, 3))
    watch = EscalationWatch()
    for turn in (1, 2, 3):
        watch, finding = watch.weigh(RULES, turn, "why is the garden gate squeaking", Trend())
    assert finding is not None
    assert finding.evidence_turns == (1, 2, 3)


def test_short_answers_are_no_repetition() -> None:
    """Three times "yes" is a conversation."""
    watch = EscalationWatch()
    for turn in range(1, 6):
        watch, finding = watch.weigh(RULES, turn, "yes", Trend())
        assert finding is None


def test_silence_counts_in_a_row() -> None:
    """Two silences in a row count, a word in between resets them."""
    watch, finding = EscalationWatch().silence(RULES, 1)
    assert finding is None
    watch, _ = watch.weigh(RULES, 2, "yes I am here", Trend())
    watch, finding = watch.silence(RULES, 2)
    assert finding is None
    assert watch.silence(RULES, 2)[1] == Finding("away", Step.HAND_OFF, "silence: away", (2,))


def test_no_rules_no_findings() -> None:
    """An agent without rules escalates only what the policy itself escalates."""
    assert EscalationWatch().weigh((), 9, "solicitor", trend(9))[1] is None
