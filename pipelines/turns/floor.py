"""Who has the floor while the agent speaks: hold, go on, or give way. Pure; facts and seconds are given.

At the first voice the agent holds its breath: that costs little and sounds polite. Then there is time to find out what
it was. Words that ask for the floor, or speech that goes on, take it; "mm-hm", a cough, a door or our own echo do not,
and the agent goes on from the word where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipelines.turns.backchannel import is_hum, is_listening, is_noise, is_ours
from pipelines.turns.echo import ECHO_PEAK

ONSET_S = 0.09
"""Voice in a row at which the agent holds: three windows of voice activity."""

LONG_S = 1.5
"""Speech that lasts so long takes the floor whatever its words are."""

LOST_S = 0.16
"""Quiet after an onset that never became speech: it was a click, the agent goes on."""

SILENCE_S = 0.2
"""Voice activity ends so long after the last sound."""

LONGEST_HOLD_S = 0.8
"""Sound that comes and goes and never becomes speech holds the agent no longer than this."""

WARY_S = 0.25
WARY_FOR_S = 3.0
"""After a false alarm so long only a longer onset counts: a room that echoes must not make the agent stutter."""

ECHO_SHARE = 0.5
"""Speech of which so much was an echo is nobody's."""

FAINT_DB = 20.0
"""Sound so far below the caller's usual level comes from somebody else in the room."""

WORDS_S = 1.0
"""Longest wait for the recogniser after the caller fell silent."""

SHORT_S = 0.6
"""Speech without words by then takes the floor if it was longer than this: better asked than ignored."""

ANSWER_LEFT_S = 1.5
"""A "yes" while so little of a question is left to say is its answer."""


class Move(StrEnum):
    """What the agent does."""

    NOTHING = "nothing"
    HOLD = "hold"
    RESUME = "resume"
    YIELD = "yield"


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known at one moment.

    Attributes:
        now_s: on any clock that only rises.
        voiced_s: voice in a row up to now.
        quiet_s: quiet in a row up to now.
        level_db: loudness of the caller's last sound, dB re 1.
        echo: peak of `EchoWatch`.
        sounding: whether the agent has something to say right now.
        protected: whether it may not be cut off.
    """

    now_s: float
    voiced_s: float
    quiet_s: float
    level_db: float
    echo: float
    sounding: bool
    protected: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What the agent is saying.

    Attributes:
        lately: its words of the last seconds.
        left_s: seconds of the answer that are not said yet.
        asks: whether it ends with a question.
    """

    lately: str
    left_s: float
    asks: bool


class Floor:
    """Follows one call."""

    def __init__(self) -> None:
        """The agent may speak."""
        self._held_at: float | None = None
        self._spoken_from: float | None = None
        self._silent_from: float | None = None
        self._usual_db: float | None = None
        self._now_s = 0.0
        self._wary_until_s = 0.0
        self._voiced = self._echoed = 0

    @property
    def in_question(self) -> bool:
        """Whether the caller made a sound of which it is not known yet what it was."""
        return self._held_at is not None or self._spoken_from is not None

    def listen(self, moment: Moment) -> Move:
        """The next 20 ms of sound."""
        self._now_s = moment.now_s
        if self._spoken_from is not None and self._silent_from is None:
            return self._while_speech(moment)
        if self._silent_from is not None:
            return self._while_waiting_for_words(moment)
        if self._held_at is not None:
            if moment.quiet_s >= LOST_S or moment.now_s - self._held_at >= LONGEST_HOLD_S:
                return self._go_on()
            return Move.NOTHING
        if moment.sounding and not moment.protected and self._is_onset(moment):
            self._held_at = moment.now_s
            return Move.HOLD
        return Move.NOTHING

    def speech_began(self, now_s: float, began_s: float, *, sounding: bool) -> Move:
        """Voice activity is sure that the caller speaks, since `began_s`."""
        if self._silent_from is not None:
            self._silent_from = None
            return Move.NOTHING
        if not sounding and self._held_at is None:
            return Move.YIELD
        self._spoken_from = began_s
        self._voiced = self._echoed = 0
        return Move.NOTHING

    def speech_ended(self, now_s: float, level_db: float) -> None:
        """The caller fell silent."""
        if self._spoken_from is not None:
            self._silent_from = now_s
        self._usual_db = level_db if self._usual_db is None else 0.8 * self._usual_db + 0.2 * level_db

    def words(self, text: str, confidence: float, said: Said) -> Move:
        """The recogniser is done with the caller's sound; '' where there were no words."""
        if self._was_echo or is_noise(text, confidence) or is_ours(text, said.lately):
            return self._unless_speaking()
        if self._silent_from is not None and self._spoken_from is not None:
            spoken_s = self._silent_from - self._spoken_from - SILENCE_S
            if is_hum(text, confidence, spoken_s):
                return self._unless_speaking()
        if is_listening(text) and not (said.asks and said.left_s <= ANSWER_LEFT_S):
            return self._unless_speaking()
        return self._give_way()

    def over(self) -> None:
        """The floor has changed by other means, or the agent has nothing more to say."""
        self._held_at = self._spoken_from = self._silent_from = None

    def _is_onset(self, moment: Moment) -> bool:
        faint = self._usual_db is not None and moment.level_db < self._usual_db - FAINT_DB
        onset_s = WARY_S if moment.now_s < self._wary_until_s else ONSET_S
        return moment.voiced_s >= onset_s and not faint and moment.echo < ECHO_PEAK

    @property
    def _was_echo(self) -> bool:
        """Whether most of what voice activity took for speech was our own voice."""
        return self._held_at is None and self._echoed >= ECHO_SHARE * max(1, self._voiced)

    def _while_speech(self, moment: Moment) -> Move:
        """Voice activity says speech. An echo that was not held goes on being watched: somebody may speak over it."""
        if self._held_at is None and moment.sounding and not moment.protected and self._is_onset(moment):
            self._held_at = self._spoken_from = moment.now_s
            return Move.HOLD
        if moment.voiced_s and self._held_at is None:
            self._voiced += 1
            self._echoed += moment.echo >= ECHO_PEAK
        assert self._spoken_from is not None
        since_s = moment.now_s - self._spoken_from
        if self._held_at is not None and since_s >= LONG_S:
            return self._give_way()
        return Move.NOTHING

    def _while_waiting_for_words(self, moment: Moment) -> Move:
        assert self._silent_from is not None
        assert self._spoken_from is not None
        if moment.now_s - self._silent_from < WORDS_S:
            return Move.NOTHING
        if self._held_at is not None and self._silent_from - self._spoken_from > SHORT_S:
            return self._give_way()
        return self._go_on()

    def _unless_speaking(self) -> Move:
        """Go on, unless the caller speaks again already: then the next words count."""
        speaking = self._spoken_from is not None and self._silent_from is None
        return Move.NOTHING if speaking else self._go_on()

    def _go_on(self) -> Move:
        held = self._held_at is not None
        if held:
            self._wary_until_s = self._now_s + WARY_FOR_S
        self.over()
        return Move.RESUME if held else Move.NOTHING

    def _give_way(self) -> Move:
        self.over()
        return Move.YIELD
