"""Text to one vector by a small transformer encoder, in numpy: three layers of a MiniLM, weights in 8 bits.

The arithmetic is that of BERT (Devlin et al. 2019) with mean pooling; `pipelines/learning/text_encoder.py` trains it
in torch and a test holds both against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipelines.emotion.shipped import Arrays
from pipelines.ports import EngineFailed

Floats = NDArray[np.float32]

SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
"""The first tokens of every vocabulary, in this order."""

LONGEST: Final = 48
"""Tokens that are read at most: the last ones, where a caller says what they want."""

_SMALL: Final = 1e-12


def tokeniser(vocabulary: Sequence[str]) -> Tokenizer:
    """Word pieces in lower case; what is not in the vocabulary falls to smaller pieces."""
    places = {token: place for place, token in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(places, unk_token=SPECIAL[1]))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def token_ids(made: Tokenizer, text: str, longest: int = LONGEST) -> list[int]:
    """Places of the tokens in the vocabulary, between [CLS] and [SEP]."""
    plain = text.replace("\u2019", "'").replace("[NAME]", "name").replace("[RELIGION]", "religion")
    return [2, *made.encode(plain, add_special_tokens=False).ids[-(longest - 2) :], 3]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. Matrices are (from, to); query, key and value lie side by side.

    Attributes:
        heads_in: shape (width, 3 * width), `heads_in_bias` (3 * width,).
        heads_out: shape (width, width), then bias and the normalisation's scale and shift.
        up: shape (width, 4 * width) and bias.
        down: shape (4 * width, width), then bias and the normalisation's scale and shift.
    """

    heads_in: Floats
    heads_in_bias: Floats
    heads_out: Floats
    heads_out_bias: Floats
    heads_scale: Floats
    heads_shift: Floats
    up: Floats
    up_bias: Floats
    down: Floats
    down_bias: Floats
    down_scale: Floats
    down_shift: Floats


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """The encoder.

    Attributes:
        tokens: one line per token of the vocabulary.
        table: a vector per token, shape (tokens, width).
        places: a vector per place in the text, shape (LONGEST or more, width).
        scale: of the normalisation after the table, shape (width,).
        shift: the same.
        layers: in order.
        heads: attention heads.
    """

    tokeniser: Tokenizer
    table: Floats
    places: Floats
    scale: Floats
    shift: Floats
    layers: tuple[Layer, ...]
    heads: int

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> TextEncoder:
        """Take trained arrays; see `packed`.

        Raises:
            EngineFailed: something is missing, does not fit or is not finite.
        """
        try:
            vocabulary = arrays["tokens"].tobytes().decode("utf-8").split("\n")
            names = Layer.__slots__
            made = cls(
                tokeniser(vocabulary),
                unpacked(arrays, "table"),
                unpacked(arrays, "places"),
                unpacked(arrays, "scale"),
                unpacked(arrays, "shift"),
                tuple(
                    Layer(*(unpacked(arrays, f"layer{number}.{name}") for name in names))
                    for number in range(int(arrays["layers"]))
                ),
                int(arrays["heads"]),
            )
        except (KeyError, ValueError, TypeError, UnicodeDecodeError) as broken:
            raise EngineFailed(f"words model: {broken}") from broken
        made._check(len(vocabulary))
        return made

    def _check(self, tokens: int) -> None:
        width = len(self.scale)
        fits = self.table.shape == (tokens, width) and self.places.shape[1:] == (width,) and len(self.places) >= LONGEST
        for layer in self.layers:
            fits &= layer.heads_in.shape == (width, 3 * width) and layer.heads_out.shape == (width, width)
            fits &= layer.up.shape[::-1] == layer.down.shape and len(layer.up) == width
        if not fits or width % self.heads:
            raise EngineFailed(f"words model: {tokens} tokens and a table of {self.table.shape} do not fit")
        if not all(np.isfinite(array).all() for array in (self.table, *(layer.up for layer in self.layers))):
            raise EngineFailed("words model: numbers are not finite")

    def vector(self, text: str) -> Floats:
        """Mean of the last states, shape (width,)."""
        ids = token_ids(self.tokeniser, text)
        states = _normal(self.table[ids] + self.places[: len(ids)], self.scale, self.shift)
        for layer in self.layers:
            states = self._through(layer, states)
        return np.asarray(states.mean(axis=0), np.float32)

    def _through(self, layer: Layer, states: Floats) -> Floats:
        count, width = states.shape
        mixed = (states @ layer.heads_in + layer.heads_in_bias).reshape(count, 3, self.heads, width // self.heads)
        query, key, value = mixed.transpose(1, 2, 0, 3)
        seen = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(width // self.heads))
        seen = np.exp(seen - seen.max(axis=-1, keepdims=True))
        heard = (seen / seen.sum(axis=-1, keepdims=True)) @ value
        heard = heard.transpose(1, 0, 2).reshape(count, width) @ layer.heads_out + layer.heads_out_bias
        states = _normal(states + heard, layer.heads_scale, layer.heads_shift)
        inner = _gelu(states @ layer.up + layer.up_bias) @ layer.down + layer.down_bias
        return _normal(states + inner, layer.down_scale, layer.down_shift)


def _normal(states: Floats, scale: Floats, shift: Floats) -> Floats:
    centred = states - states.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(_SMALL))
    return np.asarray(centred / spread * scale + shift, np.float32)


def _gelu(values: Floats) -> Floats:
    """The tanh form (Hendrycks and Gimpel 2016); it is within 0.001 of the one that was trained."""
    cubed = np.float32(0.7978845608) * (values + np.float32(0.044715) * values * values * values)
    return np.asarray(np.float32(0.5) * values * (np.float32(1) + np.tanh(cubed)), np.float32)


def packed(name: str, values: NDArray[Any], steps: int) -> Mapping[str, NDArray[Any]]:
    """A matrix as whole numbers of +-`steps` with a scale per row; vectors as they are, in 16 bits.

    Args:
        name: of the array.
        values: float numbers.
        steps: at most 127; fewer make a smaller file.
    """
    if values.ndim < 2:
        return {name: values.astype(np.float16)}
    scale = np.maximum(np.abs(values).max(axis=1, keepdims=True) / steps, 1e-8)
    return {name: np.rint(values / scale).astype(np.int8), f"{name}.scale": scale.astype(np.float32)}


def unpacked(arrays: Arrays, name: str) -> Floats:
    """What `packed` made, as float32."""
    values = arrays[name].astype(np.float32)
    scaled = values * arrays[f"{name}.scale"] if f"{name}.scale" in arrays else values
    return np.ascontiguousarray(scaled, np.float32)
