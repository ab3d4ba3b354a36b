"""Corpora in the layouts in which they are published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.emotion.voice import AS_LABEL
from pipelines.learning.corpora import (
    Broken,
    Corpus,
    NoCorpus,
    clips_of,
    drawn,
    find_corpora,
    find_folder,
    is_calls,
    is_goemotions,
    read_sound,
)
from pipelines.learning.words import read_posts
from tests.pipelines.learning import layouts

Layout = Callable[[Path], Path]


def only(folder: Path) -> Corpus:
    """The one corpus of a folder."""
    (found,) = find_corpora(folder)
    return found


def emotions(corpus: Corpus) -> Counter[str]:
    """How often each class occurs."""
    return Counter(one.emotion for one in corpus.recordings)


@pytest.mark.parametrize(
    ("layout", "name", "recordings", "speakers"),
    [
        (layouts.emodb, "EmoDB", 7, {"03": "m", "08": "f", "10": "m", "16": "f"}),
        (layouts.ravdess, "RAVDESS", 24, {"01": "m", "02": "f", "03": "m"}),
        (layouts.tess, "TESS", 5, {"OAF": "f", "YAF": "f"}),
        (layouts.crema_d, "CREMA-D", 12, {"1001": "m", "1002": "f"}),
        (layouts.iemocap, "IEMOCAP", 8, {"Session1F": "f", "Session1M": "m", "Session2F": "f", "Session2M": "m"}),
        (layouts.msp_podcast, "MSP-Podcast", 6, {"12": "m", "31": "f", "77": "f", "80": "m"}),
        (layouts.librispeech, "LibriSpeech", 2, {"read-100": None, "read-101": None}),
    ],
)
def test_a_published_layout_is_known_by_itself(
    tmp_path: Path, layout: Layout, name: str, recordings: int, speakers: dict[str, str | None]
) -> None:
    """Every recording that is named is there, can be read, and has a speaker and a class that a head can learn."""
    corpus = only(layout(tmp_path / "held"))
    assert (corpus.name, len(corpus.recordings), corpus.speakers) == (name, recordings, speakers)
    assert len({one.name for one in corpus.recordings}) == recordings
    for one in corpus.recordings:
        assert one.emotion in AS_LABEL
        assert read_sound(one.file).rate_hz == layouts.RATE_HZ


def test_names_say_the_emotion(tmp_path: Path) -> None:
    """EmoDB in German letters, RAVDESS in numbers, TESS in words, CREMA-D in three letters."""
    emodb = {one.file.stem: one.emotion for one in only(layouts.emodb(tmp_path / "1")).recordings}
    assert emodb == {
        "03a01Fa": "happiness",
        "03a01Nc": "neutral",
        "08a02Wb": "anger",
        "08b10La": "boredom",
        "16a05Ea": "disgust",
        "10a07Ad": "fear",
        "10a07Ta": "sadness",
    }
    ravdess = only(layouts.ravdess(tmp_path / "2"))
    assert set(emotions(ravdess).values()) == {3}
    assert set(ravdess.classes) == {
        *("anger", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    }
    assert ravdess.left_out == {"not audio-only": 1, "song": 1}
    assert emotions(only(layouts.tess(tmp_path / "3"))) == {"anger": 2, "sadness": 1, "surprise": 1, "neutral": 1}
    assert set(emotions(only(layouts.crema_d(tmp_path / "4"))).values()) == {2}


def test_iemocap_has_its_four_classes_and_its_ratings(tmp_path: Path) -> None:
    """Excitement is happiness; ratings of 1 to 5 become -1 to 1; a session is held out as a whole."""
    corpus = only(layouts.iemocap(tmp_path))
    assert emotions(corpus) == {"neutral": 2, "anger": 2, "happiness": 2, "sadness": 2}
    assert corpus.left_out == {"class fru": 2, "class xxx": 2}
    angry = next(one for one in corpus.recordings if one.emotion == "anger")
    assert (angry.valence, angry.arousal, angry.sex) == (-1, 1, "m")
    first, second = corpus.folds()
    assert first.held_out == second.taught == {"Session1F", "Session1M"}


@pytest.mark.parametrize("as_json", [False, True])
def test_msp_podcast_is_measured_on_its_own_test_sets(tmp_path: Path, as_json: bool) -> None:
    """Its table and its JSON say the same; speakers of a test set are never learned from."""
    corpus = only(layouts.msp_podcast(tmp_path, as_json=as_json))
    assert corpus.classes == ("anger", "contempt", "happiness", "neutral", "sadness", "surprise")
    assert corpus.left_out == {"class X": 1, "unknown speaker": 1}
    angry = next(one for one in corpus.recordings if one.emotion == "anger")
    assert (angry.valence, angry.arousal) == pytest.approx((-0.8, 2.2 / 3))
    assert [(fold.name, set(fold.held_out), set(fold.taught)) for fold in corpus.folds()] == [
        ("Test1", {"77"}, {"12", "31"}),
        ("Test2", {"80"}, {"12", "31"}),
    ]


def test_crema_d_does_without_the_table_of_sexes(tmp_path: Path) -> None:
    """Nobody's sex is guessed."""
    assert set(only(layouts.crema_d(tmp_path, demographics=False)).speakers.values()) == {None}


