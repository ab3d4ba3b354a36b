"""The voice's place in the conversation: text in, styled speech with word times out."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.types import NOT_GIVEN, NotGiven, is_given

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Speaker, Speech, SpokenWord
from pipelines.turns.book import TurnBook

CHUNK_S = 0.2
"""Audio is handed on in pieces of this length, so that a barge-in finds little to drop."""


@dataclass
class VoicingSettings(TTSSettings):
    """What may change between two replies."""

    style: Style | NotGiven = field(default_factory=lambda: NOT_GIVEN)


class Voicing(TTSService):
    """Speaks sentence by sentence in the style that was set when the reply began.

    Word times let Pipecat keep only the heard words of an interrupted reply. Where the engine fails a spare recording
    of an apology is played, once per reply, so that the caller never meets silence.
    """

    def __init__(self, speaker: Speaker, spare: Speech | None, book: TurnBook) -> None:
        super().__init__(
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            settings=VoicingSettings(model="speaker", voice="agent", language=None, style=Style()),
        )
        self._speaker = speaker
        self._spare = spare
        self._book = book
        self._style = Style()
        self._spoken_s = 0.0
        self._apologised = False

    def can_generate_metrics(self) -> bool:
        """Processing time is reported."""
        return True

    async def on_turn_context_created(self, context_id: str) -> None:
        """Freeze the style for the reply that begins; its words are timed from the reply's first sample."""
        settings = self._settings
        if isinstance(settings, VoicingSettings) and is_given(settings.style):
            self._style = settings.style
        self._spoken_s = 0.0
        self._apologised = False

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Synthesise one sentence.

        Yields:
            Audio at the engine's own rate, mono 16 bit; the transport resamples it.
        """
        try:
            speech = await self._speaker.speak(text, self._style)
        except EngineFailed as failed:
            self._book.fell_back("speech", str(failed))
            if self._spare is None or self._apologised:
                return
            self._apologised = True
            speech = self._spare
        if not len(speech.pcm):
            return
        if self._book.clock.first_speech is None:
            self._book.clock.first_speech = time.monotonic()
        words = [(word.word, self._spoken_s + word.start_s) for word in _own_words(text, speech.words)]
        await self.add_word_timestamps(words, context_id)
        self._spoken_s += len(speech.pcm) / speech.rate_hz
        step = int(CHUNK_S * speech.rate_hz)
        for start in range(0, len(speech.pcm), step):
            piece = speech.pcm[start : start + step]
            yield TTSAudioRawFrame(piece.tobytes(), speech.rate_hz, 1, context_id=context_id)


def _own_words(text: str, spoken: tuple[SpokenWord, ...]) -> list[SpokenWord]:
    """The words as written with the times of the words as spoken ("8 pm" is written with fewer words than spoken)."""
    written = text.split()
    if not spoken:
        return [SpokenWord(word, 0.0) for word in written]
    scale = len(spoken) / max(1, len(written))
    return [
        SpokenWord(word, spoken[min(len(spoken) - 1, int(place * scale))].start_s) for place, word in enumerate(written)
    ]
