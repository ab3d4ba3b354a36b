"""ARCHITECTURE.md is a picture of the house as it is: every path in it exists, and no room is missing from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PICTURE = ROOT / "ARCHITECTURE.md"
STOREYS = ("service", "pipelines", "telephony")
LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w./-]+?)(?P<folder>/?)(?: {2,}(?P<says>\S.*))?$")
FILE = re.compile(r"[\w/-]+\.(?:py|json|js|md|yml|yaml|toml)\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the tree.

    Attributes:
        path: relative to the repository.
        is_folder: written with a slash.
        says: its description.
    """

    path: Path
    is_folder: bool
    says: str


def entries() -> list[Entry]:
    """The fenced block marked `tree`: two spaces of indentation a level, folders end in a slash, then a description."""
    fenced = re.search(r"^```tree\n(.*?)^```$", PICTURE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert fenced, "ARCHITECTURE.md has no ```tree block"
    above: list[str] = []
    found = []
    for line in fenced[1].splitlines():
        parsed = LINE.match(line)
        assert parsed, f"not a line of a tree: {line!r}"
        level, odd = divmod(len(parsed["indent"]), 2)
        assert not odd, f"wrong indentation: {line!r}"
        assert level <= len(above), f"wrong indentation: {line!r}"
        above = [*above[:level], parsed["name"]]
        found.append(Entry(Path(*above), bool(parsed["folder"]), parsed["says"] or ""))
    return found


def test_every_path_in_the_picture_exists() -> None:
    """A room that was moved or renamed is moved in the picture too."""
    wrong = [
        str(entry.path)
        for entry in entries()
        if not ((ROOT / entry.path).is_dir() if entry.is_folder else (ROOT / entry.path).is_file())
    ]
    assert wrong == []


def test_every_file_that_a_description_names_exists() -> None:
    """`desk.py` beside `calls/` means that calls/desk.py is there."""
    wrong = [
        f"{entry.path}: {name}"
        for entry in entries()
        for name in FILE.findall(entry.says)
        if not (ROOT / entry.path / name).is_file()
    ]
    assert wrong == []


def test_no_room_is_missing_from_the_picture() -> None:
    """Every top-level folder with code, and every package and module one level below the three storeys, is named."""
    named = {entry.path for entry in entries()}
    rooms = {Path(storey) for storey in (*STOREYS, "migrations", "dashboards", "tests", "docs", "deploy", "tools")}
    for storey in STOREYS:
        for path in (ROOT / storey).iterdir():
            if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").is_file()):
                rooms.add(path.relative_to(ROOT))
    assert sorted(map(str, rooms - named)) == []


def test_every_description_says_something() -> None:
    """A name alone is no picture."""
    assert [str(entry.path) for entry in entries() if len(entry.says.split()) < 2] == []
