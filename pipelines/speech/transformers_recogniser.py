"""Whisper through transformers: the recogniser for a machine with a GPU."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion.pooling import pool_states
from pipelines.ports import Pcm, Recognition
from pipelines.speech.pool import Pool
from pipelines.speech.torch_device import Device, blamed_on, choose_device, gpu_extra, load_network
from pipelines.speech.waveform import MODEL_RATE_HZ, model_waveform

WINDOW_S = 30
"""Whisper's encoder takes exactly this much; longer speech becomes a batch of windows."""
TOKENS_PER_S = 7
"""More tokens than anyone speaks: a repetition loop ends here instead of at the model's limit."""


@dataclass(frozen=True, slots=True)
class WhisperParts:
    """A loaded Whisper: transformers' WhisperProcessor and WhisperForConditionalGeneration, and where they run."""

    processor: Any
    network: Any
    device: Device
    name: str


class TransformersRecogniser:
    """`ports.Recogniser` over a Whisper checkpoint; words and encoder states come from one encoder pass."""

    def __init__(self, parts: WhisperParts, *, at_once: int = 1, waiting: int = 64, deadline_s: float = 10.0) -> None:
        """Take loaded parts (see `load`).

        Args:
            parts: processor and network.
            at_once: recognitions at once on the device.
            waiting: recognitions that may wait.
            deadline_s: longest wait for one recognition.
        """
        self._parts = parts
        self._deadline_s = deadline_s
        self._pool = Pool(f"transformers-recogniser {parts.name}", at_once=at_once, waiting=waiting)

    @classmethod
    def load(cls, model: str, device: str = "auto", at_once: int = 1) -> TransformersRecogniser:
        """Load a checkpoint. It blocks for seconds to minutes: call it in a thread, before calls come.

        Args:
            model: hub id ('openai/whisper-large-v3') or directory.
            device: see `choose_device`.
            at_once: recognitions at once.

        Raises:
            EngineFailed: a package, the model or the device is missing.
        """
        transformers = gpu_extra("transformers")
        place = choose_device(device)
        with blamed_on(f"recogniser {model}"):
            processor = transformers.WhisperProcessor.from_pretrained(model)
            network = load_network(transformers.WhisperForConditionalGeneration, model, place)
        return cls(WhisperParts(processor, network, place, model), at_once=at_once)

    async def warm_up(self) -> None:
        """Recognise a second of silence, so that the first caller does not pay for kernels and caches.

        Raises:
            EngineFailed: the model does not run.
        """
        silence = np.zeros(MODEL_RATE_HZ, dtype=np.int16)
        await self._pool.run(lambda: _recognise(self._parts, silence, MODEL_RATE_HZ), deadline_s=120.0)

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """See `ports.Recogniser`."""
        return await self._pool.run(lambda: _recognise(self._parts, pcm, rate_hz), deadline_s=self._deadline_s)

    def close(self) -> None:
        """Drop waiting work."""
        self._pool.close()


def _recognise(parts: WhisperParts, pcm: Pcm, rate_hz: int) -> Recognition:
    """Encode once, pool the states, decode from the same states. Blocks."""
    if not len(pcm):
        return Recognition("", 0.0, None, 0.0, 0.0, f"transformers:{parts.name}")
    with blamed_on(f"recogniser {parts.name}"), gpu_extra("torch").inference_mode():
        began_s = time.perf_counter()
        wave = model_waveform(pcm, rate_hz)
        speech_s = len(wave) / MODEL_RATE_HZ
        encoded = _encode(parts, wave)
        states = encoded.last_hidden_state.float().cpu().numpy()
        pooled = pool_states(states.reshape(-1, states.shape[-1]), speech_s)
        encoded_s = time.perf_counter()
        text, confidence = _decode(parts, encoded, speech_s)
    return Recognition(
        text=text,
        confidence=confidence,
        encoded=pooled,
        encode_s=encoded_s - began_s,
        decode_s=time.perf_counter() - encoded_s,
        engine=f"transformers:{parts.name}",
    )


def _encode(parts: WhisperParts, wave: NDArray[np.float32]) -> Any:
    """Encoder output (transformers' BaseModelOutput), one row per window of the speech."""
    window = WINDOW_S * MODEL_RATE_HZ
    windows = [wave[start : start + window] for start in range(0, len(wave), window)]
    features = parts.processor.feature_extractor(windows, sampling_rate=MODEL_RATE_HZ, return_tensors="pt")
    mel = features["input_features"].to(parts.device.name, parts.device.dtype)
    return parts.network.get_encoder()(mel)


def _decode(parts: WhisperParts, encoded: Any, speech_s: float) -> tuple[str, float]:
    """Text of all windows and the mean probability of its tokens."""
    network = parts.network
    room = int(network.config.max_target_positions) - 8
    spoken_s = min(speech_s, float(WINDOW_S))
    asked = {"language": "en", "task": "transcribe"} if _is_multilingual(network) else {}
    out = network.generate(
        encoder_outputs=encoded,
        max_new_tokens=min(room, math.ceil(TOKENS_PER_S * spoken_s) + 10),
        do_sample=False,
        num_beams=1,
        output_scores=True,
        return_dict_in_generate=True,
        **asked,
    )
    pieces = parts.processor.batch_decode(out.sequences, skip_special_tokens=True)
    logs = network.compute_transition_scores(out.sequences, out.scores, normalize_logits=True).float().cpu().numpy()
    said = out.sequences[:, -logs.shape[1] :].cpu().numpy() < network.config.eos_token_id
    confidence = float(np.exp(logs[said]).mean()) if said.any() else 0.0
    return " ".join(piece.strip() for piece in pieces if piece.strip()), confidence


def _is_multilingual(network: Any) -> bool:
    """Whether the language must be told; English-only checkpoints refuse it."""
    return bool(getattr(network.generation_config, "is_multilingual", False))
