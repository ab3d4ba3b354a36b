"""Training the voice head, on made-up features and on a tiny corpus on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from pipelines.emotion.estimate import LABELS, Label
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.voice import ACTED, AFFECT, AS_LABEL, VoiceHead
from pipelines.learning.corpora import clips_of, find_corpora
from pipelines.learning.emotion import (
    CALL_TURNS,
    TRAINED_ON,
    Clip,
    Condition,
    Guess,
    Recipe,
    Sample,
    Turn,
    as_acted,
    as_in_calls,
    best_temperature,
    calibrate,
    describe,
    guess,
    keep_samples,
    leave_one_speaker_out,
    populations,
    probabilities,
    product_probabilities,
    read_samples,
    score_voice,
    simulate_calls,
    train_head,
    under,
)
from pipelines.learning.measures import recall
from pipelines.ports import Pcm

WIDTH = 12
RECIPE = Recipe(regularisation=0.05, ridge=10.0, orders=1)


def acted(speakers: int = 5, each: int = 6, shift: float = 4.0) -> list[Sample]:
    """Speakers whose voices differ more than their emotions do: only a caller's own baseline tells them apart."""
    chance = np.random.default_rng(4)
    directions = chance.standard_normal((len(ACTED), WIDTH))
    samples = []
    for speaker in range(speakers):
        voice = shift * chance.standard_normal(WIDTH)
        for row, emotion in enumerate(ACTED):
            for number in range(each):
                vector = voice + 1.5 * directions[row] + 0.5 * chance.standard_normal(WIDTH)
                name = f"{speaker}-{emotion}-{number}"
                samples.append(Sample(name, str(speaker), emotion, Condition.MU_LAW, vector.astype(np.float32)))
    return samples


def test_the_callers_own_baseline_is_what_carries_over_to_unknown_speakers() -> None:
    """Held-out speakers are read far better with it than without, and better late in a call than at its start."""
    samples = acted()
    with_it = score_voice(leave_one_speaker_out(samples, RECIPE, (Condition.MU_LAW,)))
    without = score_voice(
        leave_one_speaker_out(samples, Recipe(regularisation=0.05, orders=1, use_baseline=False), (Condition.MU_LAW,))
    )
    assert with_it.uar > without.uar + 0.1
    assert with_it.later_turn_uar > with_it.first_turn_uar
    low, high = with_it.interval
    assert low <= with_it.uar <= high
    assert with_it.turns == len(samples)


def test_a_speaker_is_never_in_training_and_test() -> None:
    """Every sample is guessed exactly once."""
    samples = acted(speakers=3, each=3)
    guesses = leave_one_speaker_out(samples, RECIPE, (Condition.MU_LAW,))
    assert sorted(guess.turn.sample.clip for guess in guesses) == sorted(sample.clip for sample in samples)


def test_a_simulated_call_normalises_before_it_learns() -> None:
    """The first turn of each call is measured by the population alone."""
    samples = acted(speakers=2)
    prior = populations(samples, 4.0).prior
    turns = simulate_calls(samples, prior, seed=1, weigh=as_acted)
    for turn in turns:
        if turn.number == 1:
            plain = np.clip((turn.sample.vector - prior.mean) / np.sqrt(prior.variance), -6, 6)
            assert np.allclose(turn.vector, plain, atol=1e-4)
    assert max(turn.number for turn in turns) == CALL_TURNS


def test_every_call_of_training_meets_another_population() -> None:
    """Actors and readers are two kinds of speakers; a drawn population lies around the middle of both."""
    actors = acted(speakers=3)
    readers = [
        Sample(f"r{n}", f"read-{n // 2}", "neutral", Condition.MU_LAW, one.vector + 20)
        for n, one in enumerate(actors[:20])
    ]
    known = populations([*actors, *readers], 4.0)
    alone = populations(actors, 4.0)
    assert np.all(known.towards > 5)
    assert not alone.towards.any()
    assert len(known.voices) == 10
    drawn = [known.drawn(np.random.default_rng(seed)) for seed in range(200)]
    assert all(np.array_equal(one.variance, known.prior.variance) for one in drawn)
    means = np.array([one.mean for one in drawn])
    assert np.allclose(means.mean(axis=0), known.prior.mean, atol=4)
    assert means.std(axis=0).min() > 2


def test_what_a_label_adds_is_the_same_for_every_voice() -> None:
    """It is measured within speakers: who a speaker is does not count."""
    near, far = (populations(acted(speakers=4, shift=shift), 4.0).prior.added for shift in (0.0, 9.0))
    assert near is not None
    assert far is not None
    assert np.allclose(near, far, atol=0.3)
    assert np.abs(near).max() > 1


def test_a_head_survives_its_file_and_its_probabilities_sum_to_one() -> None:
    """What is shipped is what was trained."""
    samples = acted(speakers=3)
    head = train_head(samples, RECIPE)
    again = VoiceHead.from_arrays(head.arrays())
    inputs = np.array([turn.vector for turn in simulate_calls(samples, head.prior, seed=2, weigh=as_acted)])
    shares, affect = again.scores(inputs)
    assert np.allclose(shares, head.scores(inputs)[0])
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert np.abs(affect).max() <= 1
    assert again.version == head.version


