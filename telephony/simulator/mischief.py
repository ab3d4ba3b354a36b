"""What networks do to webhooks: they come twice, late and out of order. Repeatable by its seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Mischief:
    """How one call's webhooks are delivered.

    Attributes:
        copies: the most copies of one webhook; 1 is none but the first.
        shuffle: status callbacks are kept back until the end and delivered in any order.
        seed: the same seed does the same.
    """

    copies: int = 1
    shuffle: bool = False
    seed: int = 0
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Begin the chance anew."""
        self._chance = random.Random(self.seed)

    def times(self) -> int:
        """How often the next webhook is delivered."""
        return self._chance.randint(1, self.copies)

    def order(self, kept: Sequence[T]) -> list[T]:
        """The order in which what was kept back is delivered."""
        return self._chance.sample(list(kept), len(kept))
