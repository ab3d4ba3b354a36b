"""emotion2vec (Ma et al., 2023) as its checkpoints are published, without the package that they were made with.

A checkpoint is a folder with `model.pt`, a plain state dict (bare, or below `model` or `state_dict`), and `tokens.txt`,
one class a line, its English name after a slash. The network is data2vec 2.0 for audio: seven convolutions with layer
norm, a projection, grouped convolutions for relative positions, a few extra tokens in front, post-norm transformer
blocks with symmetric ALiBi whose scale is learned for each layer and head, the mean over all frames and a linear layer.
Its shape is read off the weights.

Padded frames are zero before each convolution, so that a row in a batch says what it says alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.ports import EngineFailed
from pipelines.speech.torch_device import Device, gpu_extra

STRIDES: Final = (5, 2, 2, 2, 2, 2, 2)
"""Of the seven convolutions on the waveform: 20 ms a frame at 16 kHz."""
HEAD_WIDTH: Final = 64
"""Where the scale of ALiBi is not learned by head, heads are this wide."""

_AUDIO: Final = "modality_encoders.AUDIO."
_PRENET: Final = f"{_AUDIO}context_encoder.blocks"
_TRAINING: Final = (f"{_AUDIO}decoder.", "_ema", "ema.")
_BLOCK: Final = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")


@dataclass(frozen=True, slots=True)
class Emotion2Vec:
    """A loaded network.

    Attributes:
        weights: by their published names, on the device.
        heads: attention heads.
    """

    weights: Mapping[str, Any]
    heads: int

    def forward(self, values: Any, lengths: Any) -> Any:
        """Outputs, shape (rows, outputs), of normalised waveforms (rows, samples); `lengths` samples are sound."""
        torch = gpu_extra("torch")
        states, frames = self._local(values, lengths)
        held = torch.arange(states.shape[1], device=states.device) < frames[:, None]
        states = states * held[..., None]
        states = states + self._positions(states, held)
        extra = self.weights[f"{_AUDIO}extra_tokens"]
        count = extra.shape[1]
        states = torch.cat([extra.expand(len(states), -1, -1), states], dim=1)
        seen = torch.nn.functional.pad(held, (count, 0), value=True)
        bias = torch.nn.functional.pad(self._alibi(held.shape[1], states.device), (count, 0, count, 0))
        scales = self.weights[f"{_AUDIO}alibi_scale"].float().clamp(min=0)
        states = self._norm(states, f"{_AUDIO}context_encoder.norm")
        for index, name in enumerate(self._blocks()):
            scale = scales[index if len(scales) > 1 else 0]
            mask = (bias * scale).masked_fill(~seen[:, None, None, :], float("-inf")).to(states.dtype)
            states = self._block(states, mask, name)
        spoken = states[:, count:].float() * held[..., None]
        mean = spoken.sum(dim=1) / frames[:, None]
        return torch.nn.functional.linear(mean, self.weights["proj.weight"].float(), self.weights["proj.bias"].float())

    def _blocks(self) -> list[str]:
        """Names of the transformer blocks in order."""
        found = [f"{_PRENET}.{index}" for index in range(_count(self.weights, _PRENET))]
        return [*found, *(f"blocks.{index}" for index in range(_count(self.weights, "blocks")))]

    def _local(self, values: Any, lengths: Any) -> tuple[Any, Any]:
        """Projected frames (rows, frames, width), and how many of each row hold sound."""
        functional = gpu_extra("torch").nn.functional
        states = values[:, None]
        for index, stride in enumerate(STRIDES):
            name = f"{_AUDIO}local_encoder.conv_layers.{index}"
            kernel = self.weights[f"{name}.0.weight"]
            states = functional.conv1d(states, kernel, stride=stride)
            lengths = (lengths - kernel.shape[-1]) // stride + 1
            states = functional.gelu(self._norm(states.transpose(1, 2), f"{name}.2.1").transpose(1, 2))
        states = self._norm(states.transpose(1, 2), f"{_AUDIO}project_features.1")
        return self._linear(states, f"{_AUDIO}project_features.2"), lengths

    def _positions(self, states: Any, held: Any) -> Any:
        """Relative positions of frames, from grouped convolutions over them."""
        functional = gpu_extra("torch").nn.functional
        for index in range(1, _count(self.weights, f"{_AUDIO}relative_positional_encoder") + 1):
            name = f"{_AUDIO}relative_positional_encoder.{index}.0"
            kernel, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
            groups, wide = states.shape[-1] // kernel.shape[1], kernel.shape[-1]
            mixed = functional.conv1d(states.transpose(1, 2), kernel, shift, padding=wide // 2, groups=groups)
            mixed = mixed[..., : held.shape[1]].transpose(1, 2)
            states = functional.gelu(functional.layer_norm(mixed, mixed.shape[-1:])) * held[..., None]
        return states

    def _block(self, states: Any, mask: Any, name: str) -> Any:
        """One post-norm transformer block."""
        functional = gpu_extra("torch").nn.functional
        rows, frames, width = states.shape
        split = self._linear(states, f"{name}.attn.qkv").view(rows, frames, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = self._linear(mixed.transpose(1, 2).reshape(rows, frames, width), f"{name}.attn.proj")
        states = self._norm(states + mixed, f"{name}.norm1")
        wide = functional.gelu(self._linear(states, f"{name}.mlp.fc1"))
        return self._norm(states + self._linear(wide, f"{name}.mlp.fc2"), f"{name}.norm2")

    def _alibi(self, frames: int, device: Any) -> Any:
        """Distances of frames times the slope of each head, shape (heads, frames, frames), 0 on the diagonal."""
        torch = gpu_extra("torch")
        places = torch.arange(frames, device=device)
        slopes = torch.tensor(alibi_slopes(self.heads), device=device)
        return -(places[None] - places[:, None]).abs().float() * slopes[:, None, None]

    def _linear(self, states: Any, name: str) -> Any:
        functional = gpu_extra("torch").nn.functional
        return functional.linear(states, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, states: Any, name: str) -> Any:
        functional = gpu_extra("torch").nn.functional
        scale, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.layer_norm(states, states.shape[-1:], scale, shift)


def alibi_slopes(heads: int) -> list[float]:
    """Slopes of ALiBi (Press et al., 2022): a geometric row from 2^(-8/n); joined from two where n is no power of 2."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2.0 ** (-8 * (index + 1) / power) for index in range(power)]
    return slopes if power == heads else slopes + alibi_slopes(2 * power)[0::2][: heads - power]


