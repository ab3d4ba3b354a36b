"""What the pages point at is there: links, make targets, the tests that the README promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
MAKE = re.compile(r"\bmake ([a-z]+)\b(?! (?:it|sure))")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A page that was moved takes its links along."""
    assert [link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/guides/operations.md"])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    """Commands in code fences and in `ticks` can be typed."""
    page = (ROOT / name).read_text("utf-8")
    typed = "\n".join([*re.findall(r"```.*?```", page, re.DOTALL), *re.findall(r"`[^`\n]+`", page)])
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(MAKE.findall(typed)) <= targets


def test_decisions_are_numbered_without_gaps() -> None:
    """0001, 0002, ...: each number once."""
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
