"""A Riva server on loopback: real gRPC, real protos, and answers that can be told from the question."""

from __future__ import annotations

import io
import re
import threading
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import grpc
import numpy as np
from riva.client.proto.riva_asr_pb2 import (
    RecognizeRequest,
    RecognizeResponse,
    SpeechRecognitionAlternative,
    SpeechRecognitionResult,
    WordInfo,
)
from riva.client.proto.riva_asr_pb2_grpc import (
    RivaSpeechRecognitionServicer,
    add_RivaSpeechRecognitionServicer_to_server,
)
from riva.client.proto.riva_tts_pb2 import (
    RivaSynthesisConfigRequest,
    RivaSynthesisConfigResponse,
    SynthesizeSpeechRequest,
    SynthesizeSpeechResponse,
    SynthesizeSpeechResponseMetadata,
    WordTiming,
)
from riva.client.proto.riva_tts_pb2_grpc import RivaSpeechSynthesisServicer, add_RivaSpeechSynthesisServicer_to_server
from typing_extensions import override

WORD_S = 0.25
"""The double says a word every quarter of a second, and hears as many."""
TONE_HZ = 200.0


class RivaDouble:
    """The server. It keeps the requests, can be slow, and can refuse."""

    def __init__(self, model: str = "fastpitch_hifigan_ensemble-English-US") -> None:
        """Prepare a server whose synthesis model has this name."""
        self.model = model
        self.heard: list[RecognizeRequest] = []
        self.spoken: list[SynthesizeSpeechRequest] = []
        self.refusal: grpc.StatusCode | None = None
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.cancelled = threading.Event()
        self._threads = ThreadPoolExecutor(4)
        self._server = grpc.server(self._threads)
        add_RivaSpeechRecognitionServicer_to_server(_Recognition(self), self._server)
        add_RivaSpeechSynthesisServicer_to_server(_Synthesis(self), self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> RivaDouble:
        """Start to listen."""
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        """Stop, and let nobody wait."""
        self.go_on.set()
        self.stop()
        self._threads.shutdown()

    def stop(self) -> None:
        """Go away in the middle of a call."""
        self._server.stop(grace=0).wait(5)

    def admit(self, context: grpc.ServicerContext) -> None:
        """Refuse as told; else answer when told."""
        self.asked.set()
        context.add_callback(lambda: None if self.go_on.is_set() else self.cancelled.set())
        if self.refusal is not None:
            context.abort(self.refusal, "as the scene wants it")
        self.go_on.wait(10)


class _Recognition(RivaSpeechRecognitionServicer):
    def __init__(self, double: RivaDouble) -> None:
        self._double = double

    @override
    def Recognize(self, request: RecognizeRequest, context: grpc.ServicerContext) -> RecognizeResponse:
        """Hear a word per quarter of a second, with a confidence each; silence is no result."""
        self._double.heard.append(request)
        self._double.admit(context)
        samples, rate_hz = _samples(request)
        if not samples.any():
            return RecognizeResponse()
        words = [f"word{place}" for place in range(1, 1 + int(len(samples) / rate_hz / WORD_S))]
        told = [WordInfo(word=word, confidence=0.8) for word in words]
        best = SpeechRecognitionAlternative(transcript=" ".join(words) + " ", confidence=-1.5, words=told)
        return RecognizeResponse(results=[SpeechRecognitionResult(alternatives=[best])])


class _Synthesis(RivaSpeechSynthesisServicer):
    def __init__(self, double: RivaDouble) -> None:
        self._double = double

    @override
    def Synthesize(self, request: SynthesizeSpeechRequest, context: grpc.ServicerContext) -> SynthesizeSpeechResponse:
        """Speak a tone, a quarter of a second per word; time the words if asked."""
        self._double.spoken.append(request)
        self._double.admit(context)
        words = re.sub(r"<[^>]*>", "", request.text).split()
        timed = [
            WordTiming(word=word, start_time=int(1000 * WORD_S * place), end_time=int(1000 * WORD_S * (place + 1)))
            for place, word in enumerate(words)
        ]
        return SynthesizeSpeechResponse(
            audio=_tone(WORD_S * len(words), request.sample_rate_hz),
            meta=SynthesizeSpeechResponseMetadata(text=request.text, words=timed),
        )

    @override
    def SynthesizeOnline(
        self, request_iterator: Iterator[SynthesizeSpeechRequest], context: grpc.ServicerContext
    ) -> Iterator[SynthesizeSpeechResponse]:
        """Speak each request in two pieces."""
        for request in request_iterator:
            whole = self.Synthesize(request, context).audio
            half = len(whole) // 4 * 2
            yield SynthesizeSpeechResponse(audio=whole[:half])
            yield SynthesizeSpeechResponse(audio=whole[half:])

    @override
    def GetRivaSynthesisConfig(
        self, request: RivaSynthesisConfigRequest, context: grpc.ServicerContext
    ) -> RivaSynthesisConfigResponse:
        """Tell the model."""
        self._double.admit(context)
        return RivaSynthesisConfigResponse(
            model_config=[RivaSynthesisConfigResponse.Config(model_name=self._double.model)]
        )


def _samples(request: RecognizeRequest) -> tuple[np.ndarray[tuple[int], np.dtype[np.int16]], int]:
    """Samples and their rate: from a WAV header, else from the request's configuration."""
    if request.audio[:4] == b"RIFF":
        with wave.open(io.BytesIO(request.audio)) as wav:
            return np.frombuffer(wav.readframes(wav.getnframes()), dtype=np.int16), wav.getframerate()
    return np.frombuffer(request.audio, dtype=np.int16), request.config.sample_rate_hertz


def _tone(seconds: float, rate_hz: int) -> bytes:
    """A sine."""
    at_s = np.arange(int(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * TONE_HZ * at_s)).astype(np.int16).tobytes()
