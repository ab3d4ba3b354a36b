from collections.abc import Iterable, Mapping, Sequence

class RivaSynthesisConfigRequest:
    model_name: str
    def __init__(self, *, model_name: str = ...) -> None: ...

class RivaSynthesisConfigResponse:
    class Config:
        model_name: str
        def __init__(self, *, model_name: str = ..., parameters: Mapping[str, str] = ...) -> None: ...

    @property
    def model_config(self) -> Sequence[RivaSynthesisConfigResponse.Config]: ...
    def __init__(self, *, model_config: Iterable[RivaSynthesisConfigResponse.Config] = ...) -> None: ...

class SynthesizeSpeechRequest:
    text: str
    language_code: str
    encoding: int
    sample_rate_hz: int
    voice_name: str
    enable_word_time_offsets: bool
    def __init__(
        self,
        *,
        text: str = ...,
        language_code: str = ...,
        encoding: int = ...,
        sample_rate_hz: int = ...,
        voice_name: str = ...,
        enable_word_time_offsets: bool = ...,
    ) -> None: ...

class WordTiming:
    word: str
    start_time: int
    end_time: int
    def __init__(self, *, word: str = ..., start_time: int = ..., end_time: int = ...) -> None: ...

class SynthesizeSpeechResponseMetadata:
    text: str
    @property
    def words(self) -> Sequence[WordTiming]: ...
    def __init__(self, *, text: str = ..., words: Iterable[WordTiming] = ...) -> None: ...

class SynthesizeSpeechResponse:
    audio: bytes
    meta: SynthesizeSpeechResponseMetadata
    def __init__(self, *, audio: bytes = ..., meta: SynthesizeSpeechResponseMetadata = ...) -> None: ...
