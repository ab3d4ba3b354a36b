"""Tiny random checkpoints of the real classes, saved to disk and never fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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


def save_wavlm(directory: Path, names: tuple[str, ...]) -> Path:
    """Save a tiny WavLM classifier with these outputs, and its feature extractor."""
    torch.manual_seed(7)
    config = transformers.WavLMConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8, 8, 8),
        conv_stride=(5, 8, 8),
        conv_kernel=(10, 8, 8),
        num_feat_extract_layers=3,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        vocab_size=8,
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
    )
    transformers.WavLMForSequenceClassification(config).save_pretrained(directory)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True).save_pretrained(directory)
    return directory


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