def test_valence_and_arousal_follow_the_anchors() -> None:
    """Anger is excited, sadness is not; happiness is pleasant."""
    samples = acted(speakers=6)
    head = train_head(samples, RECIPE)
    turns = simulate_calls(samples, head.prior, seed=9, weigh=as_acted)
    affect = head.scores(np.array([turn.vector for turn in turns]))[1]
    means = {e: affect[[t.sample.emotion == e for t in turns]].mean(axis=0) for e in ACTED}
    assert means["anger"][1] > means["sadness"][1] + 0.5
    assert means["happiness"][0] > means["anger"][0] + 0.5
    assert set(ACTED) < set(AFFECT) == set(AS_LABEL)


def test_a_head_may_have_the_classes_of_another_corpus() -> None:
    """Surprise is one of them; valence and arousal may come from listeners."""
    renamed = {"boredom": "calm", "disgust": "surprise"}
    samples = [replace(one, emotion=renamed.get(one.emotion, one.emotion)) for one in acted()]
    classes = sorted({one.emotion for one in samples})
    head = train_head(samples, RECIPE, classes=classes, affect_of=lambda one: (0.5, float(one.emotion == "surprise")))
    guesses = guess(head, simulate_calls(samples, head.prior, seed=3, weigh=as_in_calls(head)))
    truth = [one.turn.sample.emotion for one in guesses]
    assert recall(truth, [head.classes[int(np.argmax(one.scores))] for one in guesses]) > 0.8
    surprised = product_probabilities(guesses, best_temperature(guesses, classes), classes)[
        :, LABELS.index(Label.CONFUSED)
    ]
    assert surprised[np.array(truth) == "surprise"].mean() > 0.5
    assert np.mean([one.affect[0] for one in guesses]) == pytest.approx(0.5, abs=0.1)


def test_the_temperature_calibrates_an_overconfident_head() -> None:
    """Scores three times too large are brought back."""
    chance = np.random.default_rng(0)
    sample = Sample("a", "1", "anger", Condition.MU_LAW, np.zeros(WIDTH, np.float32))
    guesses = []
    for _ in range(2000):
        scores = chance.standard_normal(len(ACTED))
        shares = np.exp(scores) / np.exp(scores).sum()
        emotion = ACTED[int(chance.choice(len(ACTED), p=shares))]
        turn = Turn(Sample("a", "1", emotion, sample.condition, sample.vector), 1, sample.vector)
        guesses.append(Guess(turn, (3 * scores).astype(np.float32), np.zeros(2, np.float32)))
    head = calibrate(train_head(acted(speakers=2), RECIPE), guesses)
    assert head.temperature == pytest.approx(3, rel=0.15)
    assert np.allclose(probabilities(guesses, head.temperature).sum(axis=1), 1)


def clips(folder: Path) -> list[Clip]:
    """The clips of the corpus in a folder."""
    return [clip for corpus in find_corpora(folder) for one in corpus.recordings for clip in clips_of(one)]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two clips in the layout of the shipped corpora."""
    rows = ["file,speaker,sex,emotion,seconds"]
    for name, pitch_hz, emotion in (("a.flac", 120, "anger"), ("b.flac", 220, "neutral")):
        tone = 0.3 * np.sin(np.arange(16_000) * 2 * np.pi * pitch_hz / 16_000)
        soundfile.write(tmp_path / name, tone, 16_000)
        rows.append(f"{name},{name[0]},f,{emotion},1.0")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return tmp_path


def test_a_corpus_goes_through_every_condition_and_back_from_its_file(corpus: Path) -> None:
    """The features of training come from the encoder that it is given and the prosody of the calls."""
    asked: list[int] = []

    def encode(pcm: Pcm, rate_hz: int) -> NDArray[np.float32]:
        asked.append(rate_hz)
        return np.full(6, float(np.abs(pcm.astype(float)).mean()), np.float32)

    samples = describe(clips(corpus), encode)
    assert len(samples) == 2 * len(TRAINED_ON)
    assert samples[0].vector.shape == (6 + len(NAMES),)
    assert asked.count(16_000) == 2
    keep_samples(samples, corpus / "features.npz")
    again = read_samples(corpus / "features.npz")
    assert [(one.clip, one.condition) for one in again] == [(one.clip, one.condition) for one in samples]
    assert np.allclose(again[0].vector, samples[0].vector, rtol=1e-2, atol=1e-2)


def test_a_condition_is_the_same_every_time(corpus: Path) -> None:
    """Chance is seeded by the clip."""
    clip = clips(corpus)[0]
    for condition in Condition:
        first, second = under(clip, condition), under(clip, condition)
        assert first[1] == second[1]
        assert np.array_equal(first[0], second[0])
