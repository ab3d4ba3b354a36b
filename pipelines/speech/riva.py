"""NVIDIA Riva: recogniser and speaker behind our ports, and Pipecat's own NVIDIA processors built for the same server.

The default conversation uses the ports (docs/decisions/0005-engines-behind-ports.md says why). The client library is an
extra and is imported when a connection is made.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar
from xml.sax.saxutils import escape

import numpy as np

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Pcm, Recognition, Speech, SpokenWord
from pipelines.speech.pool import Pool

if TYPE_CHECKING:
    import grpc
    from pipecat.services.nvidia.stt import NvidiaSegmentedSTTService
    from pipecat.services.nvidia.tts import NvidiaTTSService
    from riva.client import Auth
    from riva.client.proto.riva_asr_pb2 import SpeechRecognitionAlternative
    from riva.client.proto.riva_tts_pb2 import WordTiming

DEFAULT_SERVER = "127.0.0.1:50051"
DEFAULT_RATE_HZ = 22_050

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class RivaChannel:
    """One gRPC channel to a Riva server, with a deadline on every request and a bound on those under way."""

    def __init__(self, server: str, *, name: str, at_once: int, waiting: int, deadline_s: float) -> None:
        """Open the channel; it connects with the first request and again after a loss.

        Args:
            server: host:port of a Riva server in the own network (no TLS).
            name: names the errors.
            at_once: requests whose answers are awaited at once.
            waiting: further requests; more are refused.
            deadline_s: longest time for one request.

        Raises:
            EngineFailed: the client library is not installed.
        """
        self.auth: Auth = _connect(server)
        self._name = f"{name} {server}"
        self._deadline_s = deadline_s
        self._pool = Pool(self._name, at_once=at_once, waiting=waiting)

    async def ask(self, method: grpc.UnaryUnaryMultiCallable[Ask, Answer], request: Ask) -> Answer:
        """Send one request. A cancelled caller cancels the request on the server.

        Raises:
            EngineFailed: the server is away, refused, or was too slow.
        """
        import grpc

        call: grpc.Future[Answer] = method.future(
            request, timeout=self._deadline_s, metadata=tuple(self.auth.get_auth_metadata())
        )
        try:
            return await self._pool.run(call.result, deadline_s=self._deadline_s + 0.5)
        except grpc.RpcError as refused:
            raise EngineFailed(f"{self._name}: {refused.code().name}: {refused.details()}") from refused
        finally:
            call.cancel()

    def close(self) -> None:
        """Close the channel; requests under way end with an error."""
        self.auth.channel.close()
        self._pool.close()


def _connect(server: str) -> Auth:
    try:
        from riva.client import Auth
    except ImportError as missing:
        raise EngineFailed(f"Riva's client is not installed: pip install attune[riva] ({missing})") from missing
    return Auth(uri=server, use_ssl=False)


class RivaRecogniser:
    """`ports.Recogniser` over Riva's offline recognition. It has no encoder states for the emotion head."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        model: str = "",
        language: str = "en-US",
        at_once: int = 8,
        waiting: int = 16,
        deadline_s: float = 5.0,
    ) -> None:
        """Open a channel.

        Args:
            server: host:port.
            model: name of a model on the server; empty lets the server choose by language.
            language: BCP 47.
            at_once: recognitions at once (the server batches them).
            waiting: recognitions that may wait.
            deadline_s: longest time for one.

        Raises:
            EngineFailed: the client library is not installed.
        """
        self._channel = RivaChannel(
            server, name="riva recogniser", at_once=at_once, waiting=waiting, deadline_s=deadline_s
        )
        from riva.client import ASRService

        self._service = ASRService(self._channel.auth)
        self._model = model
        self._language = language

    async def warm_up(self) -> None:
        """Recognise half a second of silence: connects and proves the server.

        Raises:
            EngineFailed: see `recognise`.
        """
        await self.recognise(np.zeros(8000, dtype=np.int16), 16_000)

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """See `ports.Recogniser`."""
        from riva.client.proto.riva_asr_pb2 import RecognitionConfig, RecognizeRequest
        from riva.client.proto.riva_audio_pb2 import AudioEncoding

        config = RecognitionConfig(
            encoding=AudioEncoding.LINEAR_PCM,
            sample_rate_hertz=rate_hz,
            language_code=self._language,
            audio_channel_count=1,
            max_alternatives=1,
            enable_automatic_punctuation=True,
            enable_word_time_offsets=True,
            model=self._model,
        )
        began_s = time.perf_counter()
        request = RecognizeRequest(config=config, audio=pcm.tobytes())
        answer = await self._channel.ask(self._service.stub.Recognize, request)
        best = [result.alternatives[0] for result in answer.results if result.alternatives]
        text = " ".join(piece.transcript.strip() for piece in best if piece.transcript.strip())
        return Recognition(
            text=text,
            confidence=heard_confidence(best) if text else 0.0,
            encoded=None,
            encode_s=0.0,
            decode_s=time.perf_counter() - began_s,
            engine=f"riva:{self._model or self._language}",
        )

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def heard_confidence(pieces: Sequence[SpeechRecognitionAlternative]) -> float:
    """Confidence of a recognition, 0..1.

    Riva's per-word confidences where it gives them; else those of the pieces as far as they are probabilities (the
    field is not normalised, and 0 says that it is not set); else 1, as nothing speaks against the words.
    """
    words = [word.confidence for piece in pieces for word in piece.words if 0 < word.confidence <= 1]
    whole = [piece.confidence for piece in pieces if 0 < piece.confidence <= 1]
    return float(np.mean(words or whole or [1.0]))


