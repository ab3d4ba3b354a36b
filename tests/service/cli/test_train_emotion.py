"""`attune train emotion` says what is wrong with a corpus before it computes anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from pipelines.emotion.voice import ACTED
from service.cli.train import train_app


def corpus(folder: Path, rows: list[tuple[str, str]]) -> Path:
    """Short noises with (speaker, emotion) each in a labels.csv."""
    folder.mkdir()
    lines = ["file,speaker,emotion"]
    for number, (speaker, emotion) in enumerate(rows):
        noise = 0.1 * np.random.default_rng(number).standard_normal(8000)
        soundfile.write(folder / f"{number}.wav", noise, 8000)
        lines.append(f"{number}.wav,{speaker},{emotion}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


WHOLE = [(speaker, emotion) for speaker in "abc" for emotion in ACTED]
CALM = [("r", "neutral"), ("s", "neutral")]


@pytest.mark.parametrize(
    ("acted", "read", "told"),
    [
        (WHOLE[:5], CALM, "lacks neutral"),
        ([*WHOLE, ("a", "surprise")], CALM, "does not know surprise"),
        (WHOLE[:14], CALM, "three speakers"),
        (WHOLE, [*CALM, ("s", "anger")], "neutral throughout"),
    ],
    ids=["a class is missing", "a class too many", "two speakers", "readers who act"],
)
def test_a_corpus_that_cannot_teach_is_refused(
    tmp_path: Path, acted: list[tuple[str, str]], read: list[tuple[str, str]], told: str
) -> None:
    """Nothing is written."""
    out = tmp_path / "out"
    folders = {
        "--data": corpus(tmp_path / "acted", acted),
        "--neutral": corpus(tmp_path / "read", read),
        "--out": out,
        "--features": tmp_path / "features",
    }
    told_to = [str(part) for option in folders.items() for part in option]
    done = CliRunner().invoke(train_app, ["emotion", *told_to])
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
    assert not out.exists()


def test_a_folder_without_a_corpus_is_named(tmp_path: Path) -> None:
    """The message says where a corpus was expected."""
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(
        train_app,
        ["emotion", "--data", str(tmp_path / "empty"), "--neutral", str(tmp_path / "empty"), "--out", str(tmp_path)],
    )
    assert done.exit_code == 2
    assert "one corpus is expected there" in " ".join(done.output.split())
