"""A loaded emotion network on one device: from utterances to rows, from rows of one size to outputs.

Four kinds of checkpoint, told apart by their files: audio classifiers of transformers (WavLM, wav2vec 2.0, HuBERT,
data2vec and their like), the Odyssey networks (`odyssey.py`), `emotion2vec.py`, and the encoder of any Whisper, whose
pooled states a head of ours reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.emotion import emotion2vec, odyssey
from pipelines.emotion.batching import NoMemory
from pipelines.emotion.pooling import pool_states
from pipelines.emotion.settled import settle
from pipelines.ports import EngineFailed, Pcm
from pipelines.speech.torch_device import Device, blamed_on, choose_device, gpu_extra, load_network
from pipelines.speech.waveform import MODEL_RATE_HZ, model_waveform

LONGEST_S: Final = 20.0
"""The end of a longer utterance is read: it is what the reply follows, and the network's time stays bounded."""
SHORTEST_S: Final = 0.25
"""Shorter sounds are padded: the networks need a few frames."""
STEP_S: Final = 0.25
SIZES_S: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, LONGEST_S)
COMPILED_SIZES_S: Final = (2.0, 4.0, 8.0, LONGEST_S)
COMPILED_ROWS: Final = (1, 4, 16, 32)
"""Each pair of a size and a number of rows is one CUDA graph: few of them, made before the first call."""
WHISPER_S: Final = 30.0

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance as the network takes it.

    Attributes:
        values: normalised waveform (samples,) or, for a Whisper, log mel spectrum (bands, frames).
        length: samples of sound in it, at 16 kHz.
        size: samples after padding; rows of one size share a batch.
    """

    values: Vector
    length: int
    size: int


@dataclass(frozen=True, slots=True)
class VoiceNetwork:
    """A loaded network.

    Attributes:
        name: hub id or path.
        device: where it runs.
        outputs: names of its outputs; empty for an encoder, whose outputs are pooled states.
        normalise: a waveform as the network was trained to hear it.
        forward: outputs of a batch on the device: (values, lengths) -> (rows, outputs).
        pads: whether a mask hides padding. Else rows of one batch have one length, cut to whole STEP_S.
        compiled: whether `forward` wants a few fixed shapes.
    """

    name: str
    device: Device
    outputs: tuple[str, ...]
    normalise: Callable[[Vector], Vector]
    forward: Callable[[Any, Any], Any]
    pads: bool
    compiled: bool = False

    def row(self, pcm: Pcm, rate_hz: int) -> Row:
        """An utterance, cut to its last LONGEST_S. Takes milliseconds: run it off the loop.

        Raises:
            EngineFailed: the samples are no numbers.
        """
        with blamed_on(f"voice network {self.name}"):
            wave = model_waveform(pcm[-int(LONGEST_S * rate_hz) :], rate_hz)[-int(LONGEST_S * MODEL_RATE_HZ) :]
            if not np.isfinite(wave).all():
                raise EngineFailed(f"voice network {self.name}: the sound is not finite")
            wave = np.pad(wave, (0, max(0, int(SHORTEST_S * MODEL_RATE_HZ) - len(wave))))
            if not self.pads:
                wave = wave[len(wave) % int(STEP_S * MODEL_RATE_HZ) :]
            return Row(self.normalise(wave), len(wave), self._size(len(wave)))

    def _size(self, length: int) -> int:
        if not self.pads:
            return length
        sizes_s = COMPILED_SIZES_S if self.compiled else SIZES_S
        return next(size for size in (int(seconds * MODEL_RATE_HZ) for seconds in sizes_s) if size >= length)

    def compute(self, rows: Sequence[Row], size: int) -> Sequence[Vector]:
        """Outputs of each row, shape (outputs,). Blocks.

        Raises:
            NoMemory: the batch does not fit into the device's memory.
            EngineFailed: the network broke.
        """
        torch = gpu_extra("torch")
        with blamed_on(f"voice network {self.name}"), torch.inference_mode():
            try:
                count = self._count(len(rows))
                first = rows[0].values
                values = np.zeros((count, *first.shape[:-1], size if first.ndim == 1 else first.shape[-1]), np.float32)
                for place, row in enumerate(rows):
                    values[place, ..., : row.values.shape[-1]] = row.values
                lengths = np.array([row.length for row in rows] + [size] * (count - len(rows)))
                outputs = self.forward(
                    torch.from_numpy(values).to(self.device.name, self.device.dtype),
                    torch.from_numpy(lengths).to(self.device.name),
                )
                found: NDArray[np.float32] = outputs.float().cpu().numpy()
            except torch.OutOfMemoryError as full:
                if self.device.name.startswith("cuda"):
                    torch.cuda.empty_cache()
                raise NoMemory(f"voice network {self.name}: no memory for {len(rows)} x {size}") from full
        return list(found[: len(rows)])

    def _count(self, rows: int) -> int:
        """Rows of the batch as it is computed."""
        return next((count for count in COMPILED_ROWS if count >= rows), rows) if self.compiled else rows

    def warm_up(self) -> None:
        """Compute silence in the shapes that calls will bring, so that no call waits for kernels or graphs. Blocks.

        Raises:
            EngineFailed: the network does not run.
        """
        one = self.row(np.zeros(MODEL_RATE_HZ, np.int16), MODEL_RATE_HZ)
        shapes = [(one.size, 1)]
        if self.compiled:
            shapes = [(int(s * MODEL_RATE_HZ), rows) for s in COMPILED_SIZES_S for rows in COMPILED_ROWS]
        for size, rows in shapes:
            self.compute([one] * rows, size)


def load_voice_network(model: str, device: str = "auto", *, compiles: bool = False) -> VoiceNetwork:
    """Load a checkpoint. It blocks for seconds to minutes: call it in a thread, before calls come.

    Args:
        model: hub id or directory.
        device: see `choose_device`.
        compiles: run through torch.compile with CUDA graphs, in a few fixed shapes.

    Raises:
        EngineFailed: a package, the model or the device is missing; the checkpoint is no emotion network, wants code
            of its own, or lacks weights, which would be random.
    """
    transformers = gpu_extra("transformers")
    place = choose_device(device)
    with blamed_on(f"voice network {model}"):
        published = emotion2vec.find_files(model)
        config: dict[str, Any] = {}
        if published is None:
            config, _ = transformers.PretrainedConfig.get_config_dict(model)
        if published is not None:
            network = _emotion2vec(model, *published, place)
        elif not config:
            raise EngineFailed(f"voice network {model}: there is no config.json")
        elif odyssey.is_odyssey(config):
            network = _odyssey(model, config, place)
        elif config.get("model_type") == "whisper":
            network = _whisper(model, place)
        else:
            network = _classifier(model, place)
    return compiled(network) if compiles else network


def compiled(network: VoiceNetwork) -> VoiceNetwork:
    """The same network through torch.compile; worth its minutes of warm-up on a GPU alone.

    Raises:
        EngineFailed: its batches have no fixed shapes.
    """
    if not network.pads:
        raise EngineFailed(f"voice network {network.name}: it knows no padding and cannot be compiled for fixed shapes")
    mode = "reduce-overhead" if network.device.name.startswith("cuda") else "default"
    forward = gpu_extra("torch").compile(network.forward, mode=mode, dynamic=False)
    return VoiceNetwork(
        network.name, network.device, network.outputs, network.normalise, forward, network.pads, compiled=True
    )


def _names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the outputs in order; a configuration from disk has its indices as text."""
    named = {int(index): str(name) for index, name in config["id2label"].items()}
    return tuple(named[index] for index in range(len(named)))


