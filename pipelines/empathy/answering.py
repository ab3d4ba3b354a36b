"""The policy's and the writer's places in the conversation: what to answer, and its wording sentence by sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from pipecat.frames.frames import (
    AggregatedTextFrame,
    BotStartedSpeakingFrame,
    Frame,
    InputDTMFFrame,
    LLMContextAssistantTurnFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.text.base_text_aggregator import TextType

from pipelines.emotion.estimate import Emotion
from pipelines.empathy.checks import check_reply, left_out, unfaithful
from pipelines.empathy.dialogue import DialogueState, Situation
from pipelines.empathy.policy import Reply, ResponsePolicy
from pipelines.empathy.tone import Strategy, Tone, ToneName
from pipelines.events import CallerSilent, ToneChosen, ToolUsed
from pipelines.frames import ReplyFrame, TurnFrame
from pipelines.plan import AnalysisStop
from pipelines.ports import EngineFailed, Writer, WriterRequest
from pipelines.speech.listening import SECRET
from pipelines.speech.sentences import split
from pipelines.speech.voicing import VoicingSettings
from pipelines.turns.book import Saying, TurnBook
from pipelines.turns.keys import Entry, Keys, Pressed, Says, Typed

OPENING_COVERS_S = 1.2
"""How much longer the writer may take where an opening is already being spoken."""

PIECES_DEADLINE_S = 3.0
"""Longest wait between two pieces of a reply once it is under way."""

KEYS_TICK_S = 0.25
"""How often it is looked whether a caller has stopped typing."""


class Policing(FrameProcessor):
    """Asks the response policy what to answer and tells the tone."""

    def __init__(self, policy: ResponsePolicy, book: TurnBook, humans_in: Callable[[], bool]) -> None:
        super().__init__()
        self._policy = policy
        self._book = book
        self._humans_in = humans_in
        self._state = DialogueState.remembering(book.plan.memory)
        self._keys = Keys()
        self._key_timer: asyncio.Task[None] | None = None
        self._asked = ""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn a turn into a reply; pass everything else on."""
        await super().process_frame(frame, direction)
        match frame:
            case TurnFrame():
                await self._answer(frame)
            case InputDTMFFrame():
                await self._press(frame.button.value)
            case LLMContextAssistantTurnFrame() if direction is FrameDirection.UPSTREAM:
                self._state = self._state.heard(self._asked, frame.text)
            case BotStartedSpeakingFrame() if direction is FrameDirection.UPSTREAM:
                self._book.at_wire()
                await self.push_frame(frame, direction)
            case _:
                await self.push_frame(frame, direction)

    async def _answer(self, frame: TurnFrame) -> None:
        self._asked = frame.text
        situation = Situation(
            text=frame.text,
            trend=frame.trend,
            emotion=frame.emotion,
            humans_in=self._humans_in(),
            turn=frame.turn,
        )
        reply, self._state = self._policy.answer(self._state, situation)
        if reply.stops_analysis:
            self._book.stop_analysis(AnalysisStop.OPTED_OUT)
        self._book.tell(ToneChosen(self._book.now_s, frame.turn, reply.tone))
        if reply.tool is not None:
            self._book.tell(ToolUsed(self._book.now_s, frame.turn, reply.tool.name, reply.tool.found))
        await self._reply(frame.turn, reply)

    async def _reply(self, turn: int, reply: Reply) -> None:
        self._book.clock.policy = time.monotonic()
        await self._ask_for_keys()
        await self.push_frame(ReplyFrame(turn, reply))

    def foresee(self, text: str, emotion: Emotion) -> Reply:
        """What the answer would be if the turn ended with these words; nothing is kept of it."""
        turn = self._book.turn + 1
        situation = Situation(text, self._book.trend_with(turn, emotion), emotion, self._humans_in(), turn)
        return self._policy.answer(self._state, situation)[0]

    async def silence(self) -> None:
        """The caller has been silent for a while: ask whether they are there, or say goodbye; not while they type."""
        if self._keys.collecting:
            return
        reply, self._state = self._policy.silence(self._state, self._humans_in(), self._book.turn)
        self._book.tell(CallerSilent(self._book.now_s, self._book.plan.silence_prompt_s))
        await self.push_frame(ReplyFrame(self._book.turn, reply))

    async def hand_over(self, words: str, reason: str | None) -> None:
        """Break off: say these words, then ask for a human for this reason, or end the call where there is none."""
        tone = Tone(Strategy.HAND_OFF, ToneName.WARM, ("R12",))
        reply = Reply(tone, words, escalate=reason, ends_call=reason is None, source="notice")
        await self.push_frame(ReplyFrame(self._book.turn, reply))

    async def _press(self, key: str) -> None:
        pressed = self._keys.press(key, time.monotonic())
        if pressed is not None:
            await self._pressed(pressed)

    async def _pressed(self, pressed: Pressed) -> None:
        """Keys that stand for words are a turn; digits that were asked for are one as well, without the digits."""
        await self._stop_asking()
        words = pressed.words if isinstance(pressed, Says) else "(keys pressed)"
        turn = self._book.turn_ended(words)
        await FrameProcessor.broadcast_interruption(self)
        trend = self._book.trajectory.trend
        if isinstance(pressed, Says):
            await self._answer(TurnFrame(turn, words, trend.current, trend))
            return
        digits = pressed.digits if isinstance(pressed, Typed) else None
        situation = Situation(words, trend, trend.current, self._humans_in(), turn)
        reply, self._state = self._policy.typed(self._state, digits, situation)
        self._asked = words
        self._book.tell(ToneChosen(self._book.now_s, turn, reply.tone))
        if reply.tool is not None:
            self._book.tell(ToolUsed(self._book.now_s, turn, reply.tool.name, reply.tool.found))
        await self._reply(turn, reply)

    async def _ask_for_keys(self) -> None:
        """Begin to collect digits where the answer asks for them, and stop where it does not."""
        tool = self._policy.asks_for_keys(self._state)
        if tool is None or tool.keypad is None:
            await self._stop_asking()
            return
        self._keys.ask(Entry(tool.keypad.fewest, tool.keypad.most), time.monotonic())
        self._book.keep_out(SECRET, tool.keypad.secret)
        if self._key_timer is None:
            self._key_timer = self.create_task(self._wait_for_keys(), "keys")

    async def _wait_for_keys(self) -> None:
        while self._keys.collecting:
            await asyncio.sleep(KEYS_TICK_S)
            pressed = self._keys.due(time.monotonic())
            if pressed is not None:
                self._key_timer = None
                await self._pressed(pressed)
                return

    async def _stop_asking(self) -> None:
        self._keys.stop()
        self._book.keep_out(SECRET, False)
        timer, self._key_timer = self._key_timer, None
        if timer is not None:
            await self.cancel_task(timer)

    async def cleanup(self) -> None:
        """Nobody types any more."""
        await FrameProcessor.cleanup(self)
        if self._key_timer is not None:
            await self.cancel_task(self._key_timer)