def test_a_table_of_labels_stands_for_any_other_corpus(tmp_path: Path) -> None:
    """An emotion without a meaning here is left out and counted."""
    corpus = only(layouts.labelled(tmp_path / "own"))
    assert (corpus.name, corpus.left_out) == ("own", {"class joy": 1})
    assert (corpus.recordings[0].valence, corpus.recordings[0].arousal) == (-0.5, 0.25)
    (tmp_path / "own" / "labels.csv").write_text("file,speaker,emotion\na.flac,,anger\n", "utf-8")
    with pytest.raises(NoCorpus, match="line 2: nothing under speaker"):
        find_corpora(tmp_path / "own")


@pytest.mark.parametrize(
    ("name", "told", "why"),
    [
        ("labels.csv", "file,speaker,emotion,valence\na.flac,1,anger,high\n", "'high' is no number"),
        ("Labels/labels_consensus.csv", "FileName,EmoClass\na.wav,A\n", "no EmoAct, EmoVal"),
        ("Labels/labels_consensus.csv", "FileName,EmoClass,EmoAct,EmoVal,SpkrID\na.wav,A,,5,7\n", "'' is no number"),
        ("Labels/labels_consensus.json", '{"a.wav": {', "Expecting"),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, name: str, told: str, why: str) -> None:
    """With what is wrong in it."""
    table = tmp_path / name
    table.parent.mkdir(exist_ok=True)
    table.write_text(told, "utf-8")
    with pytest.raises(NoCorpus, match=f"{table.name}: .*{why}"):
        find_corpora(tmp_path)


def test_many_corpora_lie_in_one_folder(tmp_path: Path) -> None:
    """They are found below it; two of a name are told apart; texts and calls are found too."""
    layouts.ravdess(tmp_path / "download" / "RAVDESS")
    layouts.librispeech(tmp_path / "speech" / "LibriSpeech" / "test-other", nested=True)
    layouts.emodb(tmp_path / "a")
    layouts.emodb(tmp_path / "b")
    layouts.goemotions(tmp_path / "text" / "goemotions")
    layouts.sound(tmp_path / "calls" / "one.flac")
    assert [corpus.name for corpus in find_corpora(tmp_path)] == ["EmoDB", "EmoDB 2", "RAVDESS", "LibriSpeech"]
    assert find_corpora(tmp_path)[-1].speakers == {"read-100": "f", "read-101": "m"}
    texts = find_folder(tmp_path, is_goemotions)
    assert texts is not None
    assert [post.labels for post in read_posts(texts, "test")] == [("anger",), ("joy",), ("neutral",)]
    assert find_folder(tmp_path, is_calls) == tmp_path / "calls"
    assert find_corpora(tmp_path / "text") == []


def test_clips_have_the_names_that_seed_their_lines(tmp_path: Path) -> None:
    """A recording is one clip; a reading is cut into pieces of three seconds, and a short rest is dropped."""
    own = [clip for one in only(layouts.labelled(tmp_path / "own")).recordings for clip in clips_of(one)]
    assert [(clip.name, clip.speaker, clip.emotion) for clip in own] == [
        ("a.flac", "1", "anger"),
        ("b.flac", "1", "neutral"),
    ]
    readers = only(layouts.librispeech(tmp_path / "read"))
    pieces = [clip for one in readers.recordings for clip in clips_of(one, cut=True)]
    assert [(clip.name, clip.speaker) for clip in pieces] == [
        (f"{reader}-7-0000.flac-{piece}", f"read-{reader}") for reader in (100, 101) for piece in (0, 1)
    ]
    assert {len(clip.pcm) / clip.rate_hz for clip in pieces} == {3.0}


def test_a_broken_recording_says_why(tmp_path: Path) -> None:
    """Missing, no audio at all, empty, silent, or not numbers."""
    (tmp_path / "text.wav").write_text("version https://git-lfs.github.com/spec/v1\n", "utf-8")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    for name, why in (
        ("away", "missing"),
        ("text", "not readable"),
        ("empty", r"0\.00 s"),
        ("silent", "silent"),
        ("nan", "no numbers"),
    ):
        with pytest.raises(Broken, match=why):
            read_sound(tmp_path / f"{name}.wav")


def test_two_channels_are_mixed(tmp_path: Path) -> None:
    """And brought to 16 bits without change where they were."""
    left = np.random.default_rng(1).integers(-9000, 9000, 8000).astype(np.int16)
    soundfile.write(tmp_path / "mono.wav", left, 8000)
    soundfile.write(tmp_path / "stereo.wav", np.column_stack([left, -left // 2]), 8000)
    assert np.array_equal(read_sound(tmp_path / "mono.wav").pcm, left)
    assert np.abs(read_sound(tmp_path / "stereo.wav").pcm).mean() == pytest.approx(np.abs(left).mean() / 4, rel=0.01)


def test_a_limit_draws_the_same_for_everybody(tmp_path: Path) -> None:
    """By the names alone."""
    corpus = only(layouts.ravdess(tmp_path))
    few = drawn(corpus, 5)
    assert len(few.recordings) == 5
    assert few.left_out["beyond the limit"] == 19
    assert few == drawn(corpus, 5)
    assert drawn(corpus, 99) == corpus


def test_many_speakers_are_held_out_in_groups(tmp_path: Path) -> None:
    """Nobody is on both sides of a fold, and everybody is held out once."""
    folds = only(layouts.ravdess(tmp_path, actors=12)).folds(most=4)
    assert [len(fold.held_out) for fold in folds] == [3, 3, 3, 3]
    assert all(not fold.held_out & fold.taught for fold in folds)
    assert len(frozenset().union(*(fold.held_out for fold in folds))) == 12
