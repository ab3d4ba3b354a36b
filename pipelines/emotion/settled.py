"""Networks made ready to compute and never to learn: fused attention for WavLM, weight norm taken into the weights.

transformers computes WavLM's attention in steps and keeps weights that nobody reads.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pipelines.speech.torch_device import gpu_extra


def settle(network: Any) -> None:
    """Run every WavLM attention through the fused kernel and drop weight norm; the outputs stay the same."""
    parametrize = gpu_extra("torch.nn.utils.parametrize")
    for module in list(network.modules()):
        if hasattr(module, "torch_multi_head_self_attention"):
            module.torch_multi_head_self_attention = partial(_attend, module)
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")


def _attend(attention: Any, states: Any, mask: Any, bias: Any) -> tuple[Any, None]:
    """Attention over states (rows, frames, width) with a bias (rows * heads, frames, frames); weights are not given.

    Args:
        attention: transformers' WavLMAttention.
        states: of the layer.
        mask: (rows, frames), true where a frame holds sound, or None.
        bias: gated relative positions, added to the scores.
    """
    rows, frames, width = states.shape
    heads = int(attention.num_heads)

    def split(projected: Any) -> Any:
        return projected.view(rows, frames, heads, width // heads).transpose(1, 2)

    bias = bias.view(rows, heads, frames, frames)
    if mask is not None:
        bias = bias.masked_fill(~mask.bool()[:, None, None, :], float("-inf"))
    query, key, value = (split(project(states)) for project in (attention.q_proj, attention.k_proj, attention.v_proj))
    mixed = gpu_extra("torch").nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    return attention.out_proj(mixed.transpose(1, 2).reshape(rows, frames, width)), None
