from collections.abc import Iterable, Sequence

class RecognitionConfig:
    encoding: int
    sample_rate_hertz: int
    language_code: str
    max_alternatives: int
    audio_channel_count: int
    enable_word_time_offsets: bool
    enable_automatic_punctuation: bool
    model: str
    def __init__(
        self,
        *,
        encoding: int = ...,
        sample_rate_hertz: int = ...,
        language_code: str = ...,
        max_alternatives: int = ...,
        audio_channel_count: int = ...,
        enable_word_time_offsets: bool = ...,
        enable_automatic_punctuation: bool = ...,
        model: str = ...,
    ) -> None: ...

class RecognizeRequest:
    config: RecognitionConfig
    audio: bytes
    def __init__(self, *, config: RecognitionConfig = ..., audio: bytes = ...) -> None: ...

class WordInfo:
    start_time: int
    end_time: int
    word: str
    confidence: float
    def __init__(
        self, *, start_time: int = ..., end_time: int = ..., word: str = ..., confidence: float = ...
    ) -> None: ...

class SpeechRecognitionAlternative:
    transcript: str
    confidence: float
    @property
    def words(self) -> Sequence[WordInfo]: ...
    def __init__(self, *, transcript: str = ..., confidence: float = ..., words: Iterable[WordInfo] = ...) -> None: ...

class SpeechRecognitionResult:
    @property
    def alternatives(self) -> Sequence[SpeechRecognitionAlternative]: ...
    def __init__(self, *, alternatives: Iterable[SpeechRecognitionAlternative] = ...) -> None: ...

class RecognizeResponse:
    @property
    def results(self) -> Sequence[SpeechRecognitionResult]: ...
    def __init__(self, *, results: Iterable[SpeechRecognitionResult] = ...) -> None: ...
