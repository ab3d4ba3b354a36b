"""When the caller has finished. Pure: facts and seconds of silence in, wait, eager or end out.

Smart Turn is asked again and again while the silence lasts, and the longer it lasts the less sure it has to be. Early
in a silence only a nearly certain "complete" ends the turn; a caller who is upset, sad or dictating is given more time.
The numbers were chosen on the tuning half of the speakers of `attune evaluate turns`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.emotion.estimate import Emotion

SURE_ENOUGH: Final = ((0.19, 0.965), (0.3, 0.985), (0.65, 0.85), (0.85, 0.5))
"""From so many seconds of silence on, the probability at which the turn is over; before the first one never."""

EAGER = 0.5
"""From this probability on it pays to prepare an answer that nobody may ever hear."""

LOOKS_S: Final = (0.09, 0.19, 0.3, 0.4, 0.5, 0.65, 0.85, 1.1, 1.4, 1.8)
"""Silence after which Smart Turn is asked; the first only serves to begin early."""

UPSET_STRETCH = 1.3
"""Everything lasts longer by this for a caller who is upset or low, and the first of the steps above is left out."""

DICTATING_STRETCH = 1.5
DICTATING_FROM_S = 0.8
"""Between two groups of digits the voice often sounds finished: no end before this."""

UPSET_AROUSAL = 0.35
LOW_VALENCE = -0.3


class Verdict(StrEnum):
    """What to make of a silence."""

    WAIT = "wait"
    EAGER = "eager"
    END = "end"


@dataclass(frozen=True, slots=True)
class Manner:
    """How this caller speaks just now.

    Attributes:
        upset: high arousal with low valence, or sad.
        dictating: digits, letters, an address.
    """

    upset: bool = False
    dictating: bool = False

    @property
    def stretch(self) -> float:
        """How much longer everything lasts than for a calm caller."""
        return (UPSET_STRETCH if self.upset else 1.0) * (DICTATING_STRETCH if self.dictating else 1.0)


def judge(silent_s: float, probability: float | None, patience_s: float, manner: Manner) -> Verdict:
    """Whether the turn is over.

    Args:
        silent_s: seconds of silence so far.
        probability: Smart Turn's newest opinion on this silence; None before it has one.
        patience_s: silence that ends a calm caller's turn whatever it sounds like.
        manner: of the caller.
    """
    at_s = silent_s / manner.stretch
    if at_s >= patience_s:
        return Verdict.END
    if probability is None:
        return Verdict.WAIT
    if not (manner.dictating and silent_s < DICTATING_FROM_S):
        stages = SURE_ENOUGH if manner == Manner() else SURE_ENOUGH[1:]
        needed = [sure for from_s, sure in stages if at_s >= from_s]
        if needed and probability >= needed[-1]:
            return Verdict.END
    return Verdict.EAGER if probability >= EAGER else Verdict.WAIT


def is_upset(emotion: Emotion) -> bool:
    """Whether the newest estimate is of somebody who should not be rushed; an unknown one is not."""
    if emotion.valence is None or emotion.arousal is None:
        return False
    return emotion.valence <= LOW_VALENCE or (emotion.arousal >= UPSET_AROUSAL and emotion.valence < 0)


_ASKS_FOR = re.compile(
    r"\b(number|postcode|post code|zip|reference|reading|digits?|spell|code|address|date of birth|account|e-?mail)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"\b(\d+|zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|double|triple|[b-hj-z]|as in|for)\b",
    re.IGNORECASE,
)


def is_dictating(asked: str, words: str) -> bool:
    """Whether the caller is spelling or reading out figures.

    Args:
        asked: the agent's last sentences.
        words: what the caller has said of this turn so far.
    """
    figures = _FIGURE.findall(words)
    if len(figures) >= 3 and len(figures) >= 0.4 * len(words.split()):
        return True
    return "?" in asked and bool(_ASKS_FOR.search(asked)) and (not words or bool(figures))
