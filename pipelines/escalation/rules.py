"""When a human is needed: the agent's rules over trajectory and words, with evidence, hysteresis and cool-down.

Pure: a watch is a frozen value that is carried from turn to turn. An explicit request for a human, an unanswerable
caller and a crisis are the policy's own and need no rule.

What is felt counts by its attention score, not by labels. Attention above the rule's threshold first leads to an
*offer*. Only where the offer was not turned down and the caller stays upset for HAND_OFF_AFTER more turns does it lead
to a hand-off. A call that is getting better holds the step back (hysteresis), and a refused offer is not repeated for
COOL_DOWN turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from pipelines.emotion.estimate import Trend
from pipelines.empathy.words import content, plain
from pipelines.plan import EscalationRule

COOL_DOWN = 4
HAND_OFF_AFTER = 2
RECOVERING = 0.15
"""Rise of valence per turn that counts as getting better."""
_REMEMBERED = 8
_SAME = 0.6


class Step(StrEnum):
    """How far an escalation goes."""

    OFFER = "offer"
    HAND_OFF = "hand_off"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds.

    Attributes:
        rule: its name.
        step: offer a human, or hand off now.
        reason: for the record: kind and name of the rule.
        evidence_turns: the turns it rests on, oldest first.
    """

    rule: str
    step: Step
    reason: str
    evidence_turns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one earlier turn was about."""

    turn: int
    stems: frozenset[str]
    topic: str | None


@dataclass(frozen=True, slots=True)
class EscalationWatch:
    """Memory of the rules for one call.

    Attributes:
        heard: the last turns.
        offered_at: turn of the last offer, None before one or after the run that caused it broke.
        quiet_until: no new offer before this turn.
        silent: turns at which the caller said nothing, in a row.
    """

    heard: tuple[Heard, ...] = ()
    offered_at: int | None = None
    quiet_until: int = 0
    silent: tuple[int, ...] = ()

    def weigh(
        self, rules: Iterable[EscalationRule], turn: int, text: str, trend: Trend, topic: str | None = None
    ) -> tuple[EscalationWatch, Finding | None]:
        """Take in one turn and say which rule holds; a hand-off before an offer.

        Args:
            rules: the agent's rules.
            turn: index of the turn.
            text: the caller's words.
            trend: the trajectory including this turn.
            topic: id of the fact the turn asks for, None for none.
        """
        heard = (*self.heard, Heard(turn, frozenset(content(text)), topic))[-_REMEMBERED:]
        offered_at = self.offered_at if trend.negative_run else None
        watch = replace(self, heard=heard, silent=(), offered_at=offered_at)
        findings = [finding for rule in rules if (finding := watch._holds(rule, turn, text, trend)) is not None]
        if not findings:
            return watch, None
        finding = min(findings, key=lambda found: found.step is Step.OFFER)
        return (watch.offered(turn) if finding.step is Step.OFFER else watch), finding

    def silence(self, rules: Iterable[EscalationRule], turn: int) -> tuple[EscalationWatch, Finding | None]:
        """Take in a silent stretch after the given turn."""
        watch = replace(self, silent=(*self.silent, turn))
        for rule in rules:
            if rule.when == "silence" and len(watch.silent) >= rule.turns:
                return watch, Finding(rule.name, Step.HAND_OFF, f"silence: {rule.name}", (turn,))
        return watch, None

    def offered(self, turn: int) -> EscalationWatch:
        """A human was offered at this turn."""
        return replace(self, offered_at=turn, quiet_until=turn + COOL_DOWN)

    def not_offered(self) -> EscalationWatch:
        """The offer that a rule called for could not be made this turn: it stays due."""
        return replace(self, offered_at=None, quiet_until=0)

    def declined(self, turn: int) -> EscalationWatch:
        """The caller turned the offer down: leave them alone for a while."""
        return replace(self, offered_at=None, quiet_until=turn + COOL_DOWN)

    def _holds(self, rule: EscalationRule, turn: int, text: str, trend: Trend) -> Finding | None:
        match rule.when:
            case "words":
                spoken = f" {plain(text)} "
                found = any(f" {plain(word)} " in spoken for word in rule.words)
                return Finding(rule.name, Step.HAND_OFF, f"words: {rule.name}", (turn,)) if found else None
            case "attention":
                return self._upset(rule, turn, trend)
            case "repeat":
                return self._repeats(rule, turn)
            case "silence":
                return None
            case _:
                assert_never(rule.when)

    def _upset(self, rule: EscalationRule, turn: int, trend: Trend) -> Finding | None:
        if trend.attention < rule.threshold or trend.valence_slope > RECOVERING:
            return None
        evidence = tuple(range(max(1, turn - max(1, trend.negative_run) + 1), turn + 1))
        if self.offered_at is not None and turn - self.offered_at >= HAND_OFF_AFTER:
            return Finding(rule.name, Step.HAND_OFF, f"attention: {rule.name}", evidence)
        if self.offered_at is not None or turn < self.quiet_until:
            return None
        return Finding(rule.name, Step.OFFER, f"attention: {rule.name}", evidence)

    def _repeats(self, rule: EscalationRule, turn: int) -> Finding | None:
        now = self.heard[-1]
        evidence = tuple(earlier.turn for earlier in self.heard if _same_matter(earlier, now))
        if len(evidence) < rule.turns or turn < self.quiet_until:
            return None
        return Finding(rule.name, Step.OFFER, f"repeat: {rule.name}", evidence)


def _same_matter(one: Heard, other: Heard) -> bool:
    if one.topic is not None and one.topic == other.topic:
        return True
    if min(len(one.stems), len(other.stems)) < 2:
        return one is other
    return len(one.stems & other.stems) / len(one.stems | other.stems) >= _SAME
