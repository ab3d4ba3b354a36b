"""What the carrier knows of a call afterwards: its own ledger, both ears, and the turns."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telephony.audio import FRAME_SAMPLES, TELEPHONE_HZ, Pcm, decode_ulaw


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        at_s: seconds since the call was placed.
        kind: what happened, a word from a fixed set.
        detail: what it was about.
    """

    at_s: float
    kind: str
    detail: str = ""


@dataclass(slots=True)
class Turn:
    """One utterance of the caller and what came back.

    Attributes:
        index: from 1.
        started_s: when its first frame was sent.
        started_frame: index of that frame in the recording.
        last_sound_s: when the frame with the caller's last audible sample was sent; None while speaking.
        last_sound_frame: index of that frame.
        talked_over: the agent was sounding when the caller fell silent, so the latency means nothing.
        first_media_s: when the first audio after it arrived.
        first_sound_s: when the first audible audio after it arrived.
    """

    index: int
    started_s: float
    started_frame: int
    last_sound_s: float | None = None
    last_sound_frame: int | None = None
    talked_over: bool = False
    first_media_s: float | None = None
    first_sound_s: float | None = None

    @property
    def latency_s(self) -> float | None:
        """Caller's last sound sent -> first sound of the answer arrived; None without an answer or when talked over."""
        if self.last_sound_s is None or self.first_sound_s is None or self.talked_over:
            return None
        return self.first_sound_s - self.last_sound_s


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that is over.

    Attributes:
        carrier_call_id: CallSid.
        ended: how it ended, in words.
        ledger: everything in order.
        turns: the caller's utterances.
        late_s: per arriving piece of audio, how long after the end of the audio before it it arrived (0: in time).
        caller_ulaw: what the service's ear heard, 20 ms a frame.
        agent_ulaw: what the caller's ear heard, same length.
    """

    carrier_call_id: str
    ended: str
    ledger: tuple[Entry, ...]
    turns: tuple[Turn, ...]
    late_s: tuple[float, ...]
    caller_ulaw: bytes
    agent_ulaw: bytes

    def entries(self, kind: str) -> list[Entry]:
        """The ledger's lines of one kind."""
        return [entry for entry in self.ledger if entry.kind == kind]

    def gaps_s(self, longest_s: float = 0.5) -> list[float]:
        """Lateness of audio within speech; what came later than `longest_s` began a new stretch of speech."""
        return [late for late in self.late_s if late < longest_s]

    def answer(self, turn: Turn) -> Pcm:
        """What the caller heard after this turn and before the next, 8 kHz."""
        begin = (turn.last_sound_frame if turn.last_sound_frame is not None else turn.started_frame) * FRAME_SAMPLES
        later = [other.started_frame for other in self.turns if other.index == turn.index + 1]
        end = later[0] * FRAME_SAMPLES if later else len(self.agent_ulaw)
        return decode_ulaw(self.agent_ulaw[begin:end])

    def stereo(self) -> NDArray[np.int16]:
        """Both channels sample by sample, shape (samples, 2): caller, agent; 8 kHz."""
        return np.stack([decode_ulaw(self.caller_ulaw), decode_ulaw(self.agent_ulaw)], axis=1)

    def write_wav(self, path: Path) -> None:
        """Write the stereo recording as 16-bit WAV.

        Raises:
            OSError: the file cannot be written.
        """
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(TELEPHONE_HZ)
            file.writeframes(self.stereo().astype("<i2").tobytes())
