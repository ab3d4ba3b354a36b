"""Trials on made-up features: speakers held out, a corpus never heard, calm readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.emotion.estimate import LABELS, Emotion, Label, Reading
from pipelines.emotion.voice import ACTED
from pipelines.learning.corpora import Corpus, Recording
from pipelines.learning.emotion import Condition, Recipe, Sample, train_head
from pipelines.learning.joined import simulate
from pipelines.learning.measures import Figure
from pipelines.learning.trials import (
    Normalised,
    TooSmall,
    alarms,
    calm,
    emotions,
    hold_out,
    in_calls,
    learning_curve,
    score,
    unheard,
    unknown_readers,
    voices_by_speaker,
)
from tests.pipelines.learning.test_voice_training import WIDTH, acted

RECIPE = Recipe(regularisation=0.05, ridge=10.0, orders=1)


def corpus_of(samples: list[Sample], *, rated: bool = False) -> Corpus:
    """The corpus that samples come from; even speakers are women."""
    recordings = {
        one.clip: Recording(
            Path(one.clip),
            one.clip,
            one.speaker,
            one.emotion,
            sex="mf"[int(one.speaker) % 2 == 0],
            valence=(0.7 if one.emotion == "happiness" else -0.2) if rated else None,
            arousal=(0.8 if one.emotion == "anger" else 0.0) if rated else None,
        )
        for one in samples
    }
    return Corpus("made up", Path(), tuple(recordings.values()))


def readers(count: int = 8, each: int = 6) -> list[Sample]:
    """Calm voices that differ among themselves."""
    chance = np.random.default_rng(9)
    neutral = next(one for one in acted(speakers=1) if one.emotion == "neutral").vector
    return [
        Sample(f"{name}-{number}", name, "neutral", Condition.MU_LAW, vector.astype(np.float32))
        for reader in range(count)
        for name in (f"read-{reader}",)
        for voice in (neutral + 2 * chance.standard_normal(WIDTH),)
        for number in range(each)
        for vector in (voice + 0.5 * chance.standard_normal(WIDTH),)
    ]


def test_every_turn_is_judged_by_a_head_that_never_heard_the_speaker() -> None:
    """Once each; the score tells of classes, sexes and voices, and its curves hang together."""
    samples = acted()
    corpus = corpus_of(samples, rated=True)
    ticks: list[None] = []
    held = hold_out(corpus, samples, samples, RECIPE, tick=lambda: ticks.append(None))
    assert len(ticks) == 5
    judged = held.judged(Condition.MU_LAW)
    assert sorted(turn.sample.clip for turn in judged.turns) == sorted(one.name for one in corpus.recordings)
    found = score(judged, corpus)
    assert found.classes == tuple(sorted(ACTED))
    assert found.turns == len(samples)
    assert found.uar.low <= found.uar.value <= found.uar.high
    assert found.uar.value > 0.5
    assert set(found.by_sex) == {"f", "m"}
    assert found.by_speaker["worst"] <= found.by_speaker["median"] <= found.by_speaker["best"]
    assert np.sum(found.confusion) == found.turns
    assert sum(count for _, _, count in found.reliability) == found.turns
    assert found.surest.value >= found.accuracy.value
    assert found.coverage[0][1:] == pytest.approx((1.0, found.accuracy.value))
    assert found.valence is not None
    assert found.valence.value > 0.3
    assert found.arousal is not None
    assert found.arousal.value > 0.3


def test_labels_join_classes() -> None:
    """Boredom taken for neutral is no mistake of the product."""
    samples = acted()
    held = hold_out(corpus_of(samples), samples, samples, RECIPE)
    by_class, by_label = held.judged(Condition.MU_LAW), held.judged_labels(Condition.MU_LAW)
    assert by_label.classes == tuple(map(str, LABELS))
    assert by_label.right.mean() >= by_class.right.mean()
    assert score(by_label, corpus_of(samples)).valence is None


def test_the_temperature_comes_from_other_speakers() -> None:
    """A speaker whose labels are all wrong does not make the head humble about that very speaker."""
    samples = [
        replace(one, emotion=ACTED[(ACTED.index(one.emotion) + 3) % 7]) if one.speaker == "0" else one
        for one in acted()
    ]
    judged = hold_out(corpus_of(samples), samples, samples, RECIPE).judged(Condition.MU_LAW)
    own, others = judged.of({"0"}), judged.of({"1", "2", "3", "4"})
    assert own.right.mean() < 0.3
    assert own.confidence.mean() > others.confidence.mean()


def test_a_corpus_that_cannot_be_held_out_says_why() -> None:
    """One speaker, or classes that nobody shares."""
    alone = acted(speakers=1)
    with pytest.raises(TooSmall, match="two speakers"):
        hold_out(corpus_of(alone), alone, alone, RECIPE)
    apart = [one for one in acted(speakers=2) if (one.emotion in ACTED[:3]) == (one.speaker == "0")]
    with pytest.raises(TooSmall, match="here 0"):
        hold_out(corpus_of(apart), apart, apart, RECIPE)
    with pytest.raises(TooSmall, match="shared"):
        unheard(train_head(acted(), RECIPE), [one for one in acted() if one.emotion == "fear"], Normalised.NOBODY)


def test_a_caller_of_another_corpus_is_best_known_as_a_whole() -> None:
    """No comparison is worst, the caller so far lies between and gets better over the call."""
    head = train_head(acted(speakers=8), RECIPE)
    elsewhere = [replace(one, vector=one.vector + 2) for one in acted(speakers=8, each=12)]
    corpus = corpus_of(elsewhere)
    found = {one: score(unheard(head, elsewhere, one), corpus) for one in Normalised}
    nobody, so_far, whole = (found[one] for one in (Normalised.NOBODY, Normalised.ON_LINE, Normalised.WHOLE_SPEAKER))
    assert found[Normalised.ON_LINE].classes == ("neutral", "satisfied", "angry", "sad")
    assert nobody.uar.value < so_far.uar.value
    assert so_far.first_turns is not None
    assert so_far.later_turns is not None
    assert whole.later_turns is not None
    assert so_far.first_turns < so_far.later_turns < whole.later_turns


def test_calm_readers_are_judged_by_heads_that_know_the_other_half() -> None:
    """Each utterance once; what is unpleasant is counted only where it is sure enough."""
    voices = readers()
    judged = unknown_readers(acted(), voices, voices, RECIPE, temperature=1.0)
    assert sorted(turn.sample.clip for turn in judged.turns) == sorted(one.clip for one in voices)
    found = emotions(judged)
    calls = in_calls(judged, found)
    assert [(speaker[:5], len(call)) for speaker, call in calls] == [("read-", 6)] * 8
    assert calm(calls).unpleasant.value < 0.3
    assert {one.label for one in found} >= {Label.NEUTRAL}
    assert all(one.words is None and one.voice is not None for one in found)


def test_attention_finds_the_calls_that_turn_upset() -> None:
    """Clear voices: nearly every upset call is noticed, soon, and hardly a calm one."""
    samples = acted()
    held = hold_out(corpus_of(samples), samples, samples, RECIPE)
    voices = voices_by_speaker(held.judged_labels(Condition.MU_LAW))
    assert set(voices) == {"0", "1", "2", "3", "4"}
    calls = {
        who: simulate(
            [replace(one, reading=replace(one.reading, probabilities={one.label: 1.0})) for one in own],
            [],
            12,
            with_words=False,
        )
        for who, own in voices.items()
    }
    found = alarms(calls)
    assert found.calls == 60
    assert found.noticed.value > 0.95
    assert found.turns_to_notice is not None
    assert found.turns_to_notice <= 2
    assert found.false.value < 0.05
    assert found.recall.low <= found.recall.value <= found.recall.high
    assert found.calm_calls.value == 0
    assert found.average_precision > 0.95
    assert alarms(calls, threshold=1.1).turns_to_notice is None


def test_the_need_for_attention_is_counted_call_by_call() -> None:
    """A calm call after a furious one begins anew."""
    quiet, furious = (
        Emotion(label, valence=0.0, arousal=0.0, confidence=1.0, voice=Reading(0, 0, {label: 1.0}, 1.0, "made up"))
        for label in (Label.NEUTRAL, Label.ANGRY)
    )
    found = calm([("1", [furious, furious]), ("1", [quiet, quiet]), ("2", [quiet])])
    assert (found.utterances, found.needs_attention.value, found.unpleasant.value) == (5, 0.4, 0.4)
    assert found.needs_attention.high == 0.5
    assert calm([("2", [quiet])]).needs_attention == Figure(0, 0, 0)


def test_more_speakers_teach_more() -> None:
    """The curve has one head where all are taken, and draws elsewhere."""
    elsewhere = acted(speakers=6, each=4)
    curve = learning_curve(
        acted(speakers=8),
        [],
        RECIPE,
        lambda head: score(unheard(head, elsewhere, Normalised.ON_LINE), corpus_of(elsewhere)).uar.value,
        sizes=(1, 8, 20),
        draws=2,
    )
    assert [(size, len(found)) for size, found in curve] == [(1, 2), (8, 1)]
    assert np.mean(curve[1][1]) > np.mean(curve[0][1])
