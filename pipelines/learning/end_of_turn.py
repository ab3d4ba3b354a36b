"""Labelled pauses over a telephone line, and what Silero and Smart Turn make of each: to tune and to measure.

A case is a stretch of real speech and the silence after it. It is an *end* where the recording's speaker had finished
(a clip that ends with its sentence; in the two-channel call, a pause after which the other party speaks) and a *pause*
where the same speaker goes on (a natural pause inside a clip, or 300 or 600 ms of line noise inserted at the quietest
place in the middle of a sentence). Silence is never digital: a line's idle noise goes under everything.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipelines.learning.line import LINE_RATE_HZ, Codec, coded, to_rate
from pipelines.learning.recognition import Clip, asterisk_clips, ljspeech_clips
from pipelines.ports import Pcm
from pipelines.turns.detection import WINDOW_S, TurnModels
from pipelines.turns.ending import Manner, Verdict, judge

RATE_HZ = 16_000
LEVEL = 8000
"""Peak of a case: a caller at a normal level."""

IDLE_NOISE = 12.0
"""Standard deviation of the line's noise: about -69 dBFS."""

SPEECH_DB = 32.0
"""Sound within so many dB of a clip's loud parts counts as speech."""

AFTER_END_S = 4.0
AFTER_PAUSE_S = 0.8

INSERTED_S = (0.3, 0.6)
NATURAL_S = (0.2, 0.8)
"""Natural pauses of these lengths are taken; a longer one inside read speech mostly is a paragraph's."""

LOOKS = (3, 6, 9, 12, 16, 20, 25, 30, 36)
"""Smart Turn is asked after so many quiet windows of 32 ms; at the sixth, voice activity ends."""

EARLY_S = -0.2
"""Voice activity may end on a fading last sound before our own measure of it does."""

_FRAME = RATE_HZ // 100
_BEFORE_S = 0.7
"""Pipecat hands Smart Turn so much of what came before the voice was confirmed."""

_LONGEST_S = 8.0


class Arousal(StrEnum):
    """How much is in the voice, by the acted emotion."""

    HIGH = "high"
    LOW = "low"
    MIDDLE = "middle"