def find_files(model: str) -> tuple[Path, Path] | None:
    """The weights and classes of such a checkpoint; None where it is another kind.

    Raises:
        OSError: the hub or the folder cannot be reached.
    """
    if Path(model).exists():
        weights, classes = Path(model) / "model.pt", Path(model) / "tokens.txt"
        return (weights, classes) if weights.exists() and classes.exists() else None
    hub = gpu_extra("transformers.utils.hub")
    found = [
        hub.cached_file(model, name, _raise_exceptions_for_missing_entries=False) for name in ("tokens.txt", "model.pt")
    ]
    return (Path(found[1]), Path(found[0])) if all(found) else None


def load(model: str, weights: Path, classes: Path, place: Device) -> tuple[Emotion2Vec, tuple[str, ...]]:
    """The network and the names of its outputs. Blocks; no code of the checkpoint runs.

    Raises:
        EngineFailed: weights are missing or are of another network.
        OSError, ...: see `blamed_on`.
    """
    state: Any = gpu_extra("torch").load(weights, map_location="cpu", weights_only=True)
    for wrapped in ("model_state_dict", "state_dict", "model"):
        state = state[wrapped] if isinstance(state.get(wrapped), dict) else state
    state = {key.removeprefix("d2v_model."): value for key, value in state.items()}
    held = {key: value for key, value in state.items() if not key.startswith(_TRAINING)}
    wanted = _names(held)
    if wanted != set(held):
        missing, surplus = sorted(wanted - set(held)), sorted(set(held) - wanted)
        raise EngineFailed(f"{model}: no emotion2vec; it lacks {missing[:3]}, has more than it should: {surplus[:3]}")
    names = tuple(line.strip().split("/")[-1] for line in classes.read_text("utf-8").splitlines() if line.strip())
    scale = held[f"{_AUDIO}alibi_scale"]
    blocks, width = _count(held, _PRENET) + _count(held, "blocks"), held["proj.weight"].shape[1]
    heads = int(scale.shape[-3]) if scale.shape[-3] > 1 else width // HEAD_WIDTH
    if len(held["proj.bias"]) != len(names) or scale.shape[0] not in (1, blocks) or scale.dim() != 5 or width % heads:
        raise EngineFailed(f"{model}: no emotion2vec; classes, heads and layers do not fit its weights")
    return Emotion2Vec({key: value.to(place.name, place.dtype) for key, value in held.items()}, heads), names


def _count(weights: Mapping[str, Any], name: str) -> int:
    """How many numbered parts a list of the network has."""
    return len({key.removeprefix(f"{name}.").split(".")[0] for key in weights if key.startswith(f"{name}.")})


def _names(weights: Mapping[str, Any]) -> set[str]:
    """The names of all weights of a network with as many layers as these weights have."""
    local = [f"{_AUDIO}local_encoder.conv_layers.{index}" for index in range(len(STRIDES))]
    places = range(1, _count(weights, f"{_AUDIO}relative_positional_encoder") + 1)
    parts = [f"{name}.2.1" for name in local]
    parts += [f"{_AUDIO}project_features.{index}" for index in (1, 2)]
    parts += [f"{_AUDIO}relative_positional_encoder.{index}.0" for index in places]
    parts += [f"{_AUDIO}context_encoder.norm", "proj"]
    for blocks in (_PRENET, "blocks"):
        parts += [f"{blocks}.{index}.{part}" for index in range(_count(weights, blocks)) for part in _BLOCK]
    found = {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}
    found |= {f"{name}.0.weight" for name in local}
    return found | {f"{_AUDIO}extra_tokens", f"{_AUDIO}alibi_scale"}
