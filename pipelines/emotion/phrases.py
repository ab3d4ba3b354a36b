"""What callers say on a support line: cues that a model of online comments does not know.

The phrases are data (`weights/cues_en.json`): regular expressions in groups, with `<part>` standing for a shared part.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from pipelines.emotion.estimate import Label
from pipelines.emotion.shipped import read_checked

FILE: Final = "cues_en.json"


@dataclass(frozen=True, slots=True)
class Cue:
    """One way to say a feeling.

    Attributes:
        label: what it says.
        strength: added to the label's score, in nats.
        valence: added to the valence.
        pattern: searched in lower-case text with straight apostrophes.
    """

    label: Label
    strength: float
    valence: float
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Found:
    """The cues of one utterance.

    Attributes:
        cues: those that count.
        turned_round: whether pleasant words meant the opposite.
        ordinary: whether nothing but an ordinary request or answer was found.
    """

    cues: tuple[Cue, ...]
    turned_round: bool = False
    ordinary: bool = False


@dataclass(frozen=True, slots=True)
class CueBook:
    """The cues of one language.

    Attributes:
        feelings: a feeling said outright.
        turned_round: pleasant words that mean the opposite ("that's just great").
        ordinary: plain requests and answers; they count only where no feeling was said.
    """

    feelings: tuple[Cue, ...]
    turned_round: tuple[Cue, ...]
    ordinary: tuple[Cue, ...]

    @classmethod
    def load(cls) -> CueBook:
        """The shipped cues. Blocks.

        Raises:
            EngineFailed: the file is missing or broken.
        """
        return cls.from_plain(json.loads(read_checked(FILE)))

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> CueBook:
        """From the JSON layout: `parts` by name, then the three groups, each a list of cues with their `ways`."""

        def cue(entry: dict[str, Any]) -> Cue:
            ways = "|".join(entry["ways"])
            for name, part in plain["parts"].items():
                ways = ways.replace(f"<{name}>", part)
            return Cue(Label(entry["label"]), entry["strength"], entry["valence"], re.compile(rf"\b(?:{ways})(?!\w)"))

        return cls(
            tuple(cue(entry) for entry in plain["feelings"]),
            tuple(cue(entry) for entry in plain["turned_round"]),
            tuple(cue(entry) for entry in plain["ordinary"]),
        )

    def found_in(self, text: str) -> Found:
        """The cues of an utterance, each at most once. Pleasant words that were turned round are not pleasant."""
        plain = text.lower().replace("\u2019", "'").strip()
        turned = tuple(cue for cue in self.turned_round if cue.pattern.search(plain))
        said = tuple(
            cue for cue in self.feelings if cue.pattern.search(plain) and not (turned and cue.label is Label.SATISFIED)
        )
        if turned or said:
            return Found(turned + said, turned_round=bool(turned))
        ordinary = tuple(cue for cue in self.ordinary if cue.pattern.search(plain))
        return Found(ordinary, ordinary=bool(ordinary))
