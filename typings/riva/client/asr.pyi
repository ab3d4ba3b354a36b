from riva.client.auth import Auth
from riva.client.proto.riva_asr_pb2_grpc import RivaSpeechRecognitionStub

class ASRService:
    auth: Auth
    stub: RivaSpeechRecognitionStub
    def __init__(self, auth: Auth) -> None: ...
