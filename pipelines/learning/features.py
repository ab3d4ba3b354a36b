"""Features of corpora, computed once per line and kept on disk for as long as nothing that they rest on has changed."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.emotion import pooling, prosody, timbre
from pipelines.learning import corpora, emotion, line, surroundings
from pipelines.learning.corpora import Broken, Corpus, Recording, clips_of
from pipelines.learning.emotion import Condition, Encoder, Sample, describe, keep_samples, read_samples

_RESTS_ON: Final = (
    *(prosody, timbre, pooling, line, surroundings),
    *(emotion.under, emotion.describe, corpora.read_sound, corpora.clips_of),
)
"""The code behind a feature vector, besides the encoder."""

_CODE: Final = "".join(inspect.getsource(part) for part in _RESTS_ON).encode()
"""As it is imported: a file that changes during a run does not."""


@dataclass(frozen=True, slots=True)
class Described:
    """A corpus over one line.

    Attributes:
        samples: its features, in the order of the recordings.
        broken: recording -> why it could not be read.
    """

    samples: tuple[Sample, ...]
    broken: Mapping[str, str]


class FeatureShelf:
    """Computes features or takes them from its folder. Not for two processes at once."""

    def __init__(
        self, folder: Path, encoder_version: str, load_encoder: Callable[[], Encoder], *, workers: int = 1
    ) -> None:
        """Take a folder, which is made when it is needed.

        Args:
            folder: where features are kept.
            encoder_version: changes whenever the encoder would give other numbers.
            load_encoder: called once, when the first feature has to be computed.
            workers: clips that are encoded at once.
        """
        self._folder = folder
        self._version = encoder_version
        self._load = load_encoder
        self._encoder: Encoder | None = None
        self._workers = workers

    def holds(self, corpus: Corpus, condition: Condition) -> bool:
        """Whether the features are here and still true."""
        notes = self._notes(corpus, condition)
        return bool(notes) and notes["key"] == self.key(corpus, condition)

    def describe(self, corpus: Corpus, condition: Condition, tick: Callable[[], None] = lambda: None) -> Described:
        """Features of all recordings over one line.

        Args:
            corpus: what is described; long readings are cut into pieces.
            condition: the line.
            tick: called after each recording that is computed.

        Raises:
            OSError: the folder cannot be written.
        """
        file = self._file(corpus, condition)
        if not self.holds(corpus, condition):
            file.parent.mkdir(parents=True, exist_ok=True)
            notes = file.with_suffix(".json")
            notes.unlink(missing_ok=True)
            broken = self._compute(corpus, condition, file, tick)
            notes.write_text(json.dumps({"key": self.key(corpus, condition), "broken": broken}, indent=1), "utf-8")
        notes_held = self._notes(corpus, condition)
        return Described(tuple(read_samples(file)), notes_held["broken"])

    def _compute(self, corpus: Corpus, condition: Condition, file: Path, tick: Callable[[], None]) -> dict[str, str]:
        if self._encoder is None:
            self._encoder = self._load()
        encode = self._encoder
        samples: list[Sample] = []
        broken: dict[str, str] = {}

        def one(recording: Recording) -> list[Sample] | str:
            try:
                return describe(clips_of(recording, cut=corpus.is_read), encode, (condition,))
            except Broken as why:
                return str(why)

        with ThreadPoolExecutor(self._workers, thread_name_prefix="features") as pool:
            for recording, made in zip(corpus.recordings, pool.map(one, corpus.recordings), strict=True):
                if isinstance(made, str):
                    broken[recording.name] = made
                else:
                    samples += made
                tick()
        keep_samples(samples, file)
        return broken

    def key(self, corpus: Corpus, condition: Condition) -> str:
        """What the features rest on: the recordings, the labels, the encoder, the code."""
        digest = hashlib.sha256(f"{self._version} {condition} {corpus.is_read}".encode())
        digest.update(_CODE)
        for one in corpus.recordings:
            size = one.file.stat().st_size if one.file.is_file() else -1
            digest.update(f"{one.name} {one.speaker} {one.emotion} {size}\n".encode())
        return digest.hexdigest()

    def _file(self, corpus: Corpus, condition: Condition) -> Path:
        name = re.sub(r"[^a-z0-9]+", "-", corpus.name.lower())
        return self._folder / f"{name}-{condition}.npz"

    def _notes(self, corpus: Corpus, condition: Condition) -> dict[str, Any]:
        file = self._file(corpus, condition)
        notes = file.with_suffix(".json")
        if not (file.is_file() and notes.is_file()):
            return {}
        found: dict[str, Any] = json.loads(notes.read_bytes())
        return found
