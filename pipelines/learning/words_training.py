"""Training the words model: what its heads learn, in which order, and its temperatures. Needs torch; offline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from pipelines.emotion.encoder import TextEncoder
from pipelines.emotion.estimate import LABELS
from pipelines.emotion.shipped import Arrays
from pipelines.emotion.words import WordsModel
from pipelines.learning.sayings import Saying, apart
from pipelines.learning.text_encoder import BASE, Head, Lesson, fine_tune, start
from pipelines.learning.words import (
    EKMAN,
    FINE,
    POSTS,
    PRODUCT,
    TO_EKMAN,
    TO_LABEL,
    Line,
    Post,
    single,
)

HEADS: Final[Mapping[str, Head]] = {
    "fine": Head(len(FINE), evening=0.7),
    PRODUCT: Head(len(LABELS)),
    EKMAN: Head(len(set(TO_EKMAN.values())), weight=0.5),
}
"""What the encoder learns from: the fine labels teach it most."""

COMMENTS: Final = 12_000
"""Posts that the heads of posts are fitted on."""

LAST_POSTS: Final = 8_000
TIMES: Final = 6
"""Posts of the last pass, and how often it shows each saying: about three times as many lines of calls as posts."""

EKMAN_CLASSES: Final = tuple(sorted(set(TO_EKMAN.values())))


def lessons(posts: Sequence[Post]) -> list[Lesson]:
    """What the heads should learn from posts; a post with several classes counts for each in part."""
    return [
        Lesson(
            post.text,
            {
                "fine": _shares(post.labels, FINE),
                EKMAN: _shares(post.classes(TO_EKMAN), EKMAN_CLASSES),
                **({PRODUCT: _shares(named, LABELS)} if (named := post.classes(TO_LABEL)) else {}),
            },
        )
        for post in posts
    ]


def said_lessons(sayings: Sequence[Saying]) -> list[Lesson]:
    """What the heads should learn from the lines of a contact centre."""
    return [Lesson(text, {PRODUCT: _shares((label,), LABELS)}) for label, text in sayings]


def _shares(named: Collection[str], classes: Sequence[str]) -> NDArray[np.float32]:
    return np.array([(name in named) / len(named) for name in classes], np.float32)


def train_words(
    posts: Sequence[Post],
    held_out: Sequence[Post],
    sayings: Sequence[Saying],
    lines: Sequence[Line],
    *,
    base: str = BASE,
    epochs: float = 2.0,
    rate: float = 2e-4,
    say: Callable[[str], None] = lambda _: None,
) -> Arrays:
    """Fine-tune the encoder with its heads: on the posts alone, then on some of them and the sayings together.

    Args:
        posts: GoEmotions.
        held_out: posts for the temperatures.
        sayings: lines for training, of a contact centre; those too near to a measured line are left out.
        lines: the contact-centre set; its 'dev' half helps with the temperature of the product's labels.
        base: hub id or folder of the pretrained encoder.
        epochs: passes over the posts alone.
        rate: highest learning rate.
        say: is told what is going on.
    """
    kept = list(apart(sayings, [line.text for line in lines]))
    spoken = said_lessons(kept)
    say(f"{len(posts)} posts, {len(spoken)} sayings")
    tuned = start(base, [*(post.text for post in posts), *(lesson.text for lesson in spoken)], HEADS)
    fine_tune(tuned, lessons(posts), HEADS, epochs=epochs, rate=rate, say=say)
    last = [*lessons(posts[:LAST_POSTS]), *spoken * TIMES]
    fine_tune(tuned, last, HEADS, epochs=1.0, rate=0.9 * rate, seed=2, say=say)
    arrays = sealed(tuned.arrays())
    say("fitting the heads of posts")
    arrays |= posts_heads(TextEncoder.from_arrays(arrays), posts[:COMMENTS])
    say("calibrating")
    return calibrated(arrays, held_out, lines)


def posts_heads(encoder: TextEncoder, posts: Sequence[Post]) -> Arrays:
    """Heads that compare with published figures: logistic regressions on the encoder's vectors, taught by posts alone.

    The last pass turned the network's own heads towards calls, where people say other things than they write online.
    """
    vectors = {post.text: encoder.vector(post.text) for post in posts}
    heads: Arrays = {}
    for name, mapping, classes in ((POSTS, TO_LABEL, tuple(map(str, LABELS))), (EKMAN, TO_EKMAN, EKMAN_CLASSES)):
        texts, named = single(posts, mapping)
        inputs = np.array([vectors[text] for text in texts])
        truth = np.array([classes.index(each) for each in named])
        middle, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
        mass = np.bincount(truth, minlength=len(classes))
        head = LogisticRegression(C=0.1, max_iter=400, tol=1e-3)
        head.fit((inputs - middle) / spread, truth, sample_weight=np.sqrt(mass.mean() / np.maximum(mass, 1))[truth])
        columns = np.zeros((inputs.shape[1], len(classes)))
        bias = np.full(len(classes), -30.0)
        columns[:, head.classes_] = (head.coef_ / spread).T
        bias[head.classes_] = head.intercept_ - (head.coef_ / spread) @ middle
        heads |= {f"{name}.weights": columns.astype(np.float32), f"{name}.bias": bias.astype(np.float32)}
    return heads


def calibrated(arrays: Arrays, held_out: Sequence[Post], lines: Sequence[Line]) -> Arrays:
    """The arrays with the temperatures of least cross-entropy on held-out posts and, half of the weight, lines."""
    spoken = [(line.text, str(line.label)) for line in lines if line.half == "dev"]
    heats: Arrays = {}
    for name, mapping in ((PRODUCT, TO_LABEL), (POSTS, TO_LABEL), (EKMAN, TO_EKMAN)):
        texts, truth = single(held_out, mapping)
        known = list(zip(texts, truth, strict=True))
        if name == PRODUCT and spoken:
            known += spoken * (len(known) // len(spoken))
        heats[f"{name}.temperature"] = np.array(temperature(WordsModel.from_arrays(arrays, name), known))
    return {**arrays, **heats}


def sealed(arrays: Arrays) -> Arrays:
    """The arrays of a network with what the words model needs besides; POSTS starts as PRODUCT."""
    labels = tuple(str(label) for label in LABELS)
    named = {PRODUCT: labels, POSTS: labels, EKMAN: EKMAN_CLASSES}
    return {
        **{name: values for name, values in arrays.items() if not name.startswith("fine.")},
        **{f"{POSTS}.{part}": arrays[f"{PRODUCT}.{part}"] for part in ("weights", "bias")},
        **{f"{name}.classes": np.array(classes) for name, classes in named.items()},
        **{f"{name}.temperature": np.array(1.0) for name in named},
        "version": np.array("attune-words-2"),
    }


def temperature(model: WordsModel, known: Sequence[tuple[str, str]]) -> float:
    """The temperature of least cross-entropy on texts and their classes, for a model that has temperature 1."""
    said = {text: model.scores(text) for text in {text for text, _ in known}}
    logits = np.array([said[text] for text, _ in known])
    picked = np.array([model.classes.index(name) for _, name in known])

    def loss(heat: float) -> float:
        scaled = logits / heat
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(picked)), picked]).mean())

    return float(optimize.minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x)
