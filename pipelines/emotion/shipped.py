"""The weights that ship with the product: checked by size and checksum before they are read, never executed."""

from __future__ import annotations

import hashlib
import io
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipelines.ports import EngineFailed

Arrays = dict[str, NDArray[Any]]

_FOLDER: Final = files("pipelines.emotion").joinpath("weights")


def manifest() -> dict[str, dict[str, Any]]:
    """What ships: file name -> sha256, bytes, origin, licence, trained_with."""
    found: dict[str, dict[str, Any]] = json.loads(_FOLDER.joinpath("manifest.json").read_bytes())
    return found


def read_checked(name: str) -> bytes:
    """The bytes of one shipped file.

    Raises:
        EngineFailed: it is missing or its bytes are not the ones that were shipped.
    """
    try:
        wanted = manifest()[name]["sha256"]
        held = _FOLDER.joinpath(name).read_bytes()
    except (OSError, KeyError) as missing:
        raise EngineFailed(f"emotion weights {name}: missing") from missing
    if hashlib.sha256(held).hexdigest() != wanted:
        raise EngineFailed(f"emotion weights {name}: wrong checksum")
    return held


def load(name: str) -> Arrays:
    """The arrays of one shipped npz.

    Raises:
        EngineFailed: as `read_checked`, or it is no plain npz.
    """
    return read_arrays(read_checked(name))


def load_file(file: Path) -> Arrays:
    """The arrays of an npz of your own, checked against the `manifest.json` beside it (see `seal`).

    Raises:
        EngineFailed: it is missing, not in the manifest, not the file that was sealed, or no plain npz.
    """
    try:
        wanted = json.loads(file.with_name("manifest.json").read_bytes())[file.name]["sha256"]
        held = file.read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as missing:
        raise EngineFailed(f"emotion weights {file}: missing, or not in the manifest.json beside it") from missing
    if hashlib.sha256(held).hexdigest() != wanted:
        raise EngineFailed(f"emotion weights {file}: wrong checksum")
    return read_arrays(held)


def read_arrays(held: bytes) -> Arrays:
    """Arrays of an npz; object arrays (pickles) are refused.

    Raises:
        EngineFailed: it is not a whole npz of plain arrays.
    """
    try:
        with np.load(io.BytesIO(held), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, BadZipFile) as broken:
        raise EngineFailed(f"emotion weights: {broken}") from broken


def seal(file: Path, *, origin: str, licence: str, trained_with: str) -> None:
    """Enter a file into the `manifest.json` beside it, with its size and checksum. For training, not for calls."""
    book = file.with_name("manifest.json")
    entries = json.loads(book.read_bytes()) if book.exists() else {}
    held = file.read_bytes()
    entries[file.name] = {
        "sha256": hashlib.sha256(held).hexdigest(),
        "bytes": len(held),
        "origin": origin,
        "licence": licence,
        "trained_with": trained_with,
    }
    book.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")
