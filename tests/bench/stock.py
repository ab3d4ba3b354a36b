"""The baseline: the same conversation wired from Pipecat's own services and defaults, as its documentation shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response, WebSocket
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transcriptions.language import Language
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from pipelines.empathy.tone import Style
from pipelines.speech.hibari import HibariSpeaker
from tests.bench.simulated import ANSWER, FIRST_PIECE_S, QUESTION, RECOGNITION_S, SPEECH_S, VOICE_HZ, tone

PROMPT = (
    "You are a support agent of a home internet and energy company on the telephone. "
    "Answer in one or two short spoken sentences. Do not use lists or symbols."
)


MAX_TOKENS = 40
"""Longest reply: without it the small model talks on and on, which is kept out of the comparison."""


class HibariService(TTSService):
    """The embedded voice as a plain Pipecat TTS service."""

    def __init__(self, speaker: HibariSpeaker) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="hibari", voice="heart", language=None),
        )
        self._speaker = speaker

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Speak one sentence."""
        speech = await self._speaker.speak(text, Style())
        yield TTSAudioRawFrame(speech.pcm.tobytes(), speech.rate_hz, 1, context_id=context_id)


class SlowRecogniser(SegmentedSTTService):
    """A recogniser that only takes time."""

    def __init__(self) -> None:
        super().__init__(settings=STTSettings(model="simulated", language=Language.EN), ttfs_p99_latency=1.0)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Hear the question."""
        await asyncio.sleep(RECOGNITION_S)
        yield TranscriptionFrame(QUESTION, "", time_now_iso8601(), Language.EN)


class SlowWriter(LLMService):
    """An LLM that only takes time."""

    def __init__(self) -> None:
        super().__init__(
            settings=LLMSettings(
                model="simulated",
                system_instruction=None,
                temperature=None,
                max_tokens=None,
                top_p=None,
                top_k=None,
                frequency_penalty=None,
                presence_penalty=None,
                seed=None,
                filter_incomplete_user_turns=None,
                user_turn_completion_config=None,
            )
        )

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self.push_frame(LLMFullResponseStartFrame())
            try:
                await asyncio.sleep(FIRST_PIECE_S)
                for word in ANSWER.split():
                    await self._push_llm_text(word + " ")
                    await asyncio.sleep(0.01)
            finally:
                await self.push_frame(LLMFullResponseEndFrame())
        else:
            await self.push_frame(frame, direction)


class SlowSpeaker(TTSService):
    """A voice that only takes time."""

    def __init__(self) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="simulated", voice="tone", language=None),
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Speak a tone as long as the words would take."""
        await asyncio.sleep(SPEECH_S)
        audio = tone(0.3 * max(1, len(text.split())))
        yield TTSAudioRawFrame(audio.tobytes(), VOICE_HZ, 1, context_id=context_id)


class Stock:
    """A bot as Pipecat's examples wire it: every call loads its own models."""

    def __init__(self, whisper: Path, llm_url: str, speaker: HibariSpeaker) -> None:
        self._whisper = whisper
        self._llm_url = llm_url
        self._speaker = speaker

    def processors(self) -> tuple[FrameProcessor, FrameProcessor, FrameProcessor]:
        """Recogniser, LLM and voice of one call."""
        return (
            WhisperSTTService(
                device="cpu",
                compute_type="int8",
                settings=WhisperSTTService.Settings(model=str(self._whisper), language=Language.EN),
            ),
            OpenAILLMService(
                api_key="none",
                base_url=self._llm_url,
                settings=OpenAILLMService.Settings(model="embedded", max_tokens=MAX_TOKENS),
            ),
            HibariService(self._speaker),
        )


class Simulated:
    """The same with the models' time simulated."""

    def processors(self) -> tuple[FrameProcessor, FrameProcessor, FrameProcessor]:
        """Recogniser, LLM and voice of one call."""
        return SlowRecogniser(), SlowWriter(), SlowSpeaker()


def stock_app(bot: Stock | Simulated) -> FastAPI:
    """Twilio's doors for the stock bot: unsigned, as in the examples."""
    app = FastAPI()

    @app.post("/v1/twilio/voice")
    async def voice() -> Response:
        stream = f"ws://127.0.0.1:{app.state.port}/media"
        return Response(
            f'<Response><Connect><Stream url="{stream}"/></Connect></Response>', media_type="application/xml"
        )

    @app.websocket("/media")
    async def media(websocket: WebSocket) -> None:
        await websocket.accept()
        _, data = await parse_telephony_websocket(websocket)
        transport = FastAPIWebsocketTransport(
            websocket,
            FastAPIWebsocketParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                serializer=TwilioFrameSerializer(
                    stream_sid=data.stream_id,
                    call_sid=data.call_id,
                    params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
                ),
            ),
        )
        recogniser, llm, voice_of_call = bot.processors()
        context = LLMContext([{"role": "system", "content": PROMPT}])
        pair = LLMContextAggregatorPair(context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()))
        worker = PipelineWorker(
            Pipeline(
                [
                    transport.input(),
                    recogniser,
                    pair.user(),
                    llm,
                    voice_of_call,
                    transport.output(),
                    pair.assistant(),
                ]
            ),
            params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=8_000),
        )

        async def gone(*_: Any) -> None:
            await worker.cancel()

        transport.add_event_handler("on_client_disconnected", gone)

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    return app
