"""Labelled pauses and how rules are judged on them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.learning.end_of_turn import (
    RATE_HZ,
    Arousal,
    Case,
    Look,
    Trace,
    attune,
    cases,
    interval,
    is_tuning,
    pipecat_default,
    score,
    trace,
)
from pipelines.turns.detection import TurnModels
from pipelines.turns.ending import Manner


def silence(*looks: tuple[int, float], pause_s: float = math.inf) -> Trace:
    """A trace whose quiet began with the last sound; the voice is back 40 ms and confirmed 200 ms after a pause."""
    seen = tuple(Look(windows, 0.032 * windows, probability) for windows, probability in looks)
    is_end = pause_s == math.inf
    return Trace("made", "s", is_end, pause_s, True, None, seen, pause_s + 0.04, pause_s + 0.2)


def speech(seconds: float, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Loud noise in syllables."""
    count = int(seconds * RATE_HZ)
    rhythm = 0.4 + np.abs(np.sin(2 * np.pi * 3 * np.arange(count) / RATE_HZ))
    return (4000 * np.random.default_rng(seed).normal(0, 0.5, count) * rhythm).astype(np.int16)


def corpus(folder: Path) -> Path:
    """One acted clip and one reader with a pause of 400 ms."""
    (folder / "emodb").mkdir()
    (folder / "emodb" / "labels.csv").write_text("file,speaker,sex,text,emotion,seconds\na.flac,03,m,a01,anger,2.0\n")
    soundfile.write(folder / "emodb" / "a.flac", speech(2.0), RATE_HZ)
    (folder / "speech" / "librispeech").mkdir(parents=True)
    two = np.concatenate([speech(1.5), np.zeros(int(0.4 * RATE_HZ), np.int16), speech(1.5, 2)])
    soundfile.write(folder / "speech" / "librispeech" / "84-1-0000.flac", two, RATE_HZ)
    return folder


def test_cases_are_ends_inserted_and_natural_pauses(tmp_path: Path) -> None:
    """A clip that ends, the same with two pauses put in, and a pause that was there."""
    found = list(cases(corpus(tmp_path)))
    assert [(case.source, case.is_end, case.natural) for case in found] == [
        ("emodb", True, True),
        ("emodb", False, False),
        ("emodb", False, False),
        ("librispeech", False, True),
    ]
    assert [case.pause_s for case in found[1:3]] == [0.3, 0.6]
    assert found[3].pause_s == pytest.approx(0.4, abs=0.03)
    assert found[0].arousal is Arousal.HIGH
    for case in found:
        quiet = case.pcm[case.last_sound + 800 : case.last_sound + 4000].astype(np.float64)
        assert 3 < np.sqrt(np.mean(quiet**2)) < 60  # the line's noise, neither speech nor digital silence


def test_cases_are_the_same_every_time(tmp_path: Path) -> None:
    """The set is fixed by its recordings."""
    folder = corpus(tmp_path)
    for one, other in zip(cases(folder), cases(folder), strict=True):
        assert np.array_equal(one.pcm, other.pcm)


def test_speakers_are_tuned_on_or_measured_never_both() -> None:
    """The half depends on the speaker's name alone."""
    halves = {is_tuning(f"emodb-{number:02}") for number in range(3, 17)}
    assert halves == {True, False}


def test_pipecat_looks_once() -> None:
    """Sure at the end of voice activity: over with its words; else three seconds, whatever comes later."""
    rule = pipecat_default(0.25)
    assert rule.end_s(silence((3, 0.2), (6, 0.6))) == pytest.approx(0.192 + 0.25)
    assert rule.end_s(silence((6, 0.4), (9, 0.99))) == 3.0


def test_attune_looks_again_and_has_its_words_earlier() -> None:
    """Nearly certain at once, likely later, by patience at last; recognition began at the third window."""
    rule = attune(0.25, 1.0)
    assert rule.end_s(silence((3, 0.5), (6, 0.99))) == pytest.approx(0.096 + 0.25)
    assert rule.end_s(silence((3, 0.5), (6, 0.6), (25, 0.9))) == pytest.approx(0.8 + 0.03)
    assert rule.end_s(silence((3, 0.1), (6, 0.1), (36, 0.1))) == pytest.approx(1.0)
    assert attune(0.25, 1.0, Manner(upset=True)).end_s(silence((6, 0.1), (36, 0.1))) == pytest.approx(1.3)


def test_a_cut_off_is_an_end_before_the_voice_is_back() -> None:
    """Pauses count by length, ends by their delay."""
    found = score(
        attune(0.0, 1.0),
        [silence((3, 0.9), (6, 0.99), pause_s=0.3), silence((6, 0.5), pause_s=0.3), silence((6, 0.99))],
    )
    assert found.cut_off[0.3] == [True, False]
    assert found.share(0.3) == 0.5
    assert math.isnan(found.share(0.6))
    assert found.delays_s == [pytest.approx(0.192 + 0.03)]


def test_the_interval_holds_the_share() -> None:
    """Wilson's, never outside 0..1."""
    low, high = interval([True] * 3 + [False] * 7)
    assert 0.1 < low < 0.3 < high < 0.61
    assert interval([False] * 10)[0] == pytest.approx(0.0, abs=1e-9)


def test_a_trace_follows_the_silence() -> None:
    """Real models: looks come in order and stop when the voice is back; noise alone is never speech."""
    models = TurnModels()
    quiet = np.random.default_rng(1).normal(0, 12, RATE_HZ).astype(np.int16)
    followed = trace(Case("made", "s", True, math.inf, True, None, quiet, RATE_HZ // 2), models)
    models.close()
    assert followed.looks == ()
    assert followed.again_s == math.inf
