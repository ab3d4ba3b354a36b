"""Training the words model on a handful of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.emotion.terms import character_terms, negated, tokens, word_terms
from pipelines.emotion.words import WordsModel
from pipelines.learning.words import (
    AFFECT,
    TO_EKMAN,
    TO_LABEL,
    Post,
    read_posts,
    score_words,
    single,
    train_words,
    vocabulary,
)

CLASSES = ("neutral", "satisfied", "angry")
WORDS = {
    "neutral": ("neutral", ("table", "window", "tuesday", "number")),
    "satisfied": ("joy", ("wonderful", "happy", "glad", "lovely")),
    "angry": ("anger", ("furious", "hate", "terrible", "awful")),
}


def posts(count: int, seed: int) -> list[Post]:
    """Texts whose words give the class away."""
    chance = np.random.default_rng(seed)
    made = []
    for number in range(count):
        fine, words = WORDS[CLASSES[number % 3]]
        text = " ".join(str(word) for word in chance.choice(words, 3))
        made.append(Post(f"the {text} it is", (fine,)))
    return made


@pytest.fixture(scope="module")
def model() -> WordsModel:
    """Trained on 150 texts."""
    return train_words(posts(150, 1), posts(30, 2), classes=CLASSES)


def test_a_trained_model_reads_new_texts_and_survives_its_file(model: WordsModel) -> None:
    """Quantised to whole numbers it still knows."""
    assert score_words(model, posts(60, 3)).macro_f1 == 1.0
    again = WordsModel.from_arrays(model.arrays())
    scores, valence, _ = again.outputs("what a wonderful lovely day")
    assert CLASSES[int(scores.argmax())] == "satisfied"
    assert valence > 0.3
    assert again.outputs("furious, I hate it")[1] < -0.3


def test_unknown_words_give_the_bias(model: WordsModel) -> None:
    """No known term, no opinion."""
    scores, _, _ = model.outputs("")
    assert np.allclose(scores, model.bias[:3] / model.temperature)


def test_training_and_calls_compute_the_same_terms(model: WordsModel) -> None:
    """The matrix of the training equals the reader's arithmetic."""
    text = "the happy glad furious table it is happy"
    block = vocabulary([word_terms(post.text) for post in posts(150, 1)], 1000)
    row = block.matrix([word_terms(text)]).toarray()[0]
    assert float(row @ row) == pytest.approx(1)


def test_neutral_gives_way_and_several_classes_share() -> None:
    """A post that is neutral and sad is sad."""
    assert Post("x", ("neutral", "grief")).classes(TO_LABEL) == {"sad"}
    assert Post("x", ("surprise",)).classes(TO_LABEL) == frozenset()
    assert single([Post("x", ("joy", "anger")), Post("y", ("joy", "love"))], TO_LABEL) == (["y"], ["satisfied"])
    assert set(TO_EKMAN) == set(AFFECT)
    assert Post("x", ("joy", "sadness")).affect == pytest.approx((0.1, 0.05))


def test_negation_reaches_three_words_and_ends_at_a_question() -> None:
    """'not happy with it' turns happy round; 'no? good' does not."""
    words = tokens("I'm NOT happy with it, no? Good 42!")
    assert words == ["i'm", "not", "happy", "with", "it", "no", "?", "good", "0", "!"]
    assert [word for word, flipped in zip(words, negated(words), strict=True) if flipped] == ["happy", "with", "it"]


def test_terms_are_counted_in_their_own_groups() -> None:
    """Words and characters never share a hash by design."""
    assert sum(word_terms("so so").values()) == 3
    assert not set(word_terms("ab")) & set(character_terms("ab"))
    assert character_terms("") == {}


def test_posts_are_read_in_the_published_layout(tmp_path: Path) -> None:
    """Text, label numbers, id."""
    (tmp_path / "labels.txt").write_text("joy\nanger\n", "utf-8")
    (tmp_path / "train.tsv").write_text("nice day\t0\tid1\nhow dare you, fine\t0,1\tid2\n", "utf-8")
    assert read_posts(tmp_path, "train") == [Post("nice day", ("joy",)), Post("how dare you, fine", ("joy", "anger"))]
