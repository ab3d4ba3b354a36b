"""The networks of the Odyssey 2024 emotion challenge, rebuilt so that none of their published code has to run.

`3loi/SER-Odyssey-Baseline-WavLM-*` are a WavLM, attentive statistics pooling (Okabe et al., 2018) over its last states
and a small perceptron. Their weights are named `ssl_model.*`, `pool_model.{sap_linear,attention}`,
`ser_model.fc.<n>.{0,1}` (linear, layer norm) and `ser_model.out.0`. Their configuration names the WavLM in `ssl_type`
and holds the `mean` and `std` of the training waveforms, by which an input is normalised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.ports import EngineFailed
from pipelines.speech.torch_device import UNUSED, Device, gpu_extra

WAVLM_LARGE: Final[Mapping[str, Any]] = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "num_buckets": 320,
    "max_bucket_distance": 800,
}
"""How `microsoft/wavlm-large` differs from transformers' defaults; the checkpoints name it and do not carry it."""


@dataclass(frozen=True, slots=True)
class Odyssey:
    """A loaded network.

    Attributes:
        encoder: transformers' WavLMModel.
        pooling: linear layer in front of the attention, float32.
        attention: shape (width, 1), float32.
        perceptron: from pooled states (2 * width) to the outputs, float32.
    """

    encoder: Any
    pooling: Any
    attention: Any
    perceptron: Any

    def forward(self, values: Any, mask: Any) -> Any:
        """Outputs, shape (rows, outputs), of waveforms and a mask of ones where they hold sound, both (rows, samples).

        Pooling runs in float32: a variance as a difference of squares drowns in bfloat16.
        """
        states = self.encoder(values, attention_mask=mask).last_hidden_state
        held = self.encoder._get_feature_vector_attention_mask(states.shape[1], mask)[..., None]
        states = states.float()
        urgency = self.pooling(states).tanh() @ self.attention
        share = urgency.masked_fill(~held, float("-inf")).softmax(dim=1)
        mean = (states * share).sum(dim=1)
        spread = ((states * states * share).sum(dim=1) - mean * mean).clamp(min=1e-5).sqrt()
        return self.perceptron(gpu_extra("torch").cat([mean, spread], dim=1))


def is_odyssey(config: Mapping[str, Any]) -> bool:
    """Whether a checkpoint's configuration describes such a network."""
    return "ssl_type" in config and "classifier_hidden_layers" in config


def blank(config: Mapping[str, Any], wavlm: Mapping[str, Any], outputs: int, place: Device) -> Odyssey:
    """The network with random weights.

    Args:
        config: the checkpoint's configuration.
        wavlm: arguments of transformers' WavLMConfig.
        outputs: how many outputs it has.
        place: where the encoder runs and in which precision.
    """
    torch = gpu_extra("torch")
    transformers = gpu_extra("transformers")
    encoder = transformers.WavLMModel(transformers.WavLMConfig(**wavlm))
    width = int(encoder.config.hidden_size)
    layers: list[Any] = []
    for index in range(int(config["classifier_hidden_layers"])):
        wide = 2 * width if index == 0 else width
        layers += [torch.nn.Linear(wide, width), torch.nn.LayerNorm(width), torch.nn.ReLU()]
    perceptron = torch.nn.Sequential(*layers, torch.nn.Linear(width, outputs))
    return Odyssey(
        encoder=encoder.to(place.name, place.dtype).eval(),
        pooling=torch.nn.Linear(width, width).to(place.name),
        attention=torch.randn(width, 1, device=place.name),
        perceptron=perceptron.to(place.name).eval(),
    )


def load(model: str, config: Mapping[str, Any], outputs: int, place: Device) -> Odyssey:
    """The network of a checkpoint. Blocks.

    Raises:
        EngineFailed: weights are missing, too many or of another shape.
        OSError, ValueError, ...: see `blamed_on`.
    """
    network = blank(config, _wavlm(model, config), outputs, place)
    weights = _weights(model)
    hidden = int(config["classifier_hidden_layers"])
    parts = {f"ser_model.fc.{i}.{j}": network.perceptron[3 * i + j] for i in range(hidden) for j in (0, 1)}
    parts |= {"pool_model.sap_linear": network.pooling, "ser_model.out.0": network.perceptron[-1]}
    parts["ssl_model"] = network.encoder
    for name, part in parts.items():
        mine = {key.removeprefix(f"{name}."): weights.pop(key) for key in list(weights) if key.startswith(f"{name}.")}
        missing, surplus = part.load_state_dict(_renamed(mine), strict=False)
        lacking = [key for key in missing if not key.endswith(UNUSED)]
        if lacking or surplus:
            raise EngineFailed(f"{model}: {name} lacks {lacking[:3]}, has more than it should: {list(surplus)[:3]}")
    attention = weights.pop("pool_model.attention", None)
    if attention is None or attention.shape != network.attention.shape or weights:
        raise EngineFailed(f"{model}: no fitting attention, or weights of something else: {list(weights)[:3]}")
    network.attention.copy_(attention)
    return network


def _renamed(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weight norm under its newer names."""
    newer = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    return {
        next((key.removesuffix(old) + new for old, new in newer.items() if key.endswith(f".{old}")), key): value
        for key, value in weights.items()
    }


def _wavlm(model: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the WavLM that the configuration names; a relative path is looked for beside the checkpoint."""
    named = str(config["ssl_type"])
    if named == "microsoft/wavlm-large":
        return dict(WAVLM_LARGE)
    beside = Path(model) / named
    found, _ = gpu_extra("transformers").WavLMConfig.get_config_dict(str(beside) if beside.is_dir() else named)
    return dict(found)


def _weights(model: str) -> dict[str, Any]:
    """The checkpoint's tensors by name; no pickle is executed."""
    hub = gpu_extra("transformers.utils.hub")
    file = hub.cached_file(model, "model.safetensors", _raise_exceptions_for_missing_entries=False)
    if file is not None:
        weights: dict[str, Any] = gpu_extra("safetensors.torch").load_file(file)
    else:
        older = hub.cached_file(model, "pytorch_model.bin")
        weights = gpu_extra("torch").load(older, map_location="cpu", weights_only=True)
    return weights
