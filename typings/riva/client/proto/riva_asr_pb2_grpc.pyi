from collections.abc import Callable
from typing import Any

import grpc
from riva.client.proto.riva_asr_pb2 import RecognizeRequest, RecognizeResponse

class RivaSpeechRecognitionStub:
    Recognize: grpc.UnaryUnaryMultiCallable[RecognizeRequest, RecognizeResponse]
    def __init__(self, channel: grpc.Channel) -> None: ...

class RivaSpeechRecognitionServicer:
    Recognize: Callable[[RecognizeRequest, grpc.ServicerContext], RecognizeResponse]

def __getattr__(name: str) -> Any: ...
