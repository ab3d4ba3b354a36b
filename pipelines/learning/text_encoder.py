"""Fine-tuning the small text encoder behind the words model, and writing it down for numpy. Needs torch; offline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, BertModel

from pipelines.emotion.encoder import LONGEST, SPECIAL, packed, token_ids, tokeniser
from pipelines.emotion.shipped import Arrays

BASE: Final = "sentence-transformers/paraphrase-MiniLM-L3-v2"
"""Apache-2.0; 3 layers of 384, distilled (Wang et al. 2020) and tuned on paraphrases (Reimers and Gurevych 2019)."""

READ: Final = 48
"""Tokens of a training text that are read."""

SELDOM: Final = 4
"""Texts of the corpus in which a token must occur, unless it is one of the COMMON first words of the base."""

COMMON: Final = 9_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text and what the heads should say of it.

    Attributes:
        text: the words.
        targets: head -> a share per class, sums to 1; heads left out learn nothing.
    """

    text: str
    targets: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Head:
    """One output of the network.

    Attributes:
        size: classes.
        weight: of its loss.
        evening: how much rare classes are raised: 0 not at all, 1 to the square root of even.
    """

    size: int
    weight: float = 1.0
    evening: float = 1.0


class Network(nn.Module):
    """The encoder with its heads."""

    def __init__(self, encoder: BertModel, heads: Mapping[str, Head]) -> None:
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(0.2)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(encoder.config.hidden_size, head.size) for name, head in heads.items()}
        )

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """What each head says, shape (texts, size), of token ids and their mask, shape (texts, tokens)."""
        states = self.encoder(ids, attention_mask=mask).last_hidden_state.float()
        shown = mask[..., None].float()
        pooled = self.drop((states * shown).sum(1) / shown.sum(1))
        return {name: head(pooled) for name, head in self.heads.items()}


@dataclass(frozen=True, slots=True)
class Tuned:
    """A network and its vocabulary."""

    network: Network
    vocabulary: tuple[str, ...]

    def arrays(self, table_steps: int = 31, layer_steps: int = 127) -> Arrays:
        """What `TextEncoder.from_arrays` reads, and `<head>.weights` (width, size) and `<head>.bias` per head."""
        state = {name: value.detach().float().numpy() for name, value in self.network.encoder.state_dict().items()}
        held: Arrays = {
            "tokens": np.frombuffer("\n".join(self.vocabulary).encode(), np.uint8),
            "layers": np.array(self.network.encoder.config.num_hidden_layers),
            "heads": np.array(self.network.encoder.config.num_attention_heads),
        }
        kinds = state["embeddings.token_type_embeddings.weight"][0]
        held |= packed("table", state["embeddings.word_embeddings.weight"] + kinds, table_steps)
        held |= packed("places", state["embeddings.position_embeddings.weight"][:LONGEST], layer_steps)
        held |= packed("scale", state["embeddings.LayerNorm.weight"], 1)
        held |= packed("shift", state["embeddings.LayerNorm.bias"], 1)
        for number in range(self.network.encoder.config.num_hidden_layers):
            for name, values in _layer(state, f"encoder.layer.{number}.").items():
                held |= packed(f"layer{number}.{name}", values, layer_steps)
        for name, head in self.network.heads.items():
            own = {key: value.detach().float().numpy() for key, value in head.state_dict().items()}
            held |= {f"{name}.weights": own["weight"].T.copy(), f"{name}.bias": own["bias"]}
        return held


def _layer(state: Mapping[str, NDArray[Any]], where: str) -> dict[str, NDArray[Any]]:
    """One layer of a BERT in the layout of `encoder.Layer`."""
    attention, output = f"{where}attention.", f"{where}output."
    parts = [f"{attention}self.{name}." for name in ("query", "key", "value")]
    return {
        "heads_in": np.concatenate([state[f"{part}weight"].T for part in parts], axis=1),
        "heads_in_bias": np.concatenate([state[f"{part}bias"] for part in parts]),
        "heads_out": state[f"{attention}output.dense.weight"].T,
        "heads_out_bias": state[f"{attention}output.dense.bias"],
        "heads_scale": state[f"{attention}output.LayerNorm.weight"],
        "heads_shift": state[f"{attention}output.LayerNorm.bias"],
        "up": state[f"{where}intermediate.dense.weight"].T,
        "up_bias": state[f"{where}intermediate.dense.bias"],
        "down": state[f"{output}dense.weight"].T,
        "down_bias": state[f"{output}dense.bias"],
        "down_scale": state[f"{output}LayerNorm.weight"],
        "down_shift": state[f"{output}LayerNorm.bias"],
    }


