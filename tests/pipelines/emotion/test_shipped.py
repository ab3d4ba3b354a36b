"""The weights that ship are the ones that were trained, and nothing but numbers and phrases."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pipelines.emotion import shipped
from pipelines.emotion.estimate import LABELS
from pipelines.emotion.prosody import NAMES
from pipelines.emotion.voice import ACTED, VoiceHead
from pipelines.emotion.words import WordsModel
from pipelines.ports import EngineFailed

FOLDER = Path(shipped.__file__).with_name("weights")


def test_the_manifest_names_every_file_with_its_bytes_checksum_and_licence() -> None:
    """Nothing else lies there; every file is small and no pickle."""
    entries = shipped.manifest()
    assert {file.name for file in FOLDER.iterdir()} == {*entries, "manifest.json"}
    for name, entry in entries.items():
        held = (FOLDER / name).read_bytes()
        assert Path(name).suffix in {".npz", ".json"}
        assert len(held) == entry["bytes"] < 8_000_000
        assert hashlib.sha256(held).hexdigest() == entry["sha256"]
        assert entry["origin"]
        assert entry["licence"]
        assert entry["trained_with"]


def test_the_models_load() -> None:
    """Shapes fit the code that reads them."""
    voice = VoiceHead.from_arrays(shipped.load("voice.npz"))
    assert voice.weights.shape == (len(ACTED) + 2, 1024 + len(NAMES))
    words = WordsModel.from_arrays(shipped.load("words.npz"))
    assert words.classes == tuple(LABELS)


def test_a_file_that_was_changed_or_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated download or a tampered file is never read."""
    for file in FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / "words.npz").read_bytes()
    (tmp_path / "words.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "voice.npz").unlink()
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    with pytest.raises(EngineFailed, match="checksum"):
        shipped.load("words.npz")
    with pytest.raises(EngineFailed, match="missing"):
        shipped.load("voice.npz")
    with pytest.raises(EngineFailed, match="missing"):
        shipped.load("other.npz")


def test_pickles_are_refused(tmp_path: Path) -> None:
    """Weights are never code."""
    file = tmp_path / "evil.npz"
    np.savez(file, weights=np.array([{"a": 1}], dtype=object))
    with pytest.raises(EngineFailed):
        shipped.read_arrays(file.read_bytes())
    with pytest.raises(EngineFailed):
        shipped.read_arrays(b"PK\x03\x04 not an archive")


def test_a_sealed_file_can_be_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training enters what it made."""
    np.savez(tmp_path / "new.npz", numbers=np.arange(3))
    shipped.seal(tmp_path / "new.npz", origin="here", licence="ours", trained_with="a test")
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    assert shipped.load("new.npz")["numbers"].tolist() == [0, 1, 2]


def test_broken_heads_are_refused() -> None:
    """NaN or a wrong shape never reaches a call."""
    voice = shipped.load("voice.npz")
    with pytest.raises(EngineFailed, match="finite"):
        VoiceHead.from_arrays({**voice, "weights": np.full_like(voice["weights"], np.nan)})
    with pytest.raises(EngineFailed, match="shape"):
        VoiceHead.from_arrays({**voice, "weights": voice["weights"][:3]})
    with pytest.raises(EngineFailed):
        VoiceHead.from_arrays({})
    words = shipped.load("words.npz")
    with pytest.raises(EngineFailed, match="shape"):
        WordsModel.from_arrays({**words, "product.bias": words["product.bias"][:2]})
    with pytest.raises(EngineFailed, match="fit"):
        WordsModel.from_arrays({**words, "places": words["places"][:3], "places.scale": words["places.scale"][:3]})
    with pytest.raises(EngineFailed, match="finite"):
        WordsModel.from_arrays({**words, "table.scale": np.full_like(words["table.scale"], np.nan)})
    with pytest.raises(EngineFailed):
        WordsModel.from_arrays({})
