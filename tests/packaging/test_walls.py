"""What may know what, and what things may be called."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("service", "pipelines", "telephony", "migrations", "dashboards")
VAGUE_MODULES = {"service", "services", "manager", "utils", "helpers", "common", "base", "misc", "core"}
FOREIGN_WORDS = {"Session", "Bot", "User", "Message", "Sentiment", "Manager", "Helper", "Utils"}
WORD = re.compile(r"[A-Z][a-z]*")


def modules() -> list[Path]:
    """Every module of ours, relative to the repository."""
    return [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def test_the_walls_stand() -> None:
    """Service over pipelines and telephony, which never meet; the rooms of the service in their order."""
    lint = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_module_has_a_name_that_says_nothing() -> None:
    """A drawer called `utils` fills up; every module is called by what it is about."""
    vague = [str(path) for path in modules() if VAGUE_MODULES & {path.stem, *path.parts[1:-1]}]
    assert vague == []


def test_classes_speak_the_words_of_the_house() -> None:
    """One word, one meaning: GLOSSARY.md says call, caller, agent and emotion."""
    foreign = [
        f"{path}: {node.name}"
        for path in modules()
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and FOREIGN_WORDS & set(WORD.findall(node.name))
    ]
    assert foreign == []