def start(base: str, texts: Iterable[str], heads: Mapping[str, Head]) -> Tuned:
    """A pretrained encoder, cut down to the tokens that matter for the texts, with untrained heads.

    Args:
        base: hub id or folder.
        texts: what it will be trained on.
        heads: the outputs.
    """
    whole = AutoTokenizer.from_pretrained(base)
    model = AutoModel.from_pretrained(base, add_pooling_layer=False)
    places: dict[str, int] = whole.get_vocab()
    made = tokeniser(sorted(places, key=places.__getitem__))
    seen = Counter(place for text in texts for place in set(made.encode(text, add_special_tokens=False).ids))
    kept = [
        token
        for token, place in sorted(places.items(), key=lambda item: item[1])
        if token not in SPECIAL and (seen[place] >= SELDOM or _always(token, place))
    ]
    vocabulary = (*SPECIAL, *kept)
    rows = torch.tensor([places[token] for token in vocabulary])
    table = nn.Embedding(len(vocabulary), model.config.hidden_size)
    table.weight.data.copy_(model.embeddings.word_embeddings.weight[rows])
    model.set_input_embeddings(table)
    model.config.vocab_size = len(vocabulary)
    return Tuned(Network(model, heads), vocabulary)


def _always(token: str, place: int) -> bool:
    plain = token.removeprefix("##")
    if len(plain) == 1:
        return plain.isascii()
    return place < COMMON and re.fullmatch("[a-z]+", plain) is not None


def fine_tune(
    tuned: Tuned,
    lessons: Sequence[Lesson],
    heads: Mapping[str, Head],
    *,
    epochs: float = 3.0,
    rate: float = 2e-4,
    batch: int = 32,
    seed: int = 1,
    half: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Train encoder and heads together on every lesson.

    Args:
        tuned: what is trained, in place.
        lessons: texts with targets.
        heads: the outputs.
        epochs: passes over the lessons.
        rate: highest learning rate; it rises over the first 6 % of the steps and falls to 2 %.
        batch: texts per step.
        seed: of order and dropout.
        half: compute in bfloat16 where the processor can.
        say: is told the loss now and then.
    """
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    made = tokeniser(tuned.vocabulary)
    rows = [token_ids(made, lesson.text, READ) for lesson in lessons]
    evened = {name: _evened(name, head, lessons) for name, head in heads.items()}
    network = tuned.network
    steps = max(1, int(epochs * len(lessons) / batch))
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / (0.06 * steps + 1), max(0.02, 1 - step / steps))
    )
    step, running = 0, 0.0
    network.train()
    while step < steps:
        for chosen in _batches([len(row) for row in rows], batch, chance)[: steps - step]:
            ids, mask = _padded([rows[place] for place in chosen])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                said = network(ids, mask)
            taught = [lessons[place] for place in chosen]
            losses = [head.weight * _loss(head, said[name], name, taught, evened[name]) for name, head in heads.items()]
            loss = torch.stack(losses).sum()
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            running += 0.02 * (float(loss.detach()) - running)
            if step % 100 == 0:
                say(f"step {step} of {steps}, loss {running / (1 - 0.98**step):.3f}")
    network.eval()


def _evened(name: str, head: Head, lessons: Sequence[Lesson]) -> Tensor:
    held = [lesson.targets[name] for lesson in lessons if name in lesson.targets]
    mass = np.sum([np.ones(head.size, np.float32), *held], axis=0)
    return torch.from_numpy(((mass.mean() / mass) ** (head.evening / 2)).astype(np.float32))


def _loss(head: Head, said: Tensor, name: str, lessons: Sequence[Lesson], evened: Tensor) -> Tensor:
    """Mean over the batch; lessons without a target for the head count as nothing."""
    held = [place for place, lesson in enumerate(lessons) if name in lesson.targets]
    if not held:
        return torch.zeros(())
    targets = torch.tensor(np.stack([lessons[place].targets[name] for place in held]))
    each = -(targets * evened * torch.log_softmax(said[held].float(), dim=-1)).sum(dim=1)
    return each.sum() / len(lessons)


def _batches(lengths: Sequence[int], batch: int, chance: np.random.Generator) -> list[NDArray[np.int64]]:
    """Texts of similar length together, in random order."""
    order = chance.permutation(len(lengths))
    made: list[NDArray[np.int64]] = []
    for start in range(0, len(order), batch * 50):
        block = order[start : start + batch * 50]
        block = block[np.argsort([lengths[place] for place in block], kind="stable")]
        made.extend(block[first : first + batch] for first in range(0, len(block), batch))
    return [made[place] for place in chance.permutation(len(made))]


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    return ids, (torch.arange(longest)[None] < torch.tensor([len(row) for row in rows])[:, None]).long()
