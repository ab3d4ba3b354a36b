"""Where a torch model runs and in which precision. torch and transformers are an extra: they are imported late."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

from pipelines.ports import EngineFailed


@dataclass(frozen=True, slots=True)
class Device:
    """A place to compute.

    Attributes:
        name: as torch calls it: 'cpu', 'cuda:0'.
        dtype: the torch dtype of weights and inputs there.
    """

    name: str
    dtype: Any


def gpu_extra(module: str) -> ModuleType:
    """Import a module of the `gpu` extra.

    Raises:
        EngineFailed: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise EngineFailed(f"{module} is not installed: pip install attune[gpu] ({missing})") from missing


def choose_device(name: str = "auto") -> Device:
    """Resolve a device setting.

    Args:
        name: 'auto' (the first GPU, else the CPU), 'cpu', 'cuda' or 'cuda:<index>'.

    Returns:
        The device with bfloat16 on a GPU (float16 where it has no bfloat16) and float32 on the CPU.

    Raises:
        EngineFailed: torch is missing, or the device is unknown or not there.
    """
    torch = gpu_extra("torch")
    gpus: int = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kind, _, index = name.partition(":")
    if name == "cpu" or (name == "auto" and gpus == 0):
        return Device("cpu", torch.float32)
    if name != "auto" and (kind != "cuda" or not (index or "0").isdecimal()):
        raise EngineFailed(f"device {name!r} is none of auto, cpu, cuda:<index>")
    chosen = int(index or 0)
    if chosen >= gpus:
        raise EngineFailed(f"device {name!r} is not there: torch sees {gpus} GPUs")
    return Device(f"cuda:{chosen}", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)


@contextmanager
def blamed_on(engine: str) -> Iterator[None]:
    """Turn what torch, transformers and their files can raise into EngineFailed that names the engine."""
    try:
        yield
    except _foreign() as broken:
        raise EngineFailed(f"{engine}: {type(broken).__name__}: {broken}") from broken


def _foreign() -> tuple[type[BaseException], ...]:
    """What torch, transformers and readers of their files raise; a broken safetensors file has an error of its own."""
    files = sys.modules.get("safetensors")
    return (
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        ImportError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        UnpicklingError,
        *([] if files is None else [files.SafetensorError]),
    )


UNUSED = ("masked_spec_embed",)
"""Weights that only training reads: checkpoints may leave them out."""


def load_network(kind: Any, model: str, place: Device, **options: Any) -> Any:
    """Load a network, whole, onto a device. Blocks.

    Args:
        kind: transformers' model class or auto class.
        model: hub id or directory.
        place: device and precision.
        options: further arguments of `from_pretrained`.

    Raises:
        EngineFailed: the checkpoint lacks weights, which transformers would fill with random numbers.
        OSError, ValueError, ...: what transformers raises (see `blamed_on`).
    """
    network, report = kind.from_pretrained(model, dtype=place.dtype, output_loading_info=True, **options)
    missing = sorted(key for key in report["missing_keys"] if not key.endswith(UNUSED))
    if missing:
        raise EngineFailed(f"{model}: the checkpoint has no weights for {', '.join(missing[:4])}")
    return network.to(place.name).eval()