def _mask(values: Any, lengths: Any) -> Any:
    """Ones where a row (rows, samples) holds sound."""
    torch = gpu_extra("torch")
    return (torch.arange(values.shape[1], device=values.device) < lengths[:, None]).long()


def _classifier(model: str, place: Device) -> VoiceNetwork:
    """An audio classifier of transformers on waveforms."""
    transformers = gpu_extra("transformers")
    network = load_network(transformers.AutoModelForAudioClassification, model, place)
    settle(network)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(model)
    pads = getattr(network.config, "feat_extract_norm", "") == "layer"

    def normalise(wave: Vector) -> Vector:
        heard = extractor(wave, sampling_rate=MODEL_RATE_HZ, return_tensors="np")
        if "input_values" not in heard:
            raise EngineFailed(f"voice network {model}: it hears {', '.join(heard)}, not waveforms")
        return np.asarray(heard["input_values"][0], dtype=np.float32)

    def forward(values: Any, lengths: Any) -> Any:
        mask = _mask(values, lengths) if pads else None
        return network(values, attention_mask=mask).logits

    return VoiceNetwork(model, place, _names(network.config.to_dict()), normalise, forward, pads)


def _odyssey(model: str, config: Mapping[str, Any], place: Device) -> VoiceNetwork:
    """A network of the Odyssey challenge."""
    names = _names(config)
    return odyssey_network(odyssey.load(model, config, len(names), place), config, place, model)


def odyssey_network(loaded: odyssey.Odyssey, config: Mapping[str, Any], place: Device, name: str) -> VoiceNetwork:
    """An Odyssey network as a voice network."""
    settle(loaded.encoder)
    mean, std = float(config.get("mean", 0.0)), float(config.get("std", 1.0))
    layered = loaded.encoder.config.feat_extract_norm == "layer"
    return VoiceNetwork(
        name,
        place,
        _names(config),
        normalise=lambda wave: ((wave - mean) / (std + 1e-6)).astype(np.float32),
        forward=lambda values, lengths: loaded.forward(values, _mask(values, lengths)),
        pads=layered,
    )


def _emotion2vec(model: str, weights: Path, classes: Path, place: Device) -> VoiceNetwork:
    """An emotion2vec as FunASR publishes it."""
    loaded, names = emotion2vec.load(model, weights, classes, place)

    def normalise(wave: Vector) -> Vector:
        return np.asarray((wave - wave.mean()) / np.sqrt(wave.var() + 1e-5), dtype=np.float32)

    return VoiceNetwork(model, place, names, normalise, loaded.forward, pads=True)


def _whisper(model: str, place: Device) -> VoiceNetwork:
    """The encoder of a Whisper; its outputs are states pooled over the speech, as the recogniser hands them on."""
    transformers = gpu_extra("transformers")
    torch = gpu_extra("torch")
    whole = load_network(transformers.WhisperForConditionalGeneration, model, place)
    encoder = whole.get_encoder()
    extractor = transformers.WhisperFeatureExtractor.from_pretrained(model)

    def normalise(wave: Vector) -> Vector:
        heard = extractor(wave, sampling_rate=MODEL_RATE_HZ, return_tensors="np")
        return np.asarray(heard["input_features"][0], dtype=np.float32)

    def forward(values: Any, lengths: Any) -> Any:
        states = encoder(values).last_hidden_state.float().cpu().numpy()
        seconds = lengths.cpu().numpy() / MODEL_RATE_HZ
        pooled = [pool_states(row, speech_s) for row, speech_s in zip(states, seconds, strict=True)]
        return torch.from_numpy(np.stack(pooled))

    return VoiceNetwork(model, place, (), normalise, forward, pads=True)
