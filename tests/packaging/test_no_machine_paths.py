"""The project speaks of itself: no tracked file names one machine's folders or a package index's address."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = re.compile(r"(?<![\w.$}-])/(?:work|root|home/\w+|tmp/w|opt/pypi)(?:/|\b)(?!\w)")
INDEXES = re.compile(r"(?:files\.pythonhosted|pypi\.org/simple|registry\.npmjs|--(?:extra-)?index-url|--find-links)")
EXAMPLES = {Path("tests/packaging/test_no_machine_paths.py")}


def tracked_texts() -> list[Path]:
    """Every tracked file that is text, relative to the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return [path for path in paths if b"\0" not in (ROOT / path).read_bytes()[:4096]]


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="not a git checkout: tracked files are unknown"
)
@pytest.mark.parametrize("pattern", [FOLDERS, INDEXES], ids=["folders", "indexes"])
def test_no_tracked_file_names_a_machine(pattern: re.Pattern[str]) -> None:
    """What works only here is a bug everywhere else."""
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in tracked_texts()
        if path not in EXAMPLES
        for number, line in enumerate((ROOT / path).read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["see /work/main", "HOME=/root", "cd /tmp/w && ls", "`/home/ann/x`"])
def test_the_pattern_finds_machine_folders(line: str) -> None:
    """The guard itself works."""
    assert FOLDERS.search(line)


@pytest.mark.parametrize("line", ["/network/", "/workers", "./work/x", "GET /v1/root/x"])
def test_the_pattern_lets_other_words_pass(line: str) -> None:
    """Addresses and words that only look alike are no machine."""
    assert not FOLDERS.search(line)
