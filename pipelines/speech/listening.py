"""Where the caller's sound is let in or kept out: silence takes its place while a secret is typed or music plays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from pipelines.ports import Pcm
from pipelines.turns.book import TurnBook

SECRET = "secret"
MUSIC = "hold_music"
"""Why nothing is listened to."""

_LOUD_DBFS = -42.0
_FLAT = 0.12
"""Spectral flatness below which a frame is tonal; white noise has about 0.56, a held chord below 0.05."""
_STEADY_S = 6.0
_LOUD_SHARE = 0.97
_TONAL_SHARE = 0.85
_QUIET_S = 0.5
_OVER_DB = 8.0
_OVER_S = 0.2


class HoldMusic:
    """Tells hold music from speech: it is tonal and never pauses. Pure; times follow from the samples.

    Speech pauses every few words, so six seconds without a pause that are tonal almost throughout are music. Half a
    second of quiet, or somebody clearly louder than the music, ends it. Music with pauses is taken for speech, which is
    the safe side: a caller must not be kept out.
    """

    def __init__(self) -> None:
        self.playing = False
        self._loud_s = self._tonal_s = self._heard_s = 0.0
        self._quiet_s = self._over_s = 0.0
        self._level_db = -100.0

    def hear(self, pcm: Pcm, rate_hz: int) -> bool:
        """Take the next 10 to 40 ms; whether music is playing."""
        if not len(pcm):
            return self.playing
        seconds = len(pcm) / rate_hz
        samples = pcm.astype(np.float32) / np.float32(32768)
        level_db = 10 * float(np.log10(np.mean(samples**2) + 1e-10))
        loud = level_db > _LOUD_DBFS
        self._quiet_s = 0.0 if loud else self._quiet_s + seconds
        if self.playing:
            self._over_s = self._over_s + seconds if level_db > self._level_db + _OVER_DB else 0.0
            if self._quiet_s >= _QUIET_S or self._over_s >= _OVER_S:
                self._begin_anew()
            return self.playing
        if self._quiet_s >= _QUIET_S / 2:
            self._begin_anew()
            return False
        self._heard_s += seconds
        self._loud_s += seconds * loud
        self._tonal_s += seconds * (loud and flatness(samples) < _FLAT)
        self._level_db = level_db if self._heard_s <= seconds else 0.98 * self._level_db + 0.02 * level_db
        steady = self._loud_s >= _LOUD_SHARE * self._heard_s and self._tonal_s >= _TONAL_SHARE * self._heard_s
        if self._heard_s >= _STEADY_S:
            if steady:
                self.playing = True
            else:
                self._begin_anew()
        return self.playing

    def _begin_anew(self) -> None:
        self.playing = False
        self._loud_s = self._tonal_s = self._heard_s = self._over_s = 0.0


def flatness(samples: NDArray[np.float32]) -> float:
    """Spectral flatness of some samples, 0 (a tone) .. 1 (a click); geometric over arithmetic mean of the power."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2 + 1e-12
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))


class Listening(FrameProcessor):
    """First behind the line: what it keeps out reaches neither recognition nor emotion nor the transcript."""

    def __init__(self, book: TurnBook) -> None:
        super().__init__()
        self._book = book
        self._music = HoldMusic()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on, sound as silence while nothing is listened to."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._book.keep_out(MUSIC, self._music.hear(np.frombuffer(frame.audio, np.int16), frame.sample_rate))
            if self._book.kept_out:
                frame.audio = bytes(len(frame.audio))
        await self.push_frame(frame, direction)
