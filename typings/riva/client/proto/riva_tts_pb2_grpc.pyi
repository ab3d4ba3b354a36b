from collections.abc import Callable, Iterator
from typing import Any

import grpc
from riva.client.proto.riva_tts_pb2 import (
    RivaSynthesisConfigRequest,
    RivaSynthesisConfigResponse,
    SynthesizeSpeechRequest,
    SynthesizeSpeechResponse,
)

class RivaSpeechSynthesisStub:
    Synthesize: grpc.UnaryUnaryMultiCallable[SynthesizeSpeechRequest, SynthesizeSpeechResponse]
    GetRivaSynthesisConfig: grpc.UnaryUnaryMultiCallable[RivaSynthesisConfigRequest, RivaSynthesisConfigResponse]
    def __init__(self, channel: grpc.Channel) -> None: ...

class RivaSpeechSynthesisServicer:
    Synthesize: Callable[[SynthesizeSpeechRequest, grpc.ServicerContext], SynthesizeSpeechResponse]
    SynthesizeOnline: Callable[
        [Iterator[SynthesizeSpeechRequest], grpc.ServicerContext], Iterator[SynthesizeSpeechResponse]
    ]
    GetRivaSynthesisConfig: Callable[[RivaSynthesisConfigRequest, grpc.ServicerContext], RivaSynthesisConfigResponse]

def __getattr__(name: str) -> Any: ...
