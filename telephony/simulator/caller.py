"""A caller with a script. Pure: every 20 ms it is told what it hears and says what it does."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from telephony.audio import FRAME_SAMPLES, Pcm, encode_ulaw

SOUND_LEVEL = 200
"""Absolute sample value from which we call it sound (-44 dBFS); a telephone's idle noise is far below."""


@dataclass(frozen=True, slots=True)
class Say:
    """Speak.

    Attributes:
        pcm: 8 kHz samples.
        cut_in_s: None: wait until the agent has finished. Else begin this many seconds after the agent began.
    """

    pcm: Pcm
    cut_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, after the agent has finished."""

    digits: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Be silent for a time, after the agent has finished."""

    seconds: float


Step = Say | Press | Wait


@dataclass(frozen=True, slots=True)
class Quiet:
    """20 ms of a quiet line."""

    ulaw: bytes


@dataclass(frozen=True, slots=True)
class Sound:
    """20 ms of an utterance.

    Attributes:
        ulaw: 160 bytes.
        first: the utterance begins here.
        last_sound: its last audible sample is in here.
    """

    ulaw: bytes
    first: bool
    last_sound: bool


@dataclass(frozen=True, slots=True)
class Key:
    """A key goes down (the audio of these 20 ms is quiet)."""

    digit: str
    ulaw: bytes


@dataclass(frozen=True, slots=True)
class HangUp:
    """The caller hangs up."""


Act = Quiet | Sound | Key | HangUp


def _quiet_line() -> tuple[bytes, ...]:
    """One second of a line's idle noise, about -70 dBFS: real lines are never digitally silent."""
    noise = np.random.default_rng(8000).normal(0, 10, 50 * FRAME_SAMPLES).astype(np.int16)
    ulaw = encode_ulaw(noise)
    return tuple(ulaw[at : at + FRAME_SAMPLES] for at in range(0, len(ulaw), FRAME_SAMPLES))


_QUIET_LINE = _quiet_line()


class ScriptedCaller:
    """Waits for the agent's answer to end, takes the next step, and hangs up after the answer to the last one."""

    def __init__(
        self, steps: Sequence[Step], *, quiet_s: float = 1.0, patience_s: float = 12.0, greeting_s: float = 20.0
    ) -> None:
        """Create a caller.

        Args:
            steps: what to do, in order.
            quiet_s: the agent counts as finished when it was heard and then nothing for this long.
            patience_s: longest wait for an answer to begin.
            greeting_s: longest wait for the greeting to begin.
        """
        self._steps = list(steps)
        self._quiet_s = quiet_s
        self._patience_s = greeting_s
        self._next_patience_s = patience_s
        self._speech: deque[Sound] = deque()
        self._keys: deque[str] = deque()
        self._since_s: float | None = None
        self._answer_began_s: float | None = None
        self._last_heard_s = 0.0
        self._line = cycle(_QUIET_LINE)

    @property
    def steps_left(self) -> int:
        """Steps not yet begun."""
        return len(self._steps)

    def act(self, at_s: float, hears: bool) -> Act:
        """What the caller does in the 20 ms that begin at `at_s`, hearing the agent or not."""
        if self._speech:
            sound = self._speech.popleft()
            if not self._speech:
                self._wait_from(at_s)
            return sound
        if self._keys:
            self._wait_from(at_s)
            return Key(self._keys.popleft(), next(self._line))
        since_s = self._since_s = at_s if self._since_s is None else self._since_s
        if hears:
            self._last_heard_s = at_s
            if self._answer_began_s is None:
                self._answer_began_s = at_s
        return self._take_step(at_s) if self._is_due(at_s, since_s) else Quiet(next(self._line))

    def _is_due(self, at_s: float, since_s: float) -> bool:
        step = self._steps[0] if self._steps else None
        if self._answer_began_s is None:
            return at_s - since_s >= self._patience_s
        if isinstance(step, Say) and step.cut_in_s is not None:
            return at_s - self._answer_began_s >= step.cut_in_s
        quiet_s = step.seconds if isinstance(step, Wait) else self._quiet_s
        return at_s - self._last_heard_s >= quiet_s

    def _take_step(self, at_s: float) -> Act:
        if not self._steps:
            return HangUp()
        match self._steps.pop(0):
            case Say(pcm):
                self._speech.extend(_frames(pcm))
            case Press(digits):
                self._keys.extend(digits)
            case Wait():
                self._wait_from(at_s)
                return Quiet(next(self._line))
        return self.act(at_s, hears=False)

    def _wait_from(self, at_s: float) -> None:
        self._since_s = at_s
        self._answer_began_s = None
        self._patience_s = self._next_patience_s


def _frames(pcm: Pcm) -> list[Sound]:
    """An utterance in 20 ms frames, the last one filled up."""
    whole = np.concatenate([pcm, np.zeros(-len(pcm) % FRAME_SAMPLES, dtype=np.int16)])
    if not len(whole):
        whole = np.zeros(FRAME_SAMPLES, dtype=np.int16)
    loud = np.flatnonzero(np.abs(whole.astype(np.int32)) >= SOUND_LEVEL)
    last = (int(loud[-1]) if len(loud) else len(whole) - 1) // FRAME_SAMPLES
    ulaw = encode_ulaw(whole)
    return [
        Sound(ulaw[at * FRAME_SAMPLES : (at + 1) * FRAME_SAMPLES], first=at == 0, last_sound=at == last)
        for at in range(len(whole) // FRAME_SAMPLES)
    ]
