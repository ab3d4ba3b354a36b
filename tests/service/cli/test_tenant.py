"""`attune tenant create` and `attune audit verify`, as somebody types them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.__main__ import app

PASSWORD = "correct horse 42 battery"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test alone."""
    monkeypatch.setenv("ATTUNE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ATTUNE_OWNER_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_the_first_owner(home: Path) -> None:
    """Made once; the second time the tenant's own people decide. No password is ever shown."""
    code, said = run("tenant", "create", "Acme", "--email", "Ada@example.com")
    assert code == 0, said
    assert "ada@example.com" in said
    assert PASSWORD not in said
    code, said = run("tenant", "create", "Acme", "--email", "eve@example.com")
    assert code == 1
    assert "people already" in said


def test_a_weak_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, and no tenant is left behind."""
    monkeypatch.setenv("ATTUNE_OWNER_PASSWORD", "short")
    code, said = run("tenant", "create", "Acme", "--email", "ada@example.com")
    assert (code, "12 to 256" in said) == (1, True)


def test_a_changed_row_is_found(home: Path) -> None:
    """Somebody with the database in their hands cannot change the trail unseen."""
    assert run("tenant", "create", "Acme", "--email", "ada@example.com")[0] == 0
    code, said = run("audit", "verify", "--tenant", "Acme")
    assert (code, "1 entries, whole" in said) == (0, True)
    head = said.split()[-1]
    assert run("audit", "verify", "--tenant", "Acme", "--head", head)[0] == 0
    assert run("audit", "verify", "--tenant", "Acme", "--head", "0" * 64)[0] == 1
    with sqlite3.connect(home / "attune.db") as file:
        file.execute("UPDATE audit SET who = 'somebody else'")
    code, said = run("audit", "verify", "--tenant", "Acme")
    assert (code, "broken at entry 1" in said) == (1, True)
    assert run("audit", "verify", "--tenant", "Nobody")[0] == 2
