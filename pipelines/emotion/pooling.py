"""From the recogniser's encoder states to one vector: what speech recognition and emotion share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ENCODER_FRAMES_PER_S = 50
"""Whisper's encoder gives one state per 20 ms."""


def pool_states(states: NDArray[np.float32], speech_s: float) -> NDArray[np.float32]:
    """Mean and standard deviation over the frames that hold speech.

    Args:
        states: encoder output, shape (frames, width).
        speech_s: seconds of audio behind them; the padding after it is left out.

    Returns:
        Shape (2 * width,) float32.
    """
    frames = max(1, min(len(states), int(np.ceil(speech_s * ENCODER_FRAMES_PER_S))))
    held = states[:frames].astype(np.float32, copy=False)
    return np.concatenate([held.mean(axis=0), held.std(axis=0)]).astype(np.float32, copy=False)
