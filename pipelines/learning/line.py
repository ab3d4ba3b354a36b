"""The telephone line as training sees it: codecs, band, noise, gain. Offline only; every random choice is seeded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import av
import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from pipelines.ports import Pcm

LINE_RATE_HZ = 8000


class Codec(StrEnum):
    """Speech codecs of telephone lines, named as FFmpeg names their encoders."""

    MU_LAW = "pcm_mulaw"
    A_LAW = "pcm_alaw"
    AMR_NB = "libopencore_amrnb"
    OPUS = "libopus"


_BIT_RATES = {Codec.AMR_NB: 7400, Codec.OPUS: 12000}
_DECODERS = {Codec.AMR_NB: "amrnb", Codec.OPUS: "libopus"}
_FRAME = LINE_RATE_HZ // 50


def to_rate(pcm: Pcm, from_hz: int, to_hz: int) -> Pcm:
    """Resample 16-bit audio (soxr, high quality)."""
    if from_hz == to_hz:
        return pcm
    return np.asarray(soxr.resample(pcm, from_hz, to_hz), dtype=np.int16)


def coded(pcm: Pcm, codec: Codec) -> Pcm:
    """Send 8 kHz audio through a codec and back, 20 ms at a time; the length is kept.

    Raises:
        av.error.FFmpegError: the codec is not in this build of FFmpeg.
    """
    sender = av.CodecContext.create(codec.value, "w")
    receiver = av.CodecContext.create(_DECODERS.get(codec, codec.value), "r")
    assert isinstance(sender, av.AudioCodecContext)
    assert isinstance(receiver, av.AudioCodecContext)
    for side in (sender, receiver):
        side.sample_rate = LINE_RATE_HZ
        side.layout = "mono"
    sender.format = "s16"
    if codec in _BIT_RATES:
        sender.bit_rate = _BIT_RATES[codec]
    heard: list[NDArray[np.float32]] = []
    for start in range(0, len(pcm) + 2 * _FRAME, _FRAME):  # two frames more: codecs with a delay give the tail late
        piece = np.zeros(_FRAME, np.int16)
        piece[: max(0, min(_FRAME, len(pcm) - start))] = pcm[start : start + _FRAME]
        frame = av.AudioFrame.from_ndarray(piece[None, :], format="s16", layout="mono")
        frame.sample_rate = LINE_RATE_HZ
        frame.pts = start
        for packet in sender.encode(frame):
            heard.extend(_samples(out) for out in receiver.decode(packet))
    whole = np.concatenate(heard) if heard else np.zeros(0, np.float32)
    if receiver.sample_rate != LINE_RATE_HZ:  # Opus decodes to 48 kHz
        whole = np.asarray(soxr.resample(whole, receiver.sample_rate, LINE_RATE_HZ), dtype=np.float32)
    whole = np.pad(whole[: len(pcm)], (0, max(0, len(pcm) - len(whole))))
    return np.asarray(np.clip(np.rint(whole * 32768.0), -32768, 32767), dtype=np.int16)


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    raw = frame.to_ndarray().reshape(-1)
    return raw.astype(np.float32) / 32768.0 if raw.dtype == np.int16 else raw.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Line:
    """One telephone line.

    Attributes:
        codec: how it is coded.
        gain_db: change of level before coding; loud lines clip.
        noise_db: signal to noise ratio in dB, None for a quiet line.
        pink: whether the noise falls by 3 dB an octave.
        narrow: whether the band ends at 300 and 3400 Hz.
    """

    codec: Codec = Codec.MU_LAW
    gain_db: float = 0.0
    noise_db: float | None = None
    pink: bool = False
    narrow: bool = False

    @classmethod
    def drawn(cls, chance: np.random.Generator) -> Line:
        """A random line: any codec, -18..+8 dB, half of them noisy at 8..30 dB, half of them narrow."""
        return cls(
            codec=list(Codec)[int(chance.integers(len(Codec)))],
            gain_db=float(chance.uniform(-18, 8)),
            noise_db=float(chance.uniform(8, 30)) if chance.random() < 0.5 else None,
            pink=bool(chance.random() < 0.5),
            narrow=bool(chance.random() < 0.5),
        )

    def carry(self, pcm: Pcm, rate_hz: int, chance: np.random.Generator) -> Pcm:
        """What comes out at the far end, at 8 kHz."""
        sound = to_rate(pcm, rate_hz, LINE_RATE_HZ).astype(np.float32)
        if self.narrow:
            sound = np.asarray(signal.sosfilt(_NARROW, sound), dtype=np.float32)
        if self.noise_db is not None:
            noise = chance.standard_normal(len(sound))
            if self.pink:
                noise = _pinkened(noise)
            power = float(np.mean(sound**2)) / 10 ** (self.noise_db / 10)
            sound = sound + (noise * np.sqrt(power / max(1e-9, float(np.mean(noise**2))))).astype(np.float32)
        sound = sound * 10 ** (self.gain_db / 20)
        return coded(np.clip(sound, -32768, 32767).astype(np.int16), self.codec)


_NARROW = signal.butter(4, (300, 3400), btype="bandpass", fs=LINE_RATE_HZ, output="sos")


def _pinkened(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(noise)
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    return np.fft.irfft(spectrum, len(noise))
