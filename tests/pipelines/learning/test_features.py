"""Features that are kept as long as they are true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.emotion.prosody import NAMES
from pipelines.learning.corpora import Corpus, find_corpora
from pipelines.learning.emotion import Condition
from pipelines.learning.features import FeatureShelf
from pipelines.ports import Pcm
from tests.pipelines.learning import layouts


class Encoding:
    """An encoder that counts what it is asked."""

    def __init__(self) -> None:
        self.loaded = self.clips = 0

    def load(self) -> Callable[[Pcm, int], NDArray[np.float32]]:
        """As the shelf loads it."""
        self.loaded += 1
        return self.encode

    def encode(self, pcm: Pcm, rate_hz: int) -> NDArray[np.float32]:
        """The mean level, four times."""
        self.clips += 1
        return np.full(4, float(np.abs(pcm.astype(float)).mean()), np.float32)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Seven clips."""
    (found,) = find_corpora(layouts.emodb(tmp_path / "emodb"))
    return found


def test_a_second_run_takes_them_from_the_shelf(corpus: Corpus, tmp_path: Path) -> None:
    """Not even the encoder is loaded, and the numbers are the same."""
    encoding = Encoding()
    ticks: list[None] = []
    first = FeatureShelf(tmp_path / "kept", "1", encoding.load, workers=2)
    made = first.describe(corpus, Condition.MU_LAW, lambda: ticks.append(None))
    assert (encoding.loaded, encoding.clips, len(ticks)) == (1, 7, 7)
    assert [one.clip for one in made.samples] == [one.name for one in corpus.recordings]
    assert made.samples[0].vector.shape == (4 + len(NAMES),)
    second = FeatureShelf(tmp_path / "kept", "1", encoding.load)
    assert second.holds(corpus, Condition.MU_LAW)
    again = second.describe(corpus, Condition.MU_LAW)
    assert encoding.clips == 7
    assert all(np.array_equal(a.vector, b.vector) for a, b in zip(made.samples, again.samples, strict=True))


def test_what_has_changed_is_computed_anew(corpus: Corpus, tmp_path: Path) -> None:
    """Another encoder, another line, another label, another recording."""
    encoding = Encoding()
    shelf = FeatureShelf(tmp_path / "kept", "1", encoding.load)
    shelf.describe(corpus, Condition.CLEAN)
    assert not shelf.holds(corpus, Condition.MU_LAW)
    assert not FeatureShelf(tmp_path / "kept", "2", encoding.load).holds(corpus, Condition.CLEAN)
    relabelled = replace(corpus.recordings[0], emotion="sadness")
    assert not shelf.holds(replace(corpus, recordings=(relabelled, *corpus.recordings[1:])), Condition.CLEAN)
    layouts.sound(corpus.recordings[0].file, 1.1)
    assert not shelf.holds(corpus, Condition.CLEAN)
    shelf.describe(corpus, Condition.CLEAN)
    assert shelf.holds(corpus, Condition.CLEAN)
    assert encoding.clips == 14


def test_a_run_that_was_broken_off_leaves_nothing_that_counts(corpus: Corpus, tmp_path: Path) -> None:
    """The note with the key is written last."""
    shelf = FeatureShelf(tmp_path / "kept", "1", Encoding().load)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.describe(corpus, Condition.CLEAN, stop)
    assert not shelf.holds(corpus, Condition.CLEAN)


def test_broken_recordings_are_named_and_the_rest_is_used(corpus: Corpus, tmp_path: Path) -> None:
    """In the second run too."""
    corpus.recordings[2].file.write_bytes(b"no sound")
    corpus.recordings[3].file.unlink()
    for _ in range(2):
        made = FeatureShelf(tmp_path / "kept", "1", Encoding().load).describe(corpus, Condition.CLEAN)
        assert set(made.broken) == {corpus.recordings[2].name, corpus.recordings[3].name}
        assert made.broken[corpus.recordings[3].name] == "missing"
        assert len(made.samples) == 5


def test_a_corpus_of_nothing_but_broken_files_is_no_crash(corpus: Corpus, tmp_path: Path) -> None:
    """It has no samples."""
    for one in corpus.recordings:
        one.file.write_bytes(b"")
    made = FeatureShelf(tmp_path / "kept", "1", Encoding().load).describe(corpus, Condition.CLEAN)
    assert made.samples == ()
    assert len(made.broken) == 7


def test_read_speech_is_cut(tmp_path: Path) -> None:
    """Two pieces of three seconds from each reader."""
    (readers,) = find_corpora(layouts.librispeech(tmp_path / "read"))
    made = FeatureShelf(tmp_path / "kept", "1", Encoding().load).describe(readers, Condition.IN_CALL)
    assert [one.clip for one in made.samples] == [f"{n}-7-0000.flac-{k}" for n in (100, 101) for k in (0, 1)]
