"""Tiny random checkpoints of the real classes, saved to disk and never fetched."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.emotion.baseline import Prior
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.shipped import seal
from pipelines.emotion.voice import ACTED, VoiceHead

torch: Any = pytest.importorskip("torch", reason="the gpu extra (torch) is not installed")
transformers: Any = pytest.importorskip("transformers", reason="the gpu extra (transformers) is not installed")
safetensors: Any = pytest.importorskip("safetensors.torch", reason="the gpu extra (safetensors) is not installed")

WORDS = ("hello", "there", "your", "router", "is", "back", "online", "please", "wait", "a", "moment", "caller", "agent")


def byte_symbols() -> list[str]:
    """The 256 printable stand-ins of byte-level BPE."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def save_whisper(directory: Path) -> Path:
    """Save a multilingual Whisper of one layer and width 16, with its processor and generation settings."""
    specials = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    vocab = {symbol: index for index, symbol in enumerate(byte_symbols() + specials)}
    tokenizer = transformers.WhisperTokenizer(vocab=vocab, merges=[], unk_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    extractor = transformers.WhisperFeatureExtractor(feature_size=80)
    transformers.WhisperProcessor(extractor, tokenizer).save_pretrained(directory)
    end, start, english, transcribe, untimed = (vocab[name] for name in specials)
    torch.manual_seed(5)
    network = transformers.WhisperForConditionalGeneration(
        transformers.WhisperConfig(
            vocab_size=len(vocab),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_target_positions=64,
            bos_token_id=end,
            eos_token_id=end,
            pad_token_id=end,
            decoder_start_token_id=start,
        )
    )
    network.generation_config = transformers.GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        is_multilingual=True,
        lang_to_id={"<|en|>": english},
        task_to_id={"transcribe": transcribe},
        no_timestamps_token_id=untimed,
        max_length=64,
    )
    network.save_pretrained(directory)
    return directory


ODYSSEY = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")
"""The classes of the Odyssey challenge, in the order of its published networks."""

TINY: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8, 8),
    "conv_stride": (5, 8, 8),
    "conv_kernel": (10, 8, 8),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
    "vocab_size": 8,
}
"""A network on waveforms with one layer and 20 ms frames."""


def _save_classifier(directory: Path, kind: str, names: tuple[str, ...], **changes: Any) -> Path:
    torch.manual_seed(7)
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}
    config = getattr(transformers, f"{kind}Config")(**TINY, **labels, **changes)
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(directory)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True).save_pretrained(directory)
    return directory


def save_wavlm(directory: Path, names: tuple[str, ...], **changes: Any) -> Path:
    """Save a tiny WavLM classifier with these outputs, and its feature extractor."""
    return _save_classifier(directory, "WavLM", names, **changes)


def save_wav2vec2(directory: Path, names: tuple[str, ...], **changes: Any) -> Path:
    """Save a tiny wav2vec 2.0 classifier with these outputs, and its feature extractor."""
    return _save_classifier(directory, "Wav2Vec2", names, **changes)


def save_odyssey(directory: Path, names: tuple[str, ...], *, older: bool = False) -> Path:
    """Save a tiny network in the layout of the Odyssey challenge: weights, configuration and, beside it, its WavLM's.

    Args:
        directory: where to.
        names: of the outputs.
        older: a pickled state with weight norm under its old names, as published first.
    """
    torch.manual_seed(9)
    shape = {**TINY, "feat_extract_norm": "layer", "do_stable_layer_norm": True}
    encoder = transformers.WavLMModel(transformers.WavLMConfig(**shape))
    encoder.config.save_pretrained(directory / "wavlm")
    linear = torch.nn.Linear
    parts = {
        "ssl_model": encoder,
        "pool_model.sap_linear": linear(16, 16),
        "ser_model.fc.0.0": linear(32, 16),
        "ser_model.fc.0.1": torch.nn.LayerNorm(16),
        "ser_model.out.0": linear(16, len(names)),
    }
    weights = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    weights["pool_model.attention"] = torch.randn(16, 1)
    config = {
        "model_type": "ser",
        "ssl_type": "wavlm",
        "classifier_hidden_layers": 1,
        "classifier_dropout_prob": 0.5,
        "hidden_size": 16,
        "mean": 0.001,
        "std": 0.1,
        "sampling_rate": 16_000,
        "id2label": dict(enumerate(names)),
        "auto_map": {"AutoModelForAudioClassification": "pipeline_utils.SERModel"},
    }
    (directory / "config.json").write_text(json.dumps(config))
    if older:
        names_then = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
        for new, old in names_then.items():
            weights = {key.replace(new, old): value for key, value in weights.items()}
        torch.save(weights, directory / "pytorch_model.bin")
    else:
        safetensors.save_file(weights, directory / "model.safetensors")
    return directory


