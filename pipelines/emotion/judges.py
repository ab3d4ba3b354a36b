"""How the features of an utterance are read: by a checkpoint's own outputs or by a head of ours. Pure.

A judge travels as bytes, so that call workers judge what a server has computed: a caller's baseline never leaves the
call.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.baseline import Prior
from pipelines.emotion.estimate import Reading
from pipelines.emotion.outputs import head_for
from pipelines.emotion.shipped import read_arrays
from pipelines.emotion.voice import VoiceHead
from pipelines.ports import EngineFailed

Vector = NDArray[np.float32]


class Judge(Protocol):
    """Reads the features of one utterance."""

    @property
    def prior(self) -> Prior | None:
        """The population that features are compared with; None where they are read as they are."""
        ...

    def estimate(self, features: Vector) -> Reading:
        """Emotion from features, normalised where there is a prior. Fast (< 1 ms)."""
        ...

    def to_bytes(self) -> bytes:
        """What `judge_from` reads."""
        ...


class OutputsJudge:
    """Reads a checkpoint's own outputs, kept as log shares or attributes."""

    def __init__(
        self, outputs: tuple[str, ...], model: str, temperature: float = 1.0, labels: Mapping[str, str] | None = None
    ) -> None:
        """Name the outputs.

        Args:
            outputs: their names in order.
            model: the checkpoint.
            temperature: see `outputs.ClassHead`.
            labels: see `outputs.meaning_of`.

        Raises:
            EngineFailed: they are no emotions.
        """
        self.head = head_for(outputs, temperature, labels)
        self._facts = {"outputs": outputs, "model": model, "temperature": temperature, "labels": dict(labels or {})}
        self._model = model

    @property
    def prior(self) -> Prior | None:
        """None: such a head knows no caller's baseline."""
        return None

    def estimate(self, features: Vector) -> Reading:
        """See `Judge`."""
        return self.head.read(features, self._model)

    def to_bytes(self) -> bytes:
        """See `Judge`."""
        return json.dumps(self._facts).encode()


class HeadJudge:
    """Reads pooled encoder states and prosody by a head that was trained on this encoder."""

    def __init__(self, head: VoiceHead) -> None:
        self._head = head

    @property
    def prior(self) -> Prior | None:
        """The population behind the head."""
        return self._head.prior

    def estimate(self, features: Vector) -> Reading:
        """See `Judge`."""
        return self._head.read(features)

    def to_bytes(self) -> bytes:
        """See `Judge`."""
        held = io.BytesIO()
        arrays: dict[str, Any] = self._head.arrays()
        np.savez(held, **arrays)
        return held.getvalue()


def judge_from(held: bytes) -> Judge:
    """The judge behind these bytes; nothing in them is executed.

    Raises:
        EngineFailed: they are no judge.
    """
    if held.startswith(b"PK"):
        return HeadJudge(VoiceHead.from_arrays(read_arrays(held)))
    try:
        facts = json.loads(held)
        outputs = tuple(map(str, facts["outputs"]))
        labels = {str(name): str(label) for name, label in facts["labels"].items()}
        return OutputsJudge(outputs, str(facts["model"]), float(facts["temperature"]), labels)
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise EngineFailed(f"emotion server: it does not say how its answers are read ({broken!r})") from broken
