"""Kokoro-82M as another voice: many speakers, about ten times the work of hibari, less control over the style."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Speech
from pipelines.speech.phonemes import LONGEST_TEXT, EnglishPhonemes
from pipelines.speech.pool import Pool
from pipelines.speech.style import FASTEST, SLOWEST, Floats, Sounded, assemble
from pipelines.speech.voice_network import VoiceNetwork

RATE_HZ = 24_000

NETWORK = "kokoro-v1.0.int8.onnx"
VOICES = "voices"
"""In the model's folder: the network's file, and the folder of the voices, `<name>.bin` each."""

_STYLES, _STYLE_SIZE = 510, 256
"""A voice is one style vector for each length of a phrase in phonemes."""

_WARM_UP = "Hello, and thank you for calling."


class KokoroSpeaker:
    """`ports.Speaker` over Kokoro; one for the whole process.

    Of a `Style` it obeys rate, volume and pauses. Pitch, range and breath come out of the network finished and are
    left as they are. Word times are estimated from phonemes (see `word_times`).
    """

    def __init__(self, voice: KokoroVoice, *, at_once: int = 1) -> None:
        """Take a loaded voice; `load` makes one.

        Args:
            voice: the voice.
            at_once: sentences synthesised at the same time.
        """
        self._voice = voice
        self._pool = Pool("kokoro", at_once=at_once)

    @classmethod
    def load(cls, folder: Path, *, voice: str = "heart", threads: int = 2, at_once: int = 1) -> KokoroSpeaker:
        """Load a voice. It blocks for seconds: call it in a thread, before calls come.

        Args:
            folder: where the network and its voices lie.
            voice: 'af_heart' or, where only one voice ends so, 'heart'.
            threads: of one synthesis.
            at_once: sentences synthesised at the same time.

        Raises:
            EngineFailed: a file is absent or is not what it should be.
        """
        return cls(KokoroVoice(folder, voice, threads=threads), at_once=at_once)

    @property
    def rate_hz(self) -> int:
        """24 kHz."""
        return RATE_HZ

    async def speak(self, text: str, style: Style) -> Speech:
        """See `ports.Speaker`. Any text is taken; the words returned are exactly those of `text.split()`.

        Raises:
            EngineFailed: too many sentences wait, or the network broke.
        """
        return await self._pool.run(lambda: self._voice.say(text, style), deadline_s=30.0)

    async def warm_up(self) -> None:
        """Speak once, so that the first caller does not pay for it."""
        await self.speak(_WARM_UP, Style())

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()


class KokoroVoice:
    """The network, one voice and the rules; blocking and thread-safe."""

    def __init__(self, folder: Path, voice: str, *, threads: int) -> None:
        """Load a voice.

        Raises:
            EngineFailed: a file is absent or is not what it should be.
        """
        file = voice_file(folder / VOICES, voice)
        self._styles = read_voice(file)
        self._phonemes = EnglishPhonemes(british=file.stem.startswith("b"))
        self._network = VoiceNetwork(folder / NETWORK, threads=threads)
        self._ids_name = "tokens" if "tokens" in self._network.inputs else "input_ids"

    def say(self, text: str, style: Style) -> Speech:
        """Synthesise text phrase by phrase; what is beyond `LONGEST_TEXT` is left out, of the words as well."""
        text = text[:LONGEST_TEXT]
        return assemble(text, self._sound(text, style), style, RATE_HZ)

    def _sound(self, text: str, style: Style) -> Iterator[Sounded]:
        rate = min(FASTEST, max(SLOWEST, style.rate))
        for phrase in self._phonemes.read(text):
            ids = self._phonemes.ids(phrase.phonemes)
            (wave, *_) = self._network.run(
                {
                    self._ids_name: np.asarray([ids], np.int64),
                    "style": self._styles[len(ids) - 2],
                    "speed": np.asarray([rate], np.float32),
                }
            )
            yield Sounded(phrase, wave.reshape(-1))


def voice_file(folder: Path, voice: str) -> Path:
    """The file of a voice by its name ('bf_emma') or the end of it ('emma').

    Raises:
        EngineFailed: there is none, or several.
    """
    found = sorted(file for file in folder.glob("*.bin") if voice in (file.stem, file.stem.partition("_")[2]))
    if len(found) != 1:
        there = ", ".join(sorted(file.stem for file in folder.glob("*.bin"))) or f"none in {folder}"
        raise EngineFailed(f"kokoro: {'several voices' if found else 'no voice'} {voice!r}; there are {there}")
    return found[0]


def read_voice(file: Path) -> Floats:
    """Style vectors of a voice, shape (510, 1, 256): one for each length of a phrase.

    Raises:
        EngineFailed: the file does not hold them.
    """
    values = np.fromfile(file, dtype="<f4")
    if values.size != _STYLES * _STYLE_SIZE or not np.isfinite(values).all():
        raise EngineFailed(f"kokoro: {file.name} is no voice: {values.size} numbers, {_STYLES * _STYLE_SIZE} expected")
    return values.astype(np.float32).reshape(_STYLES, 1, _STYLE_SIZE)
