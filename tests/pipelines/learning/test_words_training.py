"""Training the words model on a handful of texts, with a tiny network of the same class."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from pipelines.emotion.encoder import SPECIAL, token_ids, tokeniser
from pipelines.emotion.estimate import LABELS, Label
from pipelines.emotion.shipped import Arrays
from pipelines.emotion.words import WordsModel
from pipelines.learning.sayings import apart, patterns, say, spelled_out
from pipelines.learning.text_encoder import start
from pipelines.learning.words import (
    FINE,
    ORDINARY,
    TO_EKMAN,
    TO_LABEL,
    Line,
    Post,
    ordinary_questions,
    read_lines,
    read_posts,
    score_words,
    single,
)
from pipelines.learning.words_training import HEADS, sealed, train_words

CLASSES = {
    "neutral": ("neutral", ["table", "window", "tuesday", "number"]),
    "satisfied": ("joy", ["wonderful", "happy", "glad", "lovely"]),
    "angry": ("anger", ["furious", "hate", "terrible", "awful"]),
}
PLAIN = ("the", "it", "is", "i", "a", "me")
VOCABULARY = [*SPECIAL, *PLAIN, *(word for _, words in CLASSES.values() for word in words)]
LINES = [Line("dev", Label.ANGRY, "-", "plain", "any", "it is terrible terrible i hate it")]


def posts(count: int, seed: int) -> list[Post]:
    """Texts whose words give the class away."""
    chance = np.random.default_rng(seed)
    made = []
    for number in range(count):
        fine, words = list(CLASSES.values())[number % 3]
        made.append(Post(f"the {' '.join(str(word) for word in chance.choice(words, 3))} it is", (fine,)))
    return made


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A pretrained encoder on disk, small and knowing nothing."""
    folder = tmp_path_factory.mktemp("base")
    tokeniser(VOCABULARY).save(str(folder / "tokenizer.json"))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def arrays(base: str) -> Arrays:
    """Trained on 300 texts and a few sayings."""
    torch.set_num_threads(1)
    sayings = [
        (Label.ANGRY, "hate awful"),
        (Label.NEUTRAL, "the number tuesday"),
        (Label.SATISFIED, "a glad lovely"),
    ] * 5
    return train_words(posts(300, 1), posts(30, 2), sayings, LINES, base=base, epochs=8.0, rate=5e-3)


def test_a_trained_model_reads_new_texts(arrays: Arrays) -> None:
    """In whole numbers it still knows."""
    model = WordsModel.from_arrays(arrays)
    assert score_words(model, posts(60, 3)).accuracy > 0.9
    assert model.classes[int(model.scores("the wonderful lovely happy").argmax())] == "satisfied"
    assert score_words(WordsModel.from_arrays(arrays, "posts"), posts(60, 3)).accuracy > 0.9
    assert WordsModel.from_arrays(arrays, "ekman").classes == tuple(sorted(set(TO_EKMAN.values())))


def test_numpy_computes_what_torch_was_trained_to(base: str) -> None:
    """The same vector but for the rounding to whole numbers."""
    tuned = start(base, ["the table is wonderful"] * 4, HEADS)
    tuned.network.eval()
    model = WordsModel.from_arrays(sealed(tuned.arrays(table_steps=127)))
    for text in ("the table is wonderful", "I hate it", "it"):
        ids = torch.tensor([token_ids(tokeniser(tuned.vocabulary), text)])
        with torch.inference_mode():
            wanted = tuned.network.encoder(ids).last_hidden_state.mean(dim=1)[0].numpy()
        assert np.abs(model.encoder.vector(text) - wanted).max() < 0.05


def test_seldom_tokens_leave_the_vocabulary(base: str) -> None:
    """Common words and single characters stay."""
    tuned = start(base, ["the table"] * 4, HEADS)
    assert tuned.vocabulary[:4] == SPECIAL
    assert len(tuned.vocabulary) == len(tuned.network.encoder.embeddings.word_embeddings.weight)


def test_neutral_gives_way_and_several_classes_share() -> None:
    """A post that is neutral and sad is sad."""
    assert Post("x", ("neutral", "grief")).classes(TO_LABEL) == {"sad"}
    assert Post("x", ("surprise",)).classes(TO_LABEL) == frozenset()
    assert single([Post("x", ("joy", "anger")), Post("y", ("joy", "love"))], TO_LABEL) == (["y"], ["satisfied"])
    assert set(TO_LABEL) < set(TO_EKMAN) == set(FINE)
    assert set(TO_LABEL.values()) == set(LABELS)


def test_posts_and_questions_are_read_in_the_published_layout(tmp_path: Path) -> None:
    """Text, label numbers, id; text and intent; the set with its header."""
    (tmp_path / "labels.txt").write_text("joy\nanger\n", "utf-8")
    (tmp_path / "train.tsv").write_text("nice day\t0\tid1\nhow dare you, fine\t0,1\tid2\n", "utf-8")
    assert read_posts(tmp_path, "train") == [Post("nice day", ("joy",)), Post("how dare you, fine", ("joy", "anger"))]
    rows = [f'"can, I {number}",{ORDINARY[0]}' for number in range(3)]
    (tmp_path / "train.csv").write_text("\n".join(["text,category", *rows, "why,request_refund"]), "utf-8")
    asked = [(Label.NEUTRAL, "can, I 0"), (Label.NEUTRAL, "can, I 1")]
    assert ordinary_questions(tmp_path, each=2) == asked
    told = ["half\tlabel\tsign\tphenomenon\tdomain\ttext", "test\tsad\t-\tgrief\tbank\tGone."]
    (tmp_path / "lines.tsv").write_text("\n".join(told), "utf-8")
    assert read_lines(tmp_path / "lines.tsv") == [Line("test", Label.SAD, "-", "grief", "bank", "Gone.")]


def test_sayings_are_many_and_cover_every_label() -> None:
    """The same seed says the same; no choice is left open."""
    lines = say(each=4)
    assert lines == say(each=4)
    assert {label for label, _ in lines} == set(LABELS)
    assert len(lines) > 900
    assert not [text for _, text in lines if "[" in text or "|" in text or not text.strip()]
    assert min(sum(label is one for label, _ in patterns()) for one in LABELS) > 35


def test_a_pattern_spells_out_its_choices() -> None:
    """Empty choices leave no stray space or comma."""
    said = {spelled_out("[Hi|Hello], it's [late|], [again|].", random.Random(seed)) for seed in range(50)}
    assert "Hi, it's late, again." in said
    assert "Hello, it's." in said


def test_lines_near_a_measured_one_are_left_out() -> None:
    """Five words in a row, or most of the words."""
    lines = [
        (Label.SAD, "it is all over for me now and forever"),
        (Label.SAD, "over it all is"),
        (Label.SAD, "nobody calls me"),
    ]
    assert list(apart(lines, ["well, it is all over for me", "all is over"])) == lines[2:]
