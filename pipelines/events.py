"""What a conversation tells: one ordered story for the journal, the screens and the tests.

`at_s` is seconds since the call was answered, on the monotonic clock. Turn indexes start at 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipelines.emotion.estimate import Emotion
from pipelines.empathy.tone import Tone
from pipelines.plan import AnalysisStop


class Stage(StrEnum):
    """Where the time of a turn goes, in the order of the conversation."""

    ENDPOINTING = "endpointing"
    RECOGNITION = "recognition"
    EMOTION = "emotion"
    POLICY = "policy"
    LLM_FIRST_TOKEN = "llm_first_token"
    FIRST_SENTENCE = "first_sentence"
    SPEECH = "speech"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class DisclosureHeard:
    """The disclosure was played to its end; emotion analysis may start."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    """A turn of the caller ended.

    Attributes:
        turn: index of the turn.
        text: the words, redacted.
        started_s: when the caller began to speak.
        ended_s: when the caller's last sound ended.
        confidence: of the recognition, 0..1.
    """

    at_s: float
    turn: int
    text: str
    started_s: float
    ended_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class EmotionEstimated:
    """The emotion of a turn was estimated (it may come after the reply went out).

    Attributes:
        attention: how much the call needs somebody's attention by now, 0..1.
    """

    at_s: float
    turn: int
    emotion: Emotion
    attention: float = 0.0


@dataclass(frozen=True, slots=True)
class ToneChosen:
    """The policy chose how to answer a turn."""

    at_s: float
    turn: int
    tone: Tone


@dataclass(frozen=True, slots=True)
class AgentSays:
    """A sentence was handed to the voice: for captions; the record of what was heard is AgentSpoke."""

    at_s: float
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class AgentSpoke:
    """A turn of the agent ended.

    Attributes:
        turn: the caller turn it answers; 0 for the greeting.
        planned: what we set out to say.
        heard: the part that reached the ear, to the word.
        interrupted: whether the caller cut in.
        source: 'llm', 'template', 'tool' or 'notice'.
    """

    at_s: float
    turn: int
    planned: str
    heard: str
    interrupted: bool
    source: str


@dataclass(frozen=True, slots=True)
class TurnTimed:
    """The stages of a turn; they sum to the total (caller's last sound -> our first sound at the wire)."""

    at_s: float
    turn: int
    total_s: float
    stages: Mapping[Stage, float]


@dataclass(frozen=True, slots=True)
class FellBack:
    """An engine or a check failed and something simpler took over; nothing is lost for the caller."""

    at_s: float
    turn: int
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Escalated:
    """A human is needed; whoever holds the call acts on it."""

    at_s: float
    turn: int
    reason: str
    evidence_turns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisStopped:
    """Emotion analysis ended for this call; nothing is estimated after it."""

    at_s: float
    reason: AnalysisStop


@dataclass(frozen=True, slots=True)
class CallerSilent:
    """The caller said nothing for a while and was asked whether they are there."""

    at_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class ListeningChanged:
    """From here on the caller is listened to again, or not: neither recognised nor analysed nor written down.

    Attributes:
        listening: whether the caller is listened to.
        reason: 'secret' while a secret is typed, 'hold_music' while music plays.
    """

    at_s: float
    listening: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool answered."""

    at_s: float
    turn: int
    name: str
    found: bool


@dataclass(frozen=True, slots=True)
class FarewellSaid:
    """The conversation came to its end by words; the leg may be hung up."""

    at_s: float
    turn: int = field(default=0)


Event = (
    DisclosureHeard
    | CallerSpoke
    | EmotionEstimated
    | ToneChosen
    | AgentSays
    | AgentSpoke
    | TurnTimed
    | FellBack
    | Escalated
    | AnalysisStopped
    | CallerSilent
    | ListeningChanged
    | ToolUsed
    | FarewellSaid
)
