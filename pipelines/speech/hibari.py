"""The embedded voice: hibari's small network with its pitch curve and spectra shaped by the style before they sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hibari import dsp
from hibari.voices import VOICES, voice_path

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Speech
from pipelines.speech.phonemes import LONGEST_TEXT, EnglishPhonemes
from pipelines.speech.pool import Pool
from pipelines.speech.style import (
    VOICED_HZ,
    Floats,
    Sounded,
    assemble,
    blend,
    blend_pitch,
    frame_positions,
    shape_pitch,
)
from pipelines.speech.voice_network import VoiceNetwork

RATE_HZ = 24_000

_DB = np.float32(np.log(10) / 20)
"""The network's spectra are natural logarithms of magnitudes."""

_WARM_UP = "Hello, and thank you for calling. Your bill is £29.99."


class HibariSpeaker:
    """`ports.Speaker` over hibari; one for the whole process.

    Everything a `Style` says is obeyed: rate and pitch range exactly, breath by the part of the sound that has no
    pitch. Word times are estimated from phonemes (see `word_times`).
    """

    def __init__(self, voice: HibariVoice, *, at_once: int = 2) -> None:
        """Take a loaded voice; `load` makes one.

        Args:
            voice: the voice.
            at_once: sentences synthesised at the same time.
        """
        self._voice = voice
        self._pool = Pool("hibari", at_once=at_once)

    @classmethod
    def load(cls, *, voice: str = "heart", threads: int = 1, at_once: int = 2) -> HibariSpeaker:
        """Load a voice. It blocks for about two seconds: call it in a thread, before calls come.

        Args:
            voice: hibari's name for it; only 'heart' is part of the package.
            threads: of one synthesis.
            at_once: sentences synthesised at the same time.

        Raises:
            EngineFailed: there is no such voice on this machine.
        """
        return cls(HibariVoice(voice, threads=threads), at_once=at_once)

    @property
    def rate_hz(self) -> int:
        """24 kHz."""
        return RATE_HZ

    async def speak(self, text: str, style: Style) -> Speech:
        """See `ports.Speaker`. Any text is taken; the words returned are exactly those of `text.split()`.

        Raises:
            EngineFailed: too many sentences wait, or the network broke.
        """
        return await self._pool.run(lambda: self._voice.say(text, style))

    async def warm_up(self) -> None:
        """Speak once, so that the first caller does not pay for it."""
        await self.speak(_WARM_UP, Style())

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()


class HibariVoice:
    """The network and the rules; blocking and thread-safe."""

    def __init__(self, voice: str, *, threads: int) -> None:
        """Load a voice that lies on this machine.

        Raises:
            EngineFailed: it does not.
        """
        if voice not in VOICES:
            raise EngineFailed(f"hibari: there is no voice {voice!r}; there are {', '.join(sorted(VOICES))}")
        try:
            path = voice_path(voice, download_missing=False)
        except FileNotFoundError as absent:
            raise EngineFailed(f"hibari: the voice {voice!r} is not on this machine ({absent})") from absent
        self._network = VoiceNetwork(Path(path), threads=threads)
        self._phonemes = EnglishPhonemes(british=VOICES[voice]["british"])

    def say(self, text: str, style: Style) -> Speech:
        """Synthesise text phrase by phrase; what is beyond `LONGEST_TEXT` is left out, of the words as well."""
        text = text[:LONGEST_TEXT]
        return assemble(text, self._sound(text, style), style, RATE_HZ)

    def _sound(self, text: str, style: Style) -> Iterator[Sounded]:
        for phrase in self._phonemes.read(text):
            ids = np.asarray([self._phonemes.ids(phrase.phonemes)], np.int64)
            spectra = self._network.run({"ids": ids, "speed": np.ones(1, np.float32)})
            yield Sounded(phrase, render([spectrum[0] for spectrum in spectra], style))


def render(spectra: list[Floats], style: Style) -> Floats:
    """Shape the network's output by the style and turn it into sound.

    The network's own speed input counts whole frames for each phoneme, which makes 0.90 and 0.92 the same; the frames
    are therefore read faster or slower instead.

    Args:
        spectra: log magnitudes of the harmonic part, its phase, log magnitudes of the noise and of the free-phase
            part, the phase of the latter, each of shape (bins, frames); then F0 in Hz, shape (frames,).
        style: `rate`, `pitch_st`, `range` and `breath_db` are used.

    Returns:
        Samples at `RATE_HZ`.
    """
    harmonic, phase, noise, free, free_phase, f0_hz = spectra
    if style.rate != 1.0:
        positions = frame_positions(len(f0_hz), style.rate)
        f0_hz = blend_pitch(f0_hz, positions)
        harmonic, phase, noise, free = (blend(part, positions) for part in (harmonic, phase, noise, free))
        free_phase = free_phase[:, np.rint(positions).astype(np.intp)]  # angles have no middle
    if style.breath_db:
        # Only where there is pitch: breath is heard in vowels, while louder s and f would only hiss. What is heard as
        # breath is in the free-phase part; the noise part of this voice is some 30 dB weaker.
        breath = np.where(f0_hz >= VOICED_HZ, _DB * np.float32(style.breath_db), np.float32(0))
        noise, free = noise + breath, free + breath
    return dsp.synth(harmonic, phase, noise, free, free_phase, shape_pitch(f0_hz, style), np.random.default_rng(0))