def save_emotion2vec(directory: Path, names: tuple[str, ...], *, wrapped: bool = False) -> Path:
    """Save a tiny emotion2vec in its published layout: two blocks in the context encoder, two behind it, four heads.

    Args:
        directory: where to.
        names: of the classes.
        wrapped: below `model` and prefixed, beside weights that only training reads.
    """
    torch.manual_seed(13)
    audio, width, local = "modality_encoders.AUDIO.", 16, 8
    shapes: dict[str, tuple[int, ...]] = {}

    def part(name: str, *weight: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, weight[:1]

    for index, wide in enumerate((10, 3, 3, 3, 3, 2, 2)):
        shapes[f"{audio}local_encoder.conv_layers.{index}.0.weight"] = (local, local if index else 1, wide)
        part(f"{audio}local_encoder.conv_layers.{index}.2.1", local)
    part(f"{audio}project_features.1", local)
    part(f"{audio}project_features.2", width, local)
    for index in (1, 2):
        part(f"{audio}relative_positional_encoder.{index}.0", width, width // 4, 5)
    part(f"{audio}context_encoder.norm", width)
    for blocks in (f"{audio}context_encoder.blocks", "blocks"):
        for index in range(2):
            part(f"{blocks}.{index}.norm1", width)
            part(f"{blocks}.{index}.norm2", width)
            part(f"{blocks}.{index}.attn.qkv", 3 * width, width)
            part(f"{blocks}.{index}.attn.proj", width, width)
            part(f"{blocks}.{index}.mlp.fc1", 4 * width, width)
            part(f"{blocks}.{index}.mlp.fc2", width, 4 * width)
    part("proj", len(names), width)
    shapes |= {f"{audio}extra_tokens": (1, 3, width), f"{audio}alibi_scale": (4, 1, 4, 1, 1)}
    weights = {name: torch.randn(shape) / math.prod(shape[1:]) ** 0.5 for name, shape in shapes.items()}
    for name, value in weights.items():
        if name.endswith("bias"):
            value.mul_(0.05)
        elif value.dim() == 1:
            value.mul_(0.1).add_(1)
    weights[f"{audio}alibi_scale"] = torch.rand(4, 1, 4, 1, 1)
    if wrapped:
        weights = {f"d2v_model.{name}": value for name, value in weights.items()} | {"_ema": torch.zeros(1)}
    torch.save({"model": weights} if wrapped else weights, directory / "model.pt")
    (directory / "tokens.txt").write_text("".join(f"某/{name.lower()}\n" for name in names), "utf-8")
    return directory


def save_head(file: Path, width: int) -> Path:
    """Save a random head of ours for pooled encoder states of so many numbers, sealed in the manifest beside it."""
    rng = np.random.default_rng(4)
    features = width + len(NAMES)
    head = VoiceHead(
        Prior(np.zeros(features, np.float32), np.ones(features, np.float32), 4.0),
        rng.standard_normal((len(ACTED) + 2, features)).astype(np.float32) * 0.05,
        np.zeros(len(ACTED) + 2, np.float32),
        1.0,
        "tiny-head",
    )
    arrays: dict[str, Any] = head.arrays()
    np.savez(file, **arrays)
    seal(file, origin="random", licence="none", trained_with="nothing")
    return file


CHAT_TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] }}: {{ turn['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def save_llama(directory: Path, *, chat_template: str | None = CHAT_TEMPLATE, window: int = 4096) -> Path:
    """Save a tiny Llama that never ends by itself, with a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocab = {symbol: index for index, symbol in enumerate([*byte_symbols(), "<end>", *(f"\u0120{w}" for w in WORDS)])}
    raw = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<end>")
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(directory)
    torch.manual_seed(11)
    network = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(vocab),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=window,
            bos_token_id=None,
            eos_token_id=vocab["<end>"],
            pad_token_id=vocab["<end>"],
        )
    )
    with torch.no_grad():
        network.lm_head.weight[:257] = 0.0  # only words have logits, so one of them always leads
    network.save_pretrained(directory)
    return directory
