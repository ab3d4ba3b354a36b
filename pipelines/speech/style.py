"""What a style does to sound: the pitch curve, the frames of a voice, loudness, and the pauses between sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.empathy.tone import Style
from pipelines.ports import Pcm, Speech, SpokenWord
from pipelines.speech.phonemes import Phrase
from pipelines.speech.word_times import estimate_starts, onto_written

Floats = NDArray[np.float32]

SENTENCE_PAUSE_S = 0.28
"""Silence after a sentence at pause 1; the style scales it."""

CLAUSE_PAUSE_S = 0.1
"""Silence after a piece of a sentence that was too long for the voice."""

VOICED_HZ = 40.0
"""Below this a pitch curve means 'unvoiced'; hibari's curve seldom reaches 0 there."""

SLOWEST, FASTEST = 0.7, 1.4
LOWEST_HZ, HIGHEST_HZ = 65.0, 450.0
CEILING = 0.97
KNEE = 0.7
"""Above this part of full scale the limiter bends; speech at volume 0 stays below it."""

ACTIVE_LEVEL_DB = -21.0
"""Mean power of speech without its gaps, in dB of full scale, at volume 0: what telephone networks expect, or a little
more. Each phrase is brought to it, because moving the pitch changes the power of a voice by up to 5 dB."""

_BLOCK = 300
_LEAD_BLOCKS, _TRAIL_BLOCKS = 2, 4
_AUDIBLE = 10 ** (-42 / 20)


def shape_pitch(f0_hz: Floats, style: Style) -> Floats:
    """Move the mean pitch and scale the excursions around it, on a logarithmic axis as the ear has it.

    Args:
        f0_hz: one value a frame; below `VOICED_HZ` unvoiced, where the result is 0.
        style: `pitch_st` and `range` are used.
    """
    voiced = f0_hz >= VOICED_HZ
    if not voiced.any():
        return np.zeros_like(f0_hz)
    log_f0 = np.log2(f0_hz[voiced])
    mean = log_f0.mean()
    shaped = np.exp2(mean + (log_f0 - mean) * style.range + style.pitch_st / 12)
    out = np.zeros_like(f0_hz)
    out[voiced] = np.clip(shaped, LOWEST_HZ, HIGHEST_HZ)
    return out


def frame_positions(frames: int, rate: float) -> NDArray[np.float64]:
    """Where to read `frames` frames so that they take 1/rate of their time; positions in 0..frames-1."""
    wanted = max(2, round(frames / min(FASTEST, max(SLOWEST, rate))))
    return np.linspace(0.0, frames - 1, wanted)


def blend(frames: Floats, positions: NDArray[np.float64]) -> Floats:
    """Values between frames, linearly; frames run along the last axis."""
    before = np.minimum(positions.astype(np.intp), frames.shape[-1] - 2)
    part = (positions - before).astype(np.float32)
    blended: Floats = frames[..., before] * (1 - part) + frames[..., before + 1] * part
    return blended


def blend_pitch(f0_hz: Floats, positions: NDArray[np.float64]) -> Floats:
    """The pitch curve between frames; where the nearest frame is unvoiced it is 0, so no glide is made up."""
    voiced = np.flatnonzero(f0_hz >= VOICED_HZ)
    if not len(voiced):
        return np.zeros(len(positions), np.float32)
    curve = np.interp(positions, voiced, np.log2(f0_hz[voiced]))
    return np.where(f0_hz[np.rint(positions).astype(np.intp)] >= VOICED_HZ, np.exp2(curve), 0.0).astype(np.float32)


def limit(wave: Floats) -> Floats:
    """Bend peaks above the knee towards the ceiling; nothing clips."""
    size = np.abs(wave)
    room = CEILING - KNEE
    bent = np.sign(wave) * (KNEE + room * np.tanh((size - KNEE) / room))
    return np.where(size > KNEE, bent, wave)


@dataclass(frozen=True, slots=True)
class Sounded:
    """One phrase and its sound, samples in -1..1."""

    phrase: Phrase
    wave: Floats


def assemble(text: str, sounded: Iterable[Sounded], style: Style, rate_hz: int) -> Speech:
    """Join phrases into speech: the voices' own silence is cut, each phrase is followed by the pause it asks for.

    The pause after the last sentence is part of it, so that sentences that are spoken one by one join as well.

    Args:
        text: as it was given to the speaker; the words returned are its words.
        sounded: phrases in order.
        style: `volume_db` and `pause` are used.
        rate_hz: of the waves.
    """
    pieces: list[Floats] = []
    words: list[SpokenWord] = []
    length = 0
    for one in sounded:
        first, last = audible(one.wave)
        if first == last:
            continue
        start, stop = max(0, first - _LEAD_BLOCKS * _BLOCK), min(len(one.wave), last + _TRAIL_BLOCKS * _BLOCK)
        words += estimate_starts(
            one.phrase.words, (length + first - start) / rate_hz, (length + last - start) / rate_hz
        )
        pause_s = style.pause * (SENTENCE_PAUSE_S if one.phrase.ends_sentence else CLAUSE_PAUSE_S)
        pause = np.zeros(round(max(0.0, pause_s) * rate_hz), np.float32)
        pieces += [_faded(one.wave[start:stop]) * levelling(one.wave[first:last]), pause]
        length += stop - start + len(pause)
    if not pieces:
        return Speech(np.zeros(0, np.int16), rate_hz, ())
    wave = limit(np.concatenate(pieces) * np.float32(10 ** (style.volume_db / 20)))
    return Speech(_pcm(wave), rate_hz, onto_written(text, words, length / rate_hz))


def audible(wave: Floats) -> tuple[int, int]:
    """First and last sample of what can be heard, in whole blocks; equal where nothing can.

    Audible is what lies less than 42 dB below the loudest block.
    """
    blocks = len(wave) // _BLOCK
    if not blocks:
        return 0, 0
    loudness = np.sqrt(np.square(wave[: blocks * _BLOCK]).reshape(blocks, _BLOCK).mean(axis=1))
    loud = np.flatnonzero(loudness > max(1e-4, float(loudness.max()) * _AUDIBLE))
    return (int(loud[0]) * _BLOCK, (int(loud[-1]) + 1) * _BLOCK) if len(loud) else (0, 0)


def levelling(wave: Floats) -> np.float32:
    """The factor that brings speech to `ACTIVE_LEVEL_DB`; blocks 25 dB below the loudest are gaps."""
    power = np.square(wave[: len(wave) // _BLOCK * _BLOCK]).reshape(-1, _BLOCK).mean(axis=1)
    active = power[power > power.max() * 10**-2.5].mean()
    return np.float32(10 ** (ACTIVE_LEVEL_DB / 20) / np.sqrt(active))


def _faded(wave: Floats) -> Floats:
    """The piece with 5 ms of fade at both ends, so that the cut makes no click."""
    ramp = np.linspace(0.0, 1.0, min(120, len(wave) // 2), dtype=np.float32)
    faded = wave.copy()
    faded[: len(ramp)] *= ramp
    faded[len(faded) - len(ramp) :] *= ramp[::-1]
    return faded


def _pcm(wave: Floats) -> Pcm:
    samples: Pcm = np.rint(wave * 32767.0).astype(np.int16)
    return samples
