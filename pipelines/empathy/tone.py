"""The words for an answer: strategy, engine-neutral speech style, tone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """What the reply does first (one per turn)."""

    ACKNOWLEDGE = "acknowledge"
    RESTATE = "restate"
    APOLOGISE = "apologise"
    ACT = "act"
    ASK = "ask"
    INFORM = "inform"
    REASSURE = "reassure"
    OFFER_HUMAN = "offer_human"
    HAND_OFF = "hand_off"


class ToneName(StrEnum):
    """Named tones; each has one Style in STYLES."""

    NEUTRAL = "neutral"
    WARM = "warm"
    CALM = "calm"
    APOLOGETIC = "apologetic"
    REASSURING = "reassuring"
    GENTLE = "gentle"
    UPBEAT = "upbeat"


@dataclass(frozen=True, slots=True)
class Style:
    """Engine-neutral speech style, all relative to the voice's own neutral.

    Attributes:
        rate: speaking rate factor (1 = neutral, 0.9 = slower).
        pitch_st: shift of the mean pitch in semitones.
        range: factor on the pitch excursions around the mean (1 = neutral).
        volume_db: gain in dB.
        pause: factor on the length of pauses between sentences.
        breath_db: gain in dB of the noise part of the voice (a softer, breathier sound).
    """

    rate: float = 1.0
    pitch_st: float = 0.0
    range: float = 1.0
    volume_db: float = 0.0
    pause: float = 1.0
    breath_db: float = 0.0


STYLES: dict[ToneName, Style] = {
    ToneName.NEUTRAL: Style(),
    ToneName.WARM: Style(rate=1.0, pitch_st=0.5, range=1.1, pause=1.0),
    ToneName.CALM: Style(rate=0.94, pitch_st=-0.5, range=0.8, volume_db=-1.0, pause=1.1),
    ToneName.APOLOGETIC: Style(rate=0.92, pitch_st=-1.5, range=0.75, volume_db=-1.5, pause=1.15, breath_db=3.0),
    ToneName.REASSURING: Style(rate=0.95, pitch_st=-0.7, range=0.9, volume_db=-0.5, pause=1.1, breath_db=1.0),
    ToneName.GENTLE: Style(rate=0.90, pitch_st=-1.0, range=0.85, volume_db=-1.5, pause=1.2, breath_db=2.0),
    ToneName.UPBEAT: Style(rate=1.06, pitch_st=2.0, range=1.35, volume_db=1.0, pause=0.9),
}


@dataclass(frozen=True, slots=True)
class Tone:
    """How one reply is given: strategy + style.

    Attributes:
        strategy: what the reply does.
        name: the named tone.
        rules: identifiers of the policy rules that led here, first the decisive one.
    """

    strategy: Strategy
    name: ToneName
    rules: tuple[str, ...] = ()

    @property
    def style(self) -> Style:
        """The speech style of the tone."""
        return STYLES[self.name]
