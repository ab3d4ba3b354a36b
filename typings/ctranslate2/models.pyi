from ctranslate2 import StorageView

class WhisperGenerationResult:
    @property
    def sequences_ids(self) -> list[list[int]]: ...
    @property
    def scores(self) -> list[float]: ...
    @property
    def no_speech_prob(self) -> float: ...

class Whisper:
    def __init__(
        self,
        model_path: str,
        device: str = "cpu",
        *,
        compute_type: str = "default",
        inter_threads: int = 1,
        intra_threads: int = 0,
        max_queued_batches: int = 0,
    ) -> None: ...
    @property
    def is_multilingual(self) -> bool: ...
    @property
    def n_mels(self) -> int: ...
    def encode(self, features: StorageView, to_cpu: bool = False) -> StorageView: ...
    def generate(
        self,
        features: StorageView,
        prompts: list[list[int]],
        *,
        beam_size: int = 5,
        max_length: int = 448,
        return_scores: bool = False,
        return_no_speech_prob: bool = False,
        suppress_blank: bool = True,
    ) -> list[WhisperGenerationResult]: ...
