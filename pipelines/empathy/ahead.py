"""An answer prepared before it is sure that the caller has finished: held back, used if it fits, else as if never made.

Nothing of it goes through the pipeline: the policy is asked without keeping its new state, the writer's text and the
first sentence's speech wait in the hands of `PreparedWriter` and `PreparedSpeaker`. When the turn ends with the same
words, the conversation asks for exactly these and has them at once; when the caller goes on they are thrown away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from pipelines.emotion.estimate import Emotion
from pipelines.empathy.policy import Reply
from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Speaker, Speech, Writer, WriterRequest
from pipelines.speech.sentences import first_sentence


class PreparedSpeaker:
    """A `Speaker` that may have one sentence ready."""

    def __init__(self, speaker: Speaker) -> None:
        """Nothing prepared.

        Args:
            speaker: the engine.
        """
        self._speaker = speaker
        self._ready: tuple[str, Style, asyncio.Future[Speech]] | None = None

    @property
    def rate_hz(self) -> int:
        """The engine's."""
        return self._speaker.rate_hz

    async def prepare(self, text: str, style: Style) -> None:
        """Speak a sentence that may be wanted; a failure of the engine only means that it is not ready."""
        coming: asyncio.Future[Speech] = asyncio.get_running_loop().create_future()
        self._ready = (text, style, coming)
        try:
            coming.set_result(await self._speaker.speak(text, style))
        except EngineFailed:
            pass
        finally:
            coming.cancel()

    async def speak(self, text: str, style: Style) -> Speech:
        """What is ready or on its way, else the engine's.

        Raises:
            EngineFailed: as the engine does.
        """
        ready, self._ready = self._ready, None
        if ready is not None and ready[:2] == (text, style):
            await asyncio.wait({ready[2]})
            if not ready[2].cancelled():
                return ready[2].result()
        return await self._speaker.speak(text, style)

    def forget(self) -> None:
        """What is ready is not wanted."""
        self._ready = None


class _Draft:
    """The text of one request as it grows."""

    def __init__(self, request: WriterRequest) -> None:
        self.request = request
        self.pieces: list[str] = []
        self.over = False
        self.broken = False
        self._grew = asyncio.Event()

    def grow(self, piece: str) -> None:
        self.pieces.append(piece)
        self._grew.set()

    def end(self, *, broken: bool) -> None:
        self.over, self.broken = True, broken
        self._grew.set()

    async def more(self) -> None:
        """Wait until it has grown or is over."""
        self._grew.clear()
        await self._grew.wait()


class PreparedWriter:
    """A `Writer` that may have begun one request."""

    def __init__(self, writer: Writer) -> None:
        """Nothing prepared.

        Args:
            writer: the engine.
        """
        self._writer = writer
        self._draft: _Draft | None = None

    async def prepare(self, request: WriterRequest) -> None:
        """Write what may be wanted; a failure of the engine only means that it is not there."""
        draft = self._draft = _Draft(request)
        broken = True
        try:
            async for piece in self._writer.write(request):
                draft.grow(piece)
            broken = False
        except EngineFailed:
            pass
        finally:
            draft.end(broken=broken)

    async def first_sentence(self) -> str:
        """The first whole sentence of what is being written; '' where none comes."""
        draft = self._draft
        while draft is not None:
            sentence = first_sentence("".join(draft.pieces), whole=draft.over)
            if sentence or draft.over:
                return sentence
            await draft.more()
        return ""

    async def write(self, request: WriterRequest) -> AsyncIterator[str]:
        """What was begun, then its rest as it comes; else the engine's.

        Raises:
            EngineFailed: as the engine does.
        """
        draft, self._draft = self._draft, None
        given = 0
        if draft is not None and draft.request == request and not draft.broken:
            while given < len(draft.pieces) or not draft.over:
                if given < len(draft.pieces):
                    given += 1
                    yield draft.pieces[given - 1]
                else:
                    await draft.more()
            if not draft.broken:
                return
            if given:
                raise EngineFailed("the writer broke off")
        async with aclosing(_pieces(self._writer, request)) as pieces:
            async for piece in pieces:
                yield piece

    def forget(self) -> None:
        """What was begun is not wanted."""
        self._draft = None


async def _pieces(writer: Writer, request: WriterRequest) -> AsyncGenerator[str, None]:
    async for piece in writer.write(request):
        yield piece


class Ahead:
    """Prepares the beginning of the answer to a turn that may be over."""

    def __init__(
        self,
        feel: Callable[[], Awaitable[Emotion]],
        foresee: Callable[[str, Emotion], Reply],
        writer: PreparedWriter | None,
        speaker: PreparedSpeaker,
    ) -> None:
        """Create it for one call.

        Args:
            feel: the emotion of the turn as far as it is known, within the usual deadline.
            foresee: what the policy would answer to these words.
            writer: the call's, None where templates do all wording.
            speaker: the call's.
        """
        self._feel = feel
        self._foresee = foresee
        self._writer = writer
        self._speaker = speaker

    async def prepare(self, text: str) -> None:
        """Prepare the answer to these words. Cancelling it leaves nothing behind."""
        reply = self._foresee(text, await self._feel())
        try:
            async with asyncio.TaskGroup() as parts:
                worded = reply.request is not None and self._writer is not None
                if reply.request is not None and self._writer is not None:
                    parts.create_task(self._writer.prepare(reply.request), name="text ahead")
                parts.create_task(self._speak(reply, worded=worded), name="speech ahead")
        except asyncio.CancelledError:
            self.forget()
            raise

    async def _speak(self, reply: Reply, *, worded: bool) -> None:
        if worded and not reply.opening and self._writer is not None:
            await asyncio.sleep(0)  # the writer's part begins
            first = await self._writer.first_sentence()
        else:
            first = first_sentence(reply.opening or reply.template, whole=True)
        if first:
            await self._speaker.prepare(first, reply.tone.style)

    def forget(self) -> None:
        """The caller goes on: nothing that was prepared is wanted."""
        self._speaker.forget()
        if self._writer is not None:
            self._writer.forget()
