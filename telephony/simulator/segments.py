"""Cut a recording of one party into its utterances. Pure."""

from __future__ import annotations

import numpy as np

from telephony.audio import Pcm

_FRAME_S = 0.02
_PAD_S = 0.12
"""Kept on both sides of an utterance: soft beginnings and ends are below the level that found it."""

_FINEST_PAUSE_S = 0.25


def cut(
    pcm: Pcm,
    rate_hz: int,
    *,
    pause_s: float = 0.8,
    shortest_s: float = 0.4,
    longest_s: float = 12.0,
) -> list[Pcm]:
    """The utterances of a recording, in order, without the pauses between them.

    Speech is where the level is 12 dB above the recording's quiet fifth and not more than 40 dB below its loudest
    hundredth.

    Args:
        pcm: one party, shape (samples,).
        rate_hz: its sample rate.
        pause_s: silence that ends an utterance.
        shortest_s: shorter sounds join the utterance before them if the pause is less than two `pause_s`, else
            they are dropped.
        longest_s: a longer utterance is cut at its longest inner pause, if that is 0.25 s or more.
    """
    frame = max(1, round(rate_hz * _FRAME_S))
    count = len(pcm) // frame
    if not count:
        return []
    squares = pcm[: count * frame].reshape(count, frame).astype(np.float64) ** 2
    level_db = 10 * np.log10(squares.mean(axis=1) + 1.0)
    floor_db = max(float(np.percentile(level_db, 20)) + 12, float(np.percentile(level_db, 99)) - 40)
    speech = np.flatnonzero(level_db > floor_db)
    spans = _join(_runs(speech, _frames(pause_s)), _frames(shortest_s), _frames(2 * pause_s))
    pieces = [piece for span in spans for piece in _shorten(speech, span, _frames(longest_s))]
    pad = _frames(_PAD_S)
    return [pcm[max(0, begin - pad) * frame : min(count, end + 1 + pad) * frame] for begin, end in pieces]


def _frames(seconds: float) -> int:
    return round(seconds / _FRAME_S)


def _runs(frames: np.ndarray[tuple[int], np.dtype[np.intp]], pause: int) -> list[tuple[int, int]]:
    """First and last frame of every stretch without a pause of `pause` frames."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > pause)
    begins = np.concatenate([frames[:1], frames[breaks + 1]])
    ends = np.concatenate([frames[breaks], frames[-1:]])
    return [(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]


def _join(spans: list[tuple[int, int]], shortest: int, near: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if end - begin + 1 >= shortest:
            joined.append((begin, end))
        elif joined and begin - joined[-1][1] < near:
            joined[-1] = (joined[-1][0], end)
    return joined


def _shorten(
    speech: np.ndarray[tuple[int], np.dtype[np.intp]], span: tuple[int, int], longest: int
) -> list[tuple[int, int]]:
    begin, end = span
    if end - begin < longest:
        return [span]
    inside = speech[(speech >= begin) & (speech <= end)]
    pauses = np.diff(inside)
    at = int(np.argmax(pauses))
    if pauses[at] < _frames(_FINEST_PAUSE_S):
        return [span]
    first, second = (begin, int(inside[at])), (int(inside[at + 1]), end)
    return [*_shorten(speech, first, longest), *_shorten(speech, second, longest)]
