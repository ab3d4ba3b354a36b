"""Builds the engines that the settings name: one per slot and process, loaded off the loop and warmed up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar, assert_never

from pipelines.conversation import Engines
from pipelines.emotion.reader import EmotionReader
from pipelines.emotion.remote_reader import RemoteVoiceReader
from pipelines.emotion.voice import EmbeddedVoiceReader
from pipelines.emotion.words import EmbeddedWordsReader
from pipelines.models.install import locate
from pipelines.ports import EmotionSource, EngineFailed, Recogniser, Speaker, VoiceReader, Writer
from pipelines.speech.clips import Clip, record
from pipelines.speech.fallback import (
    FallbackRecogniser,
    FallbackSpeaker,
    FallbackWriter,
    Slot,
    SlotListener,
    nobody,
)
from pipelines.speech.hibari import HibariSpeaker
from pipelines.speech.llama import EmbeddedLlama
from pipelines.speech.whisper import WhisperRecogniser
from pipelines.speech.writer import OpenAIWriter
from pipelines.turns.detection import TurnModels
from service.settings import RecogniserSettings, Settings, SpeakerSettings, WriterSettings

log = logging.getLogger(__name__)


class _Engine(Protocol):
    def close(self) -> None: ...


class _Warmed(Protocol):
    async def warm_up(self) -> None: ...


E = TypeVar("E", bound=_Engine)


class _Loader:
    """Loads blocking engines off the loop, side by side, and closes them in the opposite order."""

    def __init__(self, stack: AsyncExitStack, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._tell = tell

    async def load(self, what: str, make: Callable[[], E]) -> E:
        """Load one engine in a thread; it is closed when the house is."""
        self._tell(f"loading {what}")
        engine = await asyncio.to_thread(make)
        self._stack.callback(engine.close)
        return engine


@asynccontextmanager
async def open_engines(
    settings: Settings, tell: Callable[[str], None], told: SlotListener = nobody
) -> AsyncIterator[Engines]:
    """Load and warm up every engine; close them at the end.

    Args:
        settings: which engines.
        tell: told in a few words what is being loaded.
        told: hears how the slots with two engines fare.

    Raises:
        ModelAbsent: a model is not installed; the message says how to get it.
        EngineFailed: an engine does not start.
    """
    async with AsyncExitStack() as stack:
        loader = _Loader(stack, tell)
        turns, recogniser, emotion, (writer, word_for_word), speaker = await asyncio.gather(
            _turns(loader),
            _recogniser_slot(settings, loader, told),
            _emotion(settings, loader, stack),
            _writer_slot(settings, loader, stack, tell, told),
            _speaker_slot(settings, loader, told),
        )
        tell("recording what must be sayable at any time")
        clips = await record(speaker, Clip)
        yield Engines(turns, recogniser, emotion, writer, speaker, clips, word_for_word)


@asynccontextmanager
async def open_recogniser(settings: Settings, tell: Callable[[str], None]) -> AsyncIterator[Recogniser]:
    """The recogniser alone, loaded and warm, for measuring it; see `open_engines`."""
    async with AsyncExitStack() as stack:
        yield await _recogniser(settings, _Loader(stack, tell))


async def _recogniser_slot(settings: Settings, loader: _Loader, told: SlotListener) -> Recogniser:
    """The recogniser; where it is a server, with an embedded one that takes over while the server is away."""
    chosen = settings.recogniser
    if chosen.engine != "riva" or chosen.second == "none":
        return await _recogniser(settings, loader)
    embedded = settings.model_copy(
        update={"recogniser": RecogniserSettings(threads=chosen.threads, at_once=chosen.at_once)}
    )
    first, second = await asyncio.gather(_recogniser(settings, loader), _recogniser(embedded, loader))
    return FallbackRecogniser(first, second, Slot("recogniser", told=told))


async def _writer_slot(
    settings: Settings, loader: _Loader, stack: AsyncExitStack, tell: Callable[[str], None], told: SlotListener
) -> tuple[Writer | None, bool]:
    """The writer, with an embedded one beside an endpoint where the settings want it."""
    chosen = settings.writer
    if chosen.engine != "openai" or chosen.second == "none":
        return await _writer(settings, loader, stack, tell)
    embedded = settings.model_copy(update={"writer": WriterSettings(threads=chosen.threads, at_once=chosen.at_once)})
    (first, _), (second, small) = await asyncio.gather(
        _writer(settings, loader, stack, tell), _writer(embedded, loader, stack, tell)
    )
    if first is None or second is None:
        return first or second, small
    return FallbackWriter(first, second, Slot("writer", told=told)), small


async def _speaker_slot(settings: Settings, loader: _Loader, told: SlotListener) -> Speaker:
    """The voice; where it is a server, with an embedded one that takes over while the server is away."""
    chosen = settings.speaker
    if chosen.engine != "riva" or chosen.second == "none":
        return await _speaker(settings, loader)
    embedded = settings.model_copy(update={"speaker": SpeakerSettings(threads=chosen.threads, at_once=chosen.at_once)})
    first, second = await asyncio.gather(_speaker(settings, loader), _speaker(embedded, loader))
    return FallbackSpeaker(first, second, Slot("speaker", told=told))


async def _warm(engine: _Warmed, *, needed: bool) -> None:
    """Warm an engine up; one that has a second beside it may be away at the start."""
    try:
        await engine.warm_up()
    except EngineFailed as failed:
        if needed:
            raise
        log.warning("an engine is away; the second one of its slot takes over", extra={"error": str(failed)})


async def _turns(loader: _Loader) -> TurnModels:
    turns = await loader.load("voice activity and end-of-turn", TurnModels)
    await asyncio.to_thread(turns.warm_up)
    return turns


async def _recogniser(settings: Settings, loader: _Loader) -> Recogniser:
    chosen = settings.recogniser
    match chosen.engine:
        case "whisper":
            path = locate(chosen.model, settings.models.cache_dir)
            whisper = await loader.load(
                f"recogniser {chosen.model}",
                lambda: WhisperRecogniser.load(path, threads=chosen.threads, at_once=chosen.at_once),
            )
            await whisper.warm_up()
            return whisper
        case "transformers":
            from pipelines.speech.transformers_recogniser import TransformersRecogniser

            gpu = await loader.load(
                f"recogniser {chosen.model}",
                lambda: TransformersRecogniser.load(chosen.model, chosen.device, at_once=chosen.at_once),
            )
            await gpu.warm_up()
            return gpu
        case "riva":
            from pipelines.speech.riva import RivaRecogniser

            model = chosen.model if "model" in chosen.model_fields_set else ""
            riva = await loader.load(
                f"recogniser at {chosen.server}", lambda: RivaRecogniser(chosen.server, model=model)
            )
            await _warm(riva, needed=chosen.second == "none")
            return riva
        case _:
            assert_never(chosen.engine)


async def _emotion(settings: Settings, loader: _Loader, stack: AsyncExitStack) -> EmotionSource | None:
    """Emotion; the embedded voice reader takes over where another one is away, busy or late."""
    chosen = settings.emotion
    voice: VoiceReader
    match chosen.engine:
        case "embedded":
            reader = await loader.load("emotion", lambda: EmotionReader.load(chosen.head))
            await reader.warm_up()
            return reader
        case "transformers":
            from service.emotion_server import load_voice

            network = await loader.load(f"emotion {chosen.model}", lambda: load_voice(chosen))
            await network.warm_up()
            voice = network
        case "remote":
            token = chosen.token.get_secret_value() if chosen.token else ""
            remote = RemoteVoiceReader(chosen.server, token=token, deadline_s=chosen.within_s)
            stack.push_async_callback(remote.aclose)
            await _warm(remote, needed=False)
            voice = remote
        case "off":
            return None
        case _:
            assert_never(chosen.engine)
    reader = await loader.load(
        "embedded emotion",
        lambda: EmotionReader(
            voice, EmbeddedWordsReader.load(), spare=EmbeddedVoiceReader.load(), within_s=chosen.within_s
        ),
    )
    await reader.warm_up()
    return reader


async def _writer(
    settings: Settings, loader: _Loader, stack: AsyncExitStack, tell: Callable[[str], None]
) -> tuple[Writer | None, bool]:
    """The LLM, and whether it is too small to be trusted with a paraphrase."""
    chosen = settings.writer
    small = False
    match chosen.engine:
        case "embedded":
            path = locate(chosen.model, settings.models.cache_dir)
            tell(f"starting the LLM {chosen.model}")
            llama = await stack.enter_async_context(
                EmbeddedLlama(
                    path, threads=chosen.threads, context_tokens=chosen.context_tokens, at_once=chosen.at_once
                )
            )
            small = llama.is_small
            writer = OpenAIWriter(base_url=llama.base_url, model="embedded", plain_prompt=small)
        case "openai":
            tell(f"reaching the LLM at {chosen.base_url}")
            writer = OpenAIWriter(
                base_url=chosen.base_url, model=chosen.model, api_key=chosen.api_key.get_secret_value()
            )
        case "transformers":
            from pipelines.speech.transformers_writer import TransformersWriter

            local = await loader.load(
                f"LLM {chosen.model}",
                lambda: TransformersWriter.load(chosen.model, chosen.device, at_once=chosen.at_once),
            )
            await local.warm_up()
            return local, small
        case "off":
            return None, small
        case _:
            assert_never(chosen.engine)
    stack.push_async_callback(writer.aclose)
    await _warm(writer, needed=chosen.engine == "embedded" or chosen.second == "none")
    return writer, small


async def _speaker(settings: Settings, loader: _Loader) -> Speaker:
    chosen = settings.speaker
    match chosen.engine:
        case "hibari":
            hibari = await loader.load(
                f"voice {chosen.voice}",
                lambda: HibariSpeaker.load(voice=chosen.voice, threads=chosen.threads, at_once=chosen.at_once),
            )
            await hibari.warm_up()
            return hibari
        case "kokoro":
            from pipelines.speech.kokoro import KokoroSpeaker

            folder = locate("kokoro-82m", settings.models.cache_dir)
            kokoro = await loader.load(
                f"voice {chosen.voice}",
                lambda: KokoroSpeaker.load(folder, voice=chosen.voice, threads=chosen.threads, at_once=chosen.at_once),
            )
            await kokoro.warm_up()
            return kokoro
        case "riva":
            from pipelines.speech.riva import RivaSpeaker

            voice = chosen.voice if "voice" in chosen.model_fields_set else None
            riva = await loader.load(f"voice at {chosen.server}", lambda: RivaSpeaker(chosen.server, voice=voice))
            await _warm(riva, needed=chosen.second == "none")
            return riva
        case _:
            assert_never(chosen.engine)
