"""What is installed is the product, whole, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT

PACKAGES = {"service", "pipelines", "telephony", "migrations", "dashboards"}


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as files:
        return set(files.namelist())


def test_the_top_level_is_exactly_our_packages(inside: set[str]) -> None:
    """No tests, tools or stray files land in somebody's environment."""
    top = {name.split("/")[0] for name in inside}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


def test_every_file_of_the_packages_is_inside(inside: set[str]) -> None:
    """Code, the example agent, weights, migrations and the caller's page: all of it."""
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours - inside == set()
    assert {"dashboards/call/index.html", "service/examples/fenwillow_home.json"} <= inside
    assert any(name.startswith("migrations/versions/") for name in inside)
    assert any(name.startswith("pipelines/emotion/weights/") for name in inside)


def test_the_licence_travels_with_it(inside: set[str]) -> None:
    """Apache-2.0 asks for both files."""
    licences = {Path(name).name for name in inside if "/licenses/" in name}
    assert {"LICENSE", "NOTICE"} <= licences
