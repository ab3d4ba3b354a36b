"""`attune evaluate emotion` on a tiny RAVDESS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipelines.models.install import ModelAbsent, locate
from service.__main__ import app
from service.settings import Settings
from tests.pipelines.learning import layouts

LINES = ("--conditions", "mu_law", "--taught-on", "mu_law", "--unheard-on", "mu_law")


def evaluate(*arguments: str | Path) -> Result:
    """Run the command on a wide terminal."""
    return CliRunner(env={"COLUMNS": "220"}).invoke(app, ["evaluate", "emotion", *map(str, arguments)])


@pytest.fixture
def encoder() -> None:
    """The recogniser whose encoder the features come from."""
    try:
        locate("whisper-base", Settings().models.cache_dir)
    except ModelAbsent as absent:
        pytest.skip(f"whisper-base is not installed: {absent}")


@pytest.mark.usefixtures("encoder")
def test_a_folder_as_ravdess_publishes_it(tmp_path: Path) -> None:
    """Speakers held out, the shipped head on it, results and pictures; a broken file is named; features are kept."""
    data, out = layouts.ravdess(tmp_path / "RAVDESS"), tmp_path / "out"
    (data / "Actor_03" / "03-01-05-01-01-01-03.wav").write_bytes(b"RIFF, and then nothing")
    done = evaluate("--data", data, "--out", out, *LINES)
    assert done.exit_code == 0, done.output
    assert "song: 1" in done.output
    assert "RAVDESS: 8 classes, 3 speakers" in done.output
    assert "RAVDESS, mu_law: never heard, 4 classes" in done.output
    assert "1 recordings could not be read: Actor_03/03-01-05-01-01-01-03.wav" in done.output
    results: dict[str, Any] = json.loads((out / "emotion.json").read_text("utf-8"))
    held_out = results["held_out"]["RAVDESS"]["by_class"]["mu_law"]
    assert held_out["turns"] == 23
    assert held_out["uar"]["low"] <= held_out["uar"]["value"] <= held_out["uar"]["high"]
    assert set(held_out["by_sex"]) == {"f", "m"}
    assert set(results["unheard"]["RAVDESS"]) == {
        f"mu_law, {against}" for against in ("caller so far", "population", "whole speaker")
    }
    assert results["corpora"]["RAVDESS"]["left_out"] == {"not audio-only": 1, "song": 1}
    assert {file.name for file in out.glob("*.png")} >= {
        "confusion-ravdess-classes.png",
        "reliability-ravdess-labels.png",
        "coverage-ravdess.png",
        "trajectory-ravdess.png",
    }
    assert "RAVDESS: features" in done.output
    again = evaluate("--data", data, "--out", out, *LINES, "--parts", "folds")
    assert again.exit_code == 0, again.output
    assert "RAVDESS: features" not in again.output
    repeated = json.loads((out / "emotion.json").read_text("utf-8"))
    assert repeated["held_out"] == results["held_out"]


def test_a_folder_without_a_corpus_says_what_would_be_one(tmp_path: Path) -> None:
    """A clear sentence, no traceback."""
    layouts.sound(tmp_path / "holiday.wav")
    done = evaluate("--data", tmp_path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "no corpus in" in done.output
    assert "labels.csv with file, speaker and emotion" in done.output
    assert not (tmp_path / "out").exists()


def test_a_mistyped_line_or_part_is_answered_with_what_there_is(tmp_path: Path) -> None:
    """Before anything is read."""
    layouts.ravdess(tmp_path, actors=1)
    wrong = evaluate("--data", tmp_path, "--conditions", "mu-law")
    assert wrong.exit_code == 2
    assert "mu_law" in wrong.output
    assert "folds, unheard" in evaluate("--data", tmp_path, "--parts", "everything").output
    assert "no emodb among" in evaluate("--data", tmp_path, "--folds", "emodb", "--out", tmp_path / "out").output


def test_an_absent_encoder_ends_it_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everywhere."""
    monkeypatch.setenv("ATTUNE_MODELS__CACHE_DIR", str(tmp_path / "empty"))
    done = evaluate("--data", layouts.ravdess(tmp_path / "data", actors=1), "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "attune models install whisper-base" in done.output
