"""The telephone line as training sees it: codecs, band, noise, level, loss. Offline; every chance is seeded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import signal

from pipelines.learning.surroundings import Colour, Sound, hold_music, in_a_room, noise, tilted
from pipelines.ports import Pcm

LINE_RATE_HZ = 8000


class Codec(StrEnum):
    """Speech codecs of telephone lines; the values are FFmpeg's names, but for GSM, which libsndfile codes."""

    MU_LAW = "pcm_mulaw"
    A_LAW = "pcm_alaw"
    AMR_NB = "libopencore_amrnb"
    OPUS = "libopus"
    GSM = "gsm"
    """GSM full rate, 13 kbit/s."""


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
    if codec is Codec.GSM:
        return _through_gsm(pcm)
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


def _through_gsm(pcm: Pcm) -> Pcm:
    held = io.BytesIO()
    soundfile.write(held, pcm, LINE_RATE_HZ, format="WAV", subtype="GSM610")
    held.seek(0)
    return soundfile.read(held, dtype="int16")[0][: len(pcm)]


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    raw = frame.to_ndarray().reshape(-1)
    return raw.astype(np.float32) / 32768.0 if raw.dtype == np.int16 else raw.astype(np.float32)


_MEAN_BURST = 1.5
"""Packets that are lost in a row, on the average: losses come together."""

_HELD_S, _FADED_S = 0.02, 0.06
"""What is made up keeps its level for the first of these and is silent after the second."""

_PERIODS = range(LINE_RATE_HZ // 400, LINE_RATE_HZ // 66)
"""Samples of a pitch period."""


def lost_packets(count: int, share: float, chance: np.random.Generator) -> NDArray[np.bool_]:
    """Which of so many packets are lost, in bursts (Gilbert's two states), shape (count,)."""
    back = 1 / _MEAN_BURST
    away = back * share / max(1e-9, 1 - share)
    lost = np.zeros(count, bool)
    for place in range(1, count):  # the first packet always comes: there is something to conceal from
        lost[place] = chance.random() < (1 - back if lost[place - 1] else away)
    return lost


def concealed(pcm: Pcm, lost: NDArray[np.bool_]) -> Pcm:
    """8 kHz audio whose lost packets are made up: the last pitch period goes on and fades, as in G.711 Appendix I.

    Args:
        pcm: what was sent.
        lost: per packet of 20 ms.
    """
    sound = pcm.astype(np.float32)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]])))
    for first, end in edges.reshape(-1, 2) * _FRAME:
        gap = len(sound[first:end])
        past = sound[max(0, first - 3 * _FRAME) : first]
        made_up = np.resize(past[-_period(past) :], gap) if len(past) else np.zeros(gap, np.float32)
        at_s = np.arange(gap) / LINE_RATE_HZ
        sound[first:end] = made_up * np.clip((_FADED_S - at_s) / (_FADED_S - _HELD_S), 0, 1)
    return sound.astype(np.int16)


def _period(past: NDArray[np.float32]) -> int:
    """The lag at which the last 20 ms are most like what came before them, in samples."""
    last = past[-_FRAME:]
    lags = [lag for lag in _PERIODS if lag + len(last) <= len(past)]
    if not lags:
        return len(past)
    earlier = np.array([past[len(past) - len(last) - lag : len(past) - lag] for lag in lags])
    norms = np.sqrt((earlier**2).sum(axis=1)) + 1e-6
    return lags[int(np.argmax(earlier @ last / norms))]


@dataclass(frozen=True, slots=True)
class Line:
    """One telephone line, and what is around the caller.

    Attributes:
        codec: how it is coded; None for 8 kHz without coding.
        gain_db: change of level before coding; loud lines clip.
        noise_db: signal to noise ratio in dB, None for a quiet place.
        colour: of that noise.
        tilt_db: what the handset adds per octave above 1 kHz and takes below it.
        narrow: whether the band ends at 300 and 3400 Hz.
        far: whether the caller speaks from across a room.
        music_db: speech to music ratio in dB, None without music on hold.
        clipped: share of the samples that the microphone cuts off.
        loss: share of the packets that are lost and concealed.
    """

    codec: Codec | None = Codec.MU_LAW
    gain_db: float = 0.0
    noise_db: float | None = None
    colour: Colour = Colour.WHITE
    tilt_db: float = 0.0
    narrow: bool = False
    far: bool = False
    music_db: float | None = None
    clipped: float = 0.0
    loss: float = 0.0

    @classmethod
    def drawn(cls, chance: np.random.Generator) -> Line:
        """A random line: any codec, -18..+8 dB; each kind of trouble on a part of the lines."""
        return cls(
            codec=list(Codec)[int(chance.integers(len(Codec)))],
            gain_db=float(chance.uniform(-18, 8)),
            noise_db=float(chance.uniform(8, 30)) if chance.random() < 0.5 else None,
            colour=list(Colour)[int(chance.integers(len(Colour)))],
            tilt_db=float(chance.uniform(-3, 3)),
            narrow=bool(chance.random() < 0.5),
            far=bool(chance.random() < 0.2),
            music_db=float(chance.uniform(8, 25)) if chance.random() < 0.1 else None,
            clipped=float(chance.uniform(0.005, 0.05)) if chance.random() < 0.15 else 0.0,
            loss=float(chance.uniform(0.01, 0.1)) if chance.random() < 0.35 else 0.0,
        )

    def carry(self, pcm: Pcm, rate_hz: int, chance: np.random.Generator) -> Pcm:
        """What comes out at the far end, at 8 kHz."""
        if not len(pcm):
            return pcm
        sound = to_rate(pcm, rate_hz, LINE_RATE_HZ).astype(np.float64)
        if self.far:
            sound = in_a_room(sound, LINE_RATE_HZ, chance)
        if self.tilt_db:
            sound = tilted(sound, self.tilt_db, LINE_RATE_HZ)
        if self.narrow:
            sound = np.asarray(signal.sosfilt(_NARROW, sound), dtype=np.float64)
        speech = sound
        if self.noise_db is not None:
            sound = sound + _below(speech, self.noise_db, noise(len(sound), self.colour, LINE_RATE_HZ, chance))
        if self.music_db is not None:
            sound = sound + _below(speech, self.music_db, hold_music(len(sound), LINE_RATE_HZ, chance))
        if self.clipped:
            rail = float(np.quantile(np.abs(sound), 1 - self.clipped))
            sound = np.clip(sound, -rail, rail)
        sent = np.clip(sound * 10 ** (self.gain_db / 20), -32768, 32767).astype(np.int16)
        heard = coded(sent, self.codec) if self.codec is not None else sent
        if not self.loss:
            return heard
        return concealed(heard, lost_packets(-(-len(heard) // _FRAME), self.loss, chance))


def _below(speech: Sound, ratio_db: float, other: Sound) -> Sound:
    """Another sound of mean power 1, so many dB below the speech."""
    return np.asarray(other * np.sqrt(float(np.mean(speech**2)) / 10 ** (ratio_db / 10)))


_NARROW = signal.butter(4, (300, 3400), btype="bandpass", fs=LINE_RATE_HZ, output="sos")
