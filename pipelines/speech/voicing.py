"""The voice's place in the conversation: text in, styled speech with word times out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from pipecat.frames.frames import Frame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.types import NOT_GIVEN, NotGiven, is_given

from pipelines.empathy.tone import Style
from pipelines.frames import SpeechFrame
from pipelines.ports import EngineFailed, Speaker, Speech, SpokenWord
from pipelines.speech.clips import Clip, Clips
from pipelines.turns.book import TurnBook

WAIT_S = 1.2
"""A first sentence that is not ready by then is led in by a recorded one."""

SPEECH_S = 4.0
"""Longest that one sentence may take; the engine counts as failed then."""

VOICELESS = "voice_away"
"""Reason of a hand-off because the agent cannot speak."""


@dataclass
class VoicingSettings(TTSSettings):
    """What may change between two replies."""

    style: Style | NotGiven = field(default_factory=lambda: NOT_GIVEN)


class Voicing(TTSService):
    """Speaks sentence by sentence in the style that was set when the reply began.

    Each sentence goes on with its words' times, so that an interrupted reply keeps what was heard. Sentences that are
    recorded are not synthesised. Where the engine is slow a recorded "one moment" leads the reply in; where it fails
    a recorded apology is played, once per reply, and at the second such reply in a row a human is asked for.
    """

    def __init__(self, speaker: Speaker, clips: Clips, book: TurnBook) -> None:
        super().__init__(
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            settings=VoicingSettings(model="speaker", voice="agent", language=None, style=Style()),
        )
        self._speaker = speaker
        self._clips = clips
        self._book = book
        self._style = Style()
        self._spoke = False
        self._apologised = False
        self._apologies = 0

    def can_generate_metrics(self) -> bool:
        """Processing time is reported."""
        return True

    async def on_turn_context_created(self, context_id: str) -> None:
        """Freeze the style for the reply that begins; its words are timed from the reply's first sample."""
        settings = self._settings
        if isinstance(settings, VoicingSettings) and is_given(settings.style):
            self._style = settings.style
        self._spoke = False
        self._apologised = False

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Synthesise one sentence.

        Yields:
            Speech frames at the engine's own rate.
        """
        said, speech = text, self._clips.get(text)
        if speech is None:
            making = self.create_task(self._speech(text), "speech")
            try:
                if not self._spoke and not (await asyncio.wait({making}, timeout=WAIT_S))[0]:
                    yield self._lead_in(context_id)
                said, speech = await making
            finally:
                if not making.done():
                    await self.cancel_task(making)
        if speech is None or not len(speech.pcm):
            return
        if self._book.clock.first_speech is None:
            self._book.clock.first_speech = time.monotonic()
        self._spoke = True
        yield _frame(speech, _own_words(said, speech.words), context_id)

    async def _speech(self, text: str) -> tuple[str, Speech | None]:
        """The sentence and its speech, or the recorded apology in its place; no speech where that was said already."""
        try:
            async with asyncio.timeout(SPEECH_S + 0.02 * len(text)):
                speech = await self._speaker.speak(text, self._style)
            if not len(speech.pcm) and any(letter.isalnum() for letter in text):
                raise EngineFailed("no sound")
        except (EngineFailed, TimeoutError) as failed:
            self._book.fell_back("speech", str(failed) or "late")
            self._book.unsaid.add(text)
        else:
            self._apologies = 0
            return text, speech
        if self._apologised:
            return "", None
        self._apologised = True
        self._apologies += 1
        clip = Clip.SORRY
        if self._apologies > 1:
            clip, self._book.saying.escalate = Clip.TRANSFER, VOICELESS
        return clip, self._clips.get(clip)

    def _lead_in(self, context_id: str) -> Frame | None:
        """A recorded "one moment" before a reply whose speech is late."""
        self._book.fell_back("speech", "slow")
        clip = self._clips.get(Clip.WAIT)
        if clip is None:
            return None
        self._book.filler(Clip.WAIT)
        self._spoke = True
        return _frame(clip, [], context_id)


def _frame(speech: Speech, words: list[SpokenWord], context_id: str) -> SpeechFrame:
    return SpeechFrame(speech.pcm.tobytes(), speech.rate_hz, 1, context_id=context_id, words=words)


def _own_words(text: str, spoken: tuple[SpokenWord, ...]) -> list[SpokenWord]:
    """The words as written with the times of the words as spoken ("8 pm" is written with fewer words than spoken)."""
    written = text.split()
    if not spoken:
        return [SpokenWord(word, 0.0) for word in written]
    scale = len(spoken) / max(1, len(written))
    return [
        SpokenWord(word, spoken[min(len(spoken) - 1, int(place * scale))].start_s) for place, word in enumerate(written)
    ]