class RivaSpeaker:
    """`ports.Speaker` over Riva's synthesis; the style goes as SSML prosody where the server's model takes it."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        voice: str | None = None,
        language: str = "en-US",
        rate_hz: int = DEFAULT_RATE_HZ,
        prosody: bool | None = None,
        neutral_pitch_hz: float = 190.0,
        at_once: int = 8,
        waiting: int = 16,
        deadline_s: float = 5.0,
    ) -> None:
        """Open a channel.

        Args:
            server: host:port.
            voice: as the server names it ('English-US.Female-1'); None is the server's first of the language.
            language: BCP 47.
            rate_hz: sample rate to ask for.
            prosody: whether the server's model takes SSML prosody (FastPitch does, Magpie does not); None asks the
                server once.
            neutral_pitch_hz: mean pitch of the voice, to turn semitones into the Hz that Riva takes.
            at_once: sentences at once (the server batches them).
            waiting: sentences that may wait.
            deadline_s: longest time for one.

        Raises:
            EngineFailed: the client library is not installed.
        """
        self._channel = RivaChannel(
            server, name="riva speaker", at_once=at_once, waiting=waiting, deadline_s=deadline_s
        )
        from riva.client import SpeechSynthesisService

        self._service = SpeechSynthesisService(self._channel.auth)
        self._voice = voice
        self._language = language
        self._rate_hz = rate_hz
        self._prosody = prosody
        self._pitch_hz = neutral_pitch_hz

    @property
    def rate_hz(self) -> int:
        """See `ports.Speaker`."""
        return self._rate_hz

    async def warm_up(self) -> None:
        """Connect, prove the server, and learn whether its model takes prosody.

        Raises:
            EngineFailed: the server is away.
        """
        self._prosody = await self._takes_prosody()

    async def _takes_prosody(self) -> bool:
        """What was told, else what the server's models tell."""
        from riva.client.proto.riva_tts_pb2 import RivaSynthesisConfigRequest

        described = await self._channel.ask(self._service.stub.GetRivaSynthesisConfig, RivaSynthesisConfigRequest())
        if self._prosody is not None:
            return self._prosody
        return any("fastpitch" in config.model_name.lower() for config in described.model_config)

    async def speak(self, text: str, style: Style) -> Speech:
        """See `ports.Speaker`."""
        from riva.client.proto.riva_audio_pb2 import AudioEncoding
        from riva.client.proto.riva_tts_pb2 import SynthesizeSpeechRequest

        if self._prosody is None:
            self._prosody = await self._takes_prosody()
        request = SynthesizeSpeechRequest(
            text=ssml(text, style, self._pitch_hz) if self._prosody else text,
            language_code=self._language,
            encoding=AudioEncoding.LINEAR_PCM,
            sample_rate_hz=self._rate_hz,
            voice_name=self._voice or "",
            enable_word_time_offsets=True,
        )
        answer = await self._channel.ask(self._service.stub.Synthesize, request)
        pcm = np.frombuffer(answer.audio[: len(answer.audio) // 2 * 2], dtype=np.int16)
        if not len(pcm):
            raise EngineFailed(f"riva speaker: no audio for {len(text)} characters")
        return Speech(pcm, self._rate_hz, spoken_words(text, answer.meta.words, len(pcm) / self._rate_hz))

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def ssml(text: str, style: Style, neutral_pitch_hz: float) -> str:
    """The text in a style, as far as Riva's SSML goes: rate, mean pitch and volume.

    Values are kept inside what Riva takes (25..250 %, -150..150 Hz, -13..8 dB), as it answers with silence outside.
    Source: NVIDIA Speech NIM, "Customizing using SSML".
    """
    rate = np.clip(style.rate * 100, 25, 250)
    pitch = np.clip(neutral_pitch_hz * (2 ** (style.pitch_st / 12) - 1), -150, 150)
    volume = np.clip(style.volume_db, -13, 8)
    return (
        f'<speak><prosody rate="{rate:.0f}%" pitch="{pitch:+.1f}Hz" volume="{volume:+.1f}dB">'
        f"{escape(text)}</prosody></speak>"
    )


def spoken_words(text: str, timed: Sequence[WordTiming], seconds: float) -> tuple[SpokenWord, ...]:
    """Words with their start: the server's where it timed them all, else spread over the audio by their length."""
    words = text.split()
    if len(timed) == len(words) and words:
        return tuple(SpokenWord(word, timing.start_time / 1000) for word, timing in zip(words, timed, strict=True))
    weights = np.cumsum([0, *(len(word) + 1 for word in words)])
    return tuple(
        SpokenWord(word, float(seconds * before / weights[-1]))
        for word, before in zip(words, weights[:-1], strict=True)
    )


def riva_recogniser_processor(server: str = DEFAULT_SERVER, *, model: str = "") -> NvidiaSegmentedSTTService:
    """Pipecat's own segmented NVIDIA recogniser for a server in the own network.

    For pipelines built by hand: it blocks the event loop while the server recognises, and gives words only.
    """
    from pipecat.services.nvidia.stt import NvidiaSegmentedSTTService

    return NvidiaSegmentedSTTService(
        server=server, use_ssl=False, model_function_map={"function_id": "", "model_name": model}
    )


def riva_speaker_processor(
    server: str = DEFAULT_SERVER, *, voice: str | None = None, rate_hz: int = DEFAULT_RATE_HZ
) -> NvidiaTTSService:
    """Pipecat's own NVIDIA voice for a server in the own network.

    For pipelines built by hand: it asks the server inside the event loop when it starts, and knows no style.
    """
    from pipecat.services.nvidia.tts import NvidiaTTSService

    return NvidiaTTSService(
        server=server,
        use_ssl=False,
        sample_rate=rate_hz,
        model_function_map={"function_id": "", "model_name": ""},
        settings=NvidiaTTSService.Settings(voice=voice),
    )