_AROUSAL = {
    "anger": Arousal.HIGH,
    "happiness": Arousal.HIGH,
    "fear": Arousal.HIGH,
    "sadness": Arousal.LOW,
    "boredom": Arousal.LOW,
    "neutral": Arousal.MIDDLE,
    "disgust": Arousal.MIDDLE,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled silence.

    Attributes:
        source: the recordings it comes from.
        speaker: who speaks, unique over all sources.
        is_end: whether the speaker had finished.
        pause_s: length of the silence; infinite at an end.
        natural: whether the silence was there already.
        arousal: where the source tells.
        pcm: 16 kHz samples as the line brings them.
        last_sound: index of the sample after the last sound before the silence.
    """

    source: str
    speaker: str
    is_end: bool
    pause_s: float
    natural: bool
    arousal: Arousal | None
    pcm: Pcm
    last_sound: int


@dataclass(frozen=True, slots=True)
class Look:
    """Smart Turn's opinion at one moment of the silence.

    Attributes:
        quiet_windows: windows without voice so far.
        silent_s: seconds since the last sound.
        probability: that the turn is over.
    """

    quiet_windows: int
    silent_s: float
    probability: float


@dataclass(frozen=True, slots=True)
class Trace:
    """What the models made of one case.

    Attributes:
        source: as in the case.
        speaker: as in the case.
        is_end: as in the case.
        pause_s: as in the case.
        natural: as in the case.
        arousal: as in the case.
        looks: in order, until the voice was there again.
        again_s: seconds from the last sound to the first window with voice; infinite at an end.
        confirmed_s: the same to the moment at which Pipecat counts it as speech.
    """

    source: str
    speaker: str
    is_end: bool
    pause_s: float
    natural: bool
    arousal: Arousal | None
    looks: tuple[Look, ...]
    again_s: float
    confirmed_s: float


def is_tuning(speaker: str) -> bool:
    """Whether a speaker belongs to the half that thresholds are chosen on; the other half is only measured."""
    return zlib.crc32(speaker.encode()) % 2 == 0


def cases(data: Path, prompts: Path | None = None) -> Iterator[Case]:
    """Every case of the recordings that are there, in a fixed order.

    Args:
        data: holds `emodb`, `speech/librispeech`, `speech/ljspeech` and `calls`, or some of them.
        prompts: root of the unpacked packages of Asterisk's English prompts.
    """
    if (data / "emodb" / "labels.csv").is_file():
        yield from _acted(data / "emodb")
    if (data / "speech" / "librispeech").is_dir():
        for file in sorted((data / "speech" / "librispeech").glob("*.flac")):
            yield from _pauses_inside(_read(file), "librispeech", "ls-" + file.name.split("-")[0])
    if (data / "speech" / "ljspeech" / "metadata.csv").is_file():
        yield from _spoken(ljspeech_clips(data / "speech" / "ljspeech"), "ljspeech", "lj")
    if prompts is not None:
        yield from _spoken(asterisk_clips(prompts), "prompts", "allison")
    caller, agent = (data / "calls" / f"Auto_Repairs_40_UTC_{party}.flac" for party in ("caller", "agent"))
    if caller.is_file() and agent.is_file():
        yield from _talked(_read(caller), _read(agent))


def _acted(folder: Path) -> Iterator[Case]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        pcm = _read(folder / row["file"])
        speaker, arousal = "emodb-" + row["speaker"], _AROUSAL[row["emotion"]]
        yield from _end(pcm, "emodb", speaker, arousal)
        yield from _inserted(pcm, "emodb", speaker, arousal)


def _spoken(clips: Iterable[Clip], source: str, speaker: str) -> Iterator[Case]:
    for clip in clips:
        pcm = _read(clip.file)
        if clip.transcript.rstrip("\"') ").endswith((".", "?", "!")):
            yield from _end(pcm, source, speaker, None)
        yield from _pauses_inside(pcm, source, speaker)
        yield from _inserted(pcm, source, speaker, None)


def _end(pcm: Pcm, source: str, speaker: str, arousal: Arousal | None) -> Iterator[Case]:
    """The silence after the whole clip."""
    speech = _speech(pcm)
    if len(speech):
        last = (int(speech[-1]) + 1) * _FRAME
        yield _case(source, speaker, pcm[:last], float("inf"), pcm[:0], natural=True, arousal=arousal)


def _inserted(pcm: Pcm, source: str, speaker: str, arousal: Arousal | None) -> Iterator[Case]:
    """Pauses put in at the quietest 40 ms between 30 and 70 % of the speech."""
    speech = _speech(pcm)
    if len(speech) < 120:
        return
    first, last = int(speech[0]), int(speech[-1])
    level = np.convolve(_levels(pcm), np.ones(4) / 4, "same")
    low, high = first + (last - first) * 3 // 10, first + (last - first) * 7 // 10
    at = (low + int(np.argmin(level[low:high]))) * _FRAME
    for pause_s in INSERTED_S:
        rest = pcm[at : at + int(AFTER_PAUSE_S * RATE_HZ)]
        yield _case(source, speaker, _faded(pcm[:at]), pause_s, rest, natural=False, arousal=arousal)


def _pauses_inside(pcm: Pcm, source: str, speaker: str) -> Iterator[Case]:
    """Natural pauses that the speaker made and went on after."""
    for end, begin in _gaps(pcm):
        pause_s = (begin - end) * _FRAME / RATE_HZ
        if NATURAL_S[0] <= pause_s <= NATURAL_S[1] and end > 60:
            rest = pcm[begin * _FRAME : begin * _FRAME + int(AFTER_PAUSE_S * RATE_HZ)]
            yield _case(source, speaker, pcm[: end * _FRAME], pause_s, rest, natural=True, arousal=None)


def _talked(caller: Pcm, agent: Pcm) -> Iterator[Case]:
    """Pauses of a caller in a real call: an end where the agent speaks next, a pause where the caller goes on."""
    theirs = np.zeros(len(caller) // _FRAME + 2, bool)
    theirs[[frame for frame in _speech(agent) if frame < len(theirs)]] = True
    for end, begin in _gaps(caller, closing=True):
        pause_s = (begin - end) * _FRAME / RATE_HZ
        if theirs[max(0, end - 30) : end].any():
            continue  # both speak: whose turn it is cannot be told
        answered = np.flatnonzero(theirs[end:begin])
        before = caller[max(0, end * _FRAME - int(_LONGEST_S * RATE_HZ)) : end * _FRAME]
        if not len(answered) and NATURAL_S[0] <= pause_s <= NATURAL_S[1]:
            rest = caller[begin * _FRAME : begin * _FRAME + int(AFTER_PAUSE_S * RATE_HZ)]
            yield _case("call", "repairs-caller", before, pause_s, rest, natural=True, arousal=None)
        elif len(answered) and answered[0] * _FRAME / RATE_HZ >= 0.1:
            yield _case("call", "repairs-caller", before, float("inf"), caller[:0], natural=True, arousal=None)


def _case(
    source: str, speaker: str, before: Pcm, pause_s: float, after: Pcm, *, natural: bool, arousal: Arousal | None
) -> Case:
    """Put a case together and send it down the line."""
    before = before[-int((_LONGEST_S + 1) * RATE_HZ) :]
    lead = int(0.5 * RATE_HZ)
    silent_s = AFTER_END_S if pause_s == float("inf") else pause_s
    parts = [np.zeros(lead), before, np.zeros(int(silent_s * RATE_HZ)), after, np.zeros(int(0.2 * RATE_HZ))]
    whole = np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])
    whole *= LEVEL / max(1.0, float(np.percentile(np.abs(before.astype(np.float64)), 99.5)))
    chance = np.random.default_rng(zlib.crc32(before.tobytes()) + int(100 * min(silent_s, 9)))
    whole += chance.normal(0, IDLE_NOISE, len(whole))
    narrow = to_rate(np.clip(whole, -32768, 32767).astype(np.int16), RATE_HZ, LINE_RATE_HZ)
    pcm = to_rate(coded(narrow, Codec.MU_LAW), LINE_RATE_HZ, RATE_HZ)
    return Case(source, speaker, not len(after), pause_s, natural, arousal, pcm, lead + len(before))


def _read(file: Path) -> Pcm:
    samples, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
    return to_rate(np.ascontiguousarray(samples[:, 0]), rate_hz, RATE_HZ)


def _faded(pcm: Pcm) -> Pcm:
    ramp = np.ones(len(pcm))
    ramp[-80:] = np.linspace(1, 0, 80)
    return (pcm * ramp).astype(np.int16)


def _levels(pcm: Pcm) -> NDArray[np.float64]:
    """Level of each 10 ms in dB."""
    count = len(pcm) // _FRAME
    squares = pcm[: count * _FRAME].reshape(count, _FRAME).astype(np.float64) ** 2
    return np.asarray(10 * np.log10(squares.mean(axis=1) + 1.0))


def _speech(pcm: Pcm) -> NDArray[np.intp]:
    """Indices of the 10 ms frames with speech."""
    level = _levels(pcm)
    return np.flatnonzero(level > np.percentile(level, 95) - SPEECH_DB) if len(level) else np.zeros(0, np.intp)


def _gaps(pcm: Pcm, *, closing: bool = False) -> list[tuple[int, int]]:
    """First silent frame and first frame of the speech after it, for every silence of 150 ms or more."""
    speech = _speech(pcm)
    found = [(int(a) + 1, int(b)) for a, b in pairwise(speech) if b - a > 15]
    if closing and len(speech):
        found.append((int(speech[-1]) + 1, len(pcm) // _FRAME))
    return found


def trace(case: Case, models: TurnModels) -> Trace:
    """Run voice activity and Smart Turn over a case as a call would, window by window. Blocking, half a second."""
    vad = models.voice_activity()
    vad.set_sample_rate(RATE_HZ)
    turn = models.end_of_turn()
    turn.set_sample_rate(RATE_HZ)
    window = int(WINDOW_S * RATE_HZ)
    looks: list[Look] = []
    again_s = confirmed_s = float("inf")
    began: int | None = None
    for at in range(0, len(case.pcm) - window, window):
        state = vad._run_analyzer(case.pcm[at : at + window].tobytes())
        now = at + window
        silent_s = (now - case.last_sound) / RATE_HZ
        if began is None:
            began = now if vad.voiced_windows >= 6 else None
            continue
        if silent_s < EARLY_S:
            continue
        if vad.voiced_windows and silent_s > min(case.pause_s, AFTER_END_S):
            again_s = min(again_s, silent_s)
            if vad.voiced_windows >= 6 or state.name == "SPEAKING":
                confirmed_s = silent_s
                break
        elif vad.quiet_windows in LOOKS and (not looks or vad.quiet_windows > looks[-1].quiet_windows):
            segment = case.pcm[max(0, began - int(_BEFORE_S * RATE_HZ)) : now][-int(_LONGEST_S * RATE_HZ) :]
            probability = float(turn._predict_endpoint(segment.astype(np.float32) / 32768.0)["probability"])
            looks.append(Look(vad.quiet_windows, silent_s, probability))
        if vad.quiet_windows > LOOKS[-1]:
            break
    return Trace(
        case.source,
        case.speaker,
        case.is_end,
        case.pause_s,
        case.natural,
        case.arousal,
        tuple(looks),
        again_s,
        confirmed_s,
    )


# -- how the traces are judged ------------------------------------------------------------------

PIPECAT_STOP_S = 3.0
"""Pipecat's default wait where Smart Turn says "not finished"."""

PIPECAT_SURE = 0.5
VAD_STOP_WINDOWS = 6
PREDICTION_S = 0.03
"""Smart Turn's own time on a quiet core; the same for both."""


CALM = Manner()


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to end turns.

    Attributes:
        name: for the table.
        end_s: seconds from the last sound to the end of the turn with its words.
        gone_s: seconds from the last sound of a pause to the moment at which a waiting end is taken back.
    """

    name: str
    end_s: Callable[[Trace], float]
    gone_s: Callable[[Trace], float]


def pipecat_default(recognition_s: float) -> Rule:
    """Silero and Smart Turn with Pipecat's defaults: one look when voice activity ends, then three seconds.

    Args:
        recognition_s: the recogniser's time; recognition begins when voice activity ends.
    """

    def end_s(trace: Trace) -> float:
        for look in trace.looks:
            if look.quiet_windows == VAD_STOP_WINDOWS:
                sure = look.probability > PIPECAT_SURE
                return look.silent_s + max(PREDICTION_S, recognition_s) if sure else PIPECAT_STOP_S
        return PIPECAT_STOP_S

    return Rule("Pipecat's default", end_s, lambda trace: trace.confirmed_s)


def attune(recognition_s: float, patience_s: float, manner: Manner = CALM) -> Rule:
    """The rule of `pipelines.turns.ending`, asked at every look.

    Args:
        recognition_s: the recogniser's time; recognition begins at the third quiet window.
        patience_s: as in the conversation's plan.
        manner: of the caller.
    """

    def end_s(trace: Trace) -> float:
        offset_s, words_s = 0.0, float("inf")
        for look in trace.looks:
            quiet_s = look.quiet_windows * WINDOW_S
            offset_s = look.silent_s - quiet_s
            words_s = min(words_s, look.silent_s + recognition_s)
            if look.quiet_windows < VAD_STOP_WINDOWS:
                continue
            if judge(quiet_s, look.probability, patience_s, manner) is Verdict.END:
                by_patience_s = offset_s + patience_s * manner.stretch
                return max(min(look.silent_s + PREDICTION_S, by_patience_s), words_s)
        return offset_s + patience_s * manner.stretch

    return Rule("Attune", end_s, lambda trace: trace.again_s)


@dataclass(frozen=True, slots=True)
class TurnScore:
    """How a rule did on some traces.

    Attributes:
        delays_s: at each true end, seconds from the last sound to the end of the turn.
        cut_off: at each pause, by its length (0.3 or 0.6), whether the caller was cut off.
    """

    delays_s: list[float]
    cut_off: dict[float, list[bool]]

    def share(self, pause_s: float) -> float:
        """Share of pauses of that length at which the caller was cut off; nan where there are none."""
        cut = self.cut_off[pause_s]
        return sum(cut) / len(cut) if cut else float("nan")


def score(rule: Rule, traces: Iterable[Trace]) -> TurnScore:
    """Judge a rule. A pause counts with the nearer of 0.3 and 0.6 s."""
    delays: list[float] = []
    cut: dict[float, list[bool]] = {length: [] for length in INSERTED_S}
    for one in traces:
        if one.is_end:
            delays.append(rule.end_s(one))
        else:
            length = min(INSERTED_S, key=lambda length: abs(length - one.pause_s))
            cut[length].append(rule.end_s(one) < rule.gone_s(one))
    return TurnScore(delays, cut)


def interval(cut: Sequence[bool]) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    count = len(cut)
    if not count:
        return float("nan"), float("nan")
    share, z = sum(cut) / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return float(middle - half), float(middle + half)
