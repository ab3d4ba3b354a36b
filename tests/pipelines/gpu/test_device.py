"""Which device a setting means, and what is said when it cannot be had."""

from __future__ import annotations

import sys

import pytest

from pipelines.ports import EngineFailed
from pipelines.speech.torch_device import blamed_on, choose_device
from tests.pipelines.gpu.tiny import torch


def gpus(monkeypatch: pytest.MonkeyPatch, count: int, *, bf16: bool = True) -> None:
    """Let torch see this many GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)


def test_auto_is_the_first_gpu_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision on a GPU, full on the CPU."""
    gpus(monkeypatch, 2)
    assert (choose_device("auto").name, choose_device("auto").dtype) == ("cuda:0", torch.bfloat16)
    assert choose_device("cpu").name == "cpu"
    gpus(monkeypatch, 0)
    assert (choose_device("auto").name, choose_device("auto").dtype) == ("cpu", torch.float32)


def test_a_gpu_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older GPU without bfloat16 gets float16."""
    gpus(monkeypatch, 2, bf16=False)
    assert (choose_device("cuda:1").name, choose_device("cuda").name) == ("cuda:1", "cuda:0")
    assert choose_device("cuda:1").dtype is torch.float16


@pytest.mark.parametrize("name", ["cuda:2", "cuda:x", "tpu", ""])
def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A wrong name and a missing GPU fail at start, not at the first call."""
    gpus(monkeypatch, 2)
    with pytest.raises(EngineFailed, match="device"):
        choose_device(name)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch and transformers are an extra."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineFailed, match=r"pip install attune\[gpu\]"):
        choose_device("auto")


def test_our_own_failures_pass_through_and_foreign_ones_are_named() -> None:
    """The engine is named once."""
    with pytest.raises(EngineFailed, match=r"^plain$"), blamed_on("writer"):
        raise EngineFailed("plain")
    with pytest.raises(EngineFailed, match=r"^writer: KeyError: 'lost'$"), blamed_on("writer"):
        raise KeyError("lost")
