"""What goes between a call worker and the emotion server: sound there, features back. Pure; nothing else is sent.

A request is the magic `AVQ1`, the sample rate and the number of samples as little-endian uint32, then the samples as
int16. An answer is `AVA1`, the seconds of speech as float32 and the number of features as uint32, then the features as
float32.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from pipelines.emotion.voice_network import LONGEST_S
from pipelines.ports import EngineFailed, Pcm, VoiceFeatures

_ASKED: Final = struct.Struct("<4sII")
_ANSWERED: Final = struct.Struct("<4sfI")
_RATES_HZ: Final = range(4000, 96_001)
MOST_FEATURES: Final = 65_536
LONGEST_REQUEST: Final = _ASKED.size + 2 * int(LONGEST_S * _RATES_HZ[-1])
"""Bytes."""


def ask(pcm: Pcm, rate_hz: int) -> bytes:
    """A request; of a long utterance the end alone."""
    heard = pcm[-int(LONGEST_S * rate_hz) :]
    return _ASKED.pack(b"AVQ1", rate_hz, len(heard)) + heard.astype("<i2", copy=False).tobytes()


def asked(body: bytes) -> tuple[Pcm, int]:
    """Samples and rate of a request.

    Raises:
        EngineFailed: it is none, too long, or not whole.
    """
    if len(body) < _ASKED.size:
        raise EngineFailed("emotion request: too short")
    magic, rate_hz, count = _ASKED.unpack_from(body)
    if magic != b"AVQ1" or rate_hz not in _RATES_HZ or count > LONGEST_S * rate_hz:
        raise EngineFailed("emotion request: not one of ours, or too long")
    if len(body) != _ASKED.size + 2 * count:
        raise EngineFailed("emotion request: not whole")
    return np.frombuffer(body, "<i2", offset=_ASKED.size).astype(np.int16), rate_hz


def answer(features: VoiceFeatures) -> bytes:
    """An answer."""
    vector = features.vector.astype("<f4", copy=False)
    return _ANSWERED.pack(b"AVA1", features.speech_s, len(vector)) + vector.tobytes()


def answered(body: bytes) -> VoiceFeatures:
    """The features of an answer.

    Raises:
        EngineFailed: it is none, or its numbers are not finite.
    """
    if len(body) < _ANSWERED.size:
        raise EngineFailed("emotion answer: too short")
    magic, speech_s, count = _ANSWERED.unpack_from(body)
    if magic != b"AVA1" or count > MOST_FEATURES or len(body) != _ANSWERED.size + 4 * count:
        raise EngineFailed("emotion answer: not one of ours, or not whole")
    vector = np.frombuffer(body, "<f4", offset=_ANSWERED.size).astype(np.float32)
    if not (np.isfinite(vector).all() and np.isfinite(speech_s)):
        raise EngineFailed("emotion answer: not finite")
    return VoiceFeatures(vector, float(speech_s))
