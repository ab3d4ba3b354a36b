from riva.client.auth import Auth
from riva.client.proto.riva_tts_pb2_grpc import RivaSpeechSynthesisStub

class SpeechSynthesisService:
    auth: Auth
    stub: RivaSpeechSynthesisStub
    def __init__(self, auth: Auth) -> None: ...
