"""What a business says about its agent: the frozen plan that one conversation follows."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.emotion.attention import DEFAULT_THRESHOLD


class Plain(BaseModel):
    """Frozen, closed to unknown keys: a typo in an agent file is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Plain):
    """One thing the agent knows, worded to be spoken. The only source of numbers, dates and amounts in a reply."""

    id: str
    topic: str = Field(description="what it is about, in a few words: 'router restart'")
    text: str = Field(description="one to three spoken sentences, complete and true")
    asks: tuple[str, ...] = Field(default=(), description="ways callers ask for it; they are used for retrieval")
    problem: str | None = Field(
        default=None, description="the caller's problem as a noun phrase: 'a connection that keeps dropping'"
    )
    short: str | None = Field(default=None, description="the fact in one plain sentence: for a second telling")
    next_step: str | None = Field(default=None, description="a yes-or-no question that may follow the fact")
    leads_to: str | None = Field(default=None, description="fact or tool that a yes to the next step leads to")
    at_fault: bool = Field(default=False, description="whether the business is at fault where this comes up")
    urgent: bool = Field(default=False, description="a matter of safety: said at once and word for word")


class OpeningHours(Plain):
    """When humans answer, in the business's own time zone."""

    timezone: str = "Europe/London"
    weekdays: tuple[str, str] | None = Field(default=("08:00", "20:00"), description="opens, closes; None is closed")
    saturday: tuple[str, str] | None = ("09:00", "17:00")
    sunday: tuple[str, str] | None = None


class LookupRow(Plain):
    """One row of a look-up tool."""

    key: str = Field(description="as it is said or typed; 'sha256:<hex>' keeps a secret out of the agent's file")
    answer: str


class Keypad(Plain):
    """The key of a look-up is typed on the telephone's keys, from `fewest` to `most` digits."""

    fewest: int = Field(ge=1, le=32)
    most: int = Field(ge=1, le=32)
    secret: bool = Field(default=True, description="neither listened to while it is typed nor ever read back")


class LookupTool(Plain):
    """A look-up by a key that the caller says, such as a postcode: asks for it, reads it back, answers from a table."""

    name: str
    when: tuple[str, ...] = Field(description="words or phrases in the caller's speech that call for it")
    ask: str = Field(description="the question that gets the key")
    key_name: str = Field(default="reference", description="what the key is called: 'postcode'")
    key_pattern: str = Field(description="regular expression over the upper-cased words without spaces")
    rows: tuple[LookupRow, ...]
    not_found: str
    keypad: Keypad | None = Field(default=None, description="where the key is typed and not said")


class EscalationRule(Plain):
    """When a human is needed besides an explicit request (which always counts)."""

    name: str
    when: Literal["attention", "words", "silence", "repeat"]
    turns: int = 3
    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0, le=1, description="attention from which it holds")
    words: tuple[str, ...] = ()


class VoiceChoice(Plain):
    """Which voice speaks."""

    name: str = "heart"
    language: str = "en"


class Agent(Plain):
    """A tenant's configured AI voice: persona, knowledge, rules. A version of it is what one call follows."""

    name: str
    company: str
    language: str = "en"
    persona: str = "a calm, practical support agent"
    greeting: str
    disclosure: str = Field(description="spoken first: that this is an AI, that tone is estimated, how to opt out")
    human_offer: str = "Would you like me to put you through to a colleague?"
    handing_off: str = "I am putting you through to a colleague now. Please stay on the line."
    handing_off_closed: str = "Our team is not in right now. I have noted that you want a colleague to call you back."
    goodbye: str = "Thank you for calling. Goodbye."
    can_help_with: str = Field(default="", description="what it can help with, as a list in one spoken phrase")
    crisis: str = Field(
        default=(
            "Your safety matters more than anything else on this call. If anyone is in danger right now, please hang "
            "up and call the emergency services. I am staying on the line with you."
        ),
        description="said word for word when a caller speaks of harming themselves or being in danger",
    )
    opted_out: str = Field(
        default="Done. I have switched that off, and nothing else about this call changes. How can I help?",
        description="said when a caller does not want their emotion to be estimated",
    )
    apology_budget: int = Field(default=1, description="apologies per call, only where the business is at fault")
    hours: OpeningHours = OpeningHours()
    facts: tuple[Fact, ...] = ()
    tools: tuple[LookupTool, ...] = ()
    escalation: tuple[EscalationRule, ...] = ()
    voice: VoiceChoice = VoiceChoice()
    use_llm: bool = True


class AnalysisStop(StrEnum):
    """Why emotion analysis ended before the call did."""

    OPTED_OUT = "opted_out"
    HUMAN_JOINED = "human_joined"
    SWITCHED_OFF = "switched_off"


class Memory(Plain):
    """What a conversation knows that goes on after its line or its process was lost.

    Attributes:
        at_s: seconds since the call was answered.
        turn: the caller's last turn.
        exchanges: earlier turn pairs (caller, agent), oldest first, as they were written down.
        disclosed: the disclosure was heard.
        analysis_stop: why emotion analysis ended; None where it did not.
        human_requested: a colleague was asked for.
    """

    at_s: float
    turn: int
    exchanges: tuple[tuple[str, str], ...] = ()
    disclosed: bool = False
    analysis_stop: AnalysisStop | None = None
    human_requested: bool = False


class ConversationPlan(Plain):
    """Everything one conversation needs to know before it starts.

    Attributes:
        call_id: our id of the call.
        agent: the pinned agent version.
        analyse_emotion: whether emotion may be analysed once the disclosure was heard.
        silence_prompt_s: seconds of silence after our answer before we ask whether the caller is there.
        turn_patience_s: longest silence that Smart Turn may call "not finished" before the turn ends anyway.
        emotion_deadline_s: longest wait for the newest estimate before a reply goes ahead without it.
        llm_first_sentence_deadline_s: longest wait for the LLM's first checked sentence before a template answers.
        memory: what was said already, where the call goes on after a loss.
    """

    call_id: str
    agent: Agent
    analyse_emotion: bool = True
    silence_prompt_s: float = 12.0
    turn_patience_s: float = 1.0
    emotion_deadline_s: float = 0.25
    llm_first_sentence_deadline_s: float = 1.2
    memory: Memory | None = None
