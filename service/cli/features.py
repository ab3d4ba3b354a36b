"""Where commands keep the features of corpora: computed by the embedded recogniser's encoder, as calls do it."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Final

import ctranslate2

from pipelines.learning.emotion import Encoder
from pipelines.learning.features import FeatureShelf
from pipelines.models.catalogue import find
from pipelines.models.install import locate
from pipelines.speech import whisper
from service.cli.configured import read_settings

ENCODER: Final = "whisper-base"


def open_shelf(folder: Path, workers: int = 1) -> FeatureShelf:
    """Features in a folder; they are computed anew when the encoder or the code behind them changes.

    Args:
        folder: where they are kept.
        workers: clips that are encoded at once.

    Raises:
        ModelAbsent: the embedded recogniser is not installed.
    """
    model = locate(ENCODER, read_settings().models.cache_dir)
    version = hashlib.sha256(f"{[one.sha256 for one in find(ENCODER).files]} {ctranslate2.__version__}".encode())
    for part in (whisper.WhisperRecogniser.encode_here, whisper.pieces, whisper.window_s):
        version.update(inspect.getsource(part).encode())

    def load_encoder() -> Encoder:
        return whisper.WhisperRecogniser.load(model, threads=1, at_once=workers).encode_here

    return FeatureShelf(folder, version.hexdigest(), load_encoder, workers=workers)
