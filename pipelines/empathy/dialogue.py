"""What the policy remembers of a call and what it is told about a turn: plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from pipelines.emotion.estimate import Emotion, Trend
from pipelines.escalation.rules import EscalationWatch
from pipelines.plan import AnalysisStop, Memory
from pipelines.ports import Exchange

_EXCHANGES_KEPT = 4


class Offer(StrEnum):
    """The question of ours that a plain yes or no answers."""

    NONE = "none"
    HUMAN = "human"
    NEXT_STEP = "next_step"
    MORE_HELP = "more_help"


@dataclass(frozen=True, slots=True)
class Situation:
    """One turn of the caller, as the policy sees it.

    Attributes:
        text: the caller's words.
        trend: the trajectory up to this turn.
        emotion: the newest estimate; UNKNOWN where none came in time or analysis is off.
        humans_in: whether a colleague can take the call now.
        turn: index of the turn, from 1.
    """

    text: str
    trend: Trend
    emotion: Emotion
    humans_in: bool
    turn: int


@dataclass(frozen=True, slots=True)
class DialogueState:
    """Memory of one call between turns.

    Attributes:
        exchanges: the last few turn pairs, oldest first, as heard.
        apologies_made: apologies so far, against the agent's budget.
        openers_used: every opening spoken so far; none is spoken twice.
        said: the last few answers, so that none is given twice in a row.
        pending_tool: name of the tool that waits for its key.
        tool_misses: how often in a row the key was not understood.
        offer: the question a yes or no would answer.
        last_fact: id of the fact last told.
        facts_told: ids of all facts told.
        unclear_run: turns in a row that led nowhere.
        human_requested: a colleague was asked for and has not come yet.
        opted_out: the caller does not want emotion to be analysed.
        crisis: words of crisis were heard in this call.
        silences: silent stretches in a row.
        watch: memory of the escalation rules.
        wants_goodbye: the caller is about to leave.
        ended: the farewell was chosen.
    """

    exchanges: tuple[Exchange, ...] = ()
    apologies_made: int = 0
    openers_used: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    pending_tool: str | None = None
    tool_misses: int = 0
    offer: Offer = Offer.NONE
    last_fact: str | None = None
    facts_told: tuple[str, ...] = ()
    unclear_run: int = 0
    human_requested: bool = False
    opted_out: bool = False
    crisis: bool = False
    silences: int = 0
    watch: EscalationWatch = field(default_factory=EscalationWatch)
    wants_goodbye: bool = False
    ended: bool = False

    @classmethod
    def remembering(cls, memory: Memory | None) -> DialogueState:
        """Where a call stands that begins, or that goes on after a loss."""
        if memory is None:
            return cls()
        return cls(
            exchanges=tuple(Exchange(caller, reply) for caller, reply in memory.exchanges)[-_EXCHANGES_KEPT:],
            said=tuple(reply for _, reply in memory.exchanges if reply),
            human_requested=memory.human_requested,
            opted_out=memory.analysis_stop is AnalysisStop.OPTED_OUT,
        )

    def heard(self, caller: str, reply: str) -> DialogueState:
        """Remember one exchange as it was heard; the conversation calls it when an answer has been spoken."""
        return replace(self, exchanges=(*self.exchanges, Exchange(caller, reply))[-_EXCHANGES_KEPT:])