class Answering(FrameProcessor):
    """Words a reply and hands it to the voice as soon as a sentence has passed the checks.

    A reply has up to two parts: a fixed opening, spoken at once, and the matter. The matter is worded by the writer
    where there is one and a fact to word; every sentence is checked before it is spoken, and the policy's template
    takes over when the first one fails, is late, or the writer is away.
    """

    def __init__(self, writer: Writer | None, book: TurnBook, *, word_for_word: bool = False) -> None:
        """Create the processor.

        Args:
            writer: the LLM; None leaves all wording to the templates.
            book: of the call.
            word_for_word: the writer is too small for paraphrases: only what follows the fact closely is spoken.
        """
        super().__init__()
        self._writer = writer
        self._word_for_word = word_for_word
        self._book = book

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Word a reply; pass everything else on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, ReplyFrame):
            await self._give(frame)
        else:
            await self.push_frame(frame, direction)

    async def _give(self, frame: ReplyFrame) -> None:
        reply = frame.reply
        self._book.saying = Saying(
            frame.turn,
            reply.source,
            escalate=reply.escalate,
            evidence_turns=reply.evidence_turns or (frame.turn,),
            ends_call=reply.ends_call,
        )
        await self.push_frame(TTSUpdateSettingsFrame(delta=VoicingSettings(style=reply.tone.style)))
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            if reply.opening:
                await self._say(reply.opening)
            if reply.request is None or self._writer is None:
                await self._say(reply.template)
            else:
                await self._word(reply, reply.request, self._writer)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())

    async def _say(self, text: str) -> None:
        for sentence in split(text.strip()):
            if sentence:
                now = time.monotonic()
                self._book.clock.first_token = self._book.clock.first_token or now
                self._book.clock.first_sentence = self._book.clock.first_sentence or now
                self._book.say(sentence)
                await self.push_frame(AggregatedTextFrame(sentence, TextType.SENTENCE))

    async def _word(self, reply: Reply, request: WriterRequest, writer: Writer) -> None:
        """Say the writer's sentences that pass; complete or replace them by the template's."""
        first_by_s = self._book.plan.llm_first_sentence_deadline_s + (OPENING_COVERS_S if reply.opening else 0.0)
        worded: list[str] = []
        try:
            async with aclosing(self._sentences(writer, request, first_by_s)) as sentences:
                async for sentence in sentences:
                    whole = " ".join([*worded, sentence])
                    refusal = check_reply(whole, reply.evidence, request.question, reply.opening)
                    if refusal is None and self._word_for_word:
                        refusal = unfaithful(sentence, request.fact)
                    if refusal is not None:
                        self._book.fell_back("check", refusal.reason)
                        break
                    self._book.saying.source = "llm"
                    worded.append(sentence)
                    await self._say(sentence)
        except EngineFailed as failed:
            self._book.fell_back("writer", str(failed))
        if not worded:
            await self._say(reply.template)
        else:
            for sentence in left_out(request.fact, " ".join(worded)):
                await self._say(sentence)
            await self._say(reply.closing)

    async def _sentences(self, writer: Writer, request: WriterRequest, first_by_s: float) -> AsyncGenerator[str, None]:
        """Whole sentences of the writer's stream.

        Raises:
            EngineFailed: the writer is away, or a sentence did not come within its deadline.
        """
        text = ""
        deadline = time.monotonic() + first_by_s
        async with aclosing(_as_generator(writer, request)) as pieces:
            while True:
                try:
                    async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                        piece = await anext(pieces, None)
                except TimeoutError as late:
                    raise EngineFailed("no sentence within the deadline") from late
                if piece is None:
                    break
                self._book.clock.first_token = self._book.clock.first_token or time.monotonic()
                text += piece
                *whole, text = split(text)
                for sentence in whole:
                    yield sentence.strip()
                if whole:
                    deadline = time.monotonic() + PIECES_DEADLINE_S
        if text.strip():
            yield text.strip()


async def _as_generator(writer: Writer, request: WriterRequest) -> AsyncGenerator[str, None]:
    async for piece in writer.write(request):
        yield piece
