"""`attune evaluate recognition` on two prompts in our own voice."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from pipelines.empathy.tone import Style
from pipelines.learning.recognition import ASTERISK_SOUNDS, ASTERISK_TRANSCRIPTS
from pipelines.models.install import ModelAbsent, locate
from pipelines.speech.hibari import HibariVoice
from service.cli.evaluate import evaluate_app
from service.settings import Settings

PROMPTS = {"one": "Thank you for calling, please hold the line.", "two": "Your appointment is on Thursday morning."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Unpacked prompt packages; the transcript of the second prompt has one wrong word."""
    voice = HibariVoice("heart", threads=1)
    (tmp_path / ASTERISK_SOUNDS).mkdir(parents=True)
    for name, text in PROMPTS.items():
        speech = voice.say(text, Style())
        soundfile.write(tmp_path / ASTERISK_SOUNDS / f"{name}.wav", speech.pcm, speech.rate_hz)
    told = "".join(f"{name}: {text.replace('Thursday', 'Tuesday')}\n" for name, text in PROMPTS.items())
    (tmp_path / ASTERISK_TRANSCRIPTS).parent.mkdir(parents=True)
    (tmp_path / ASTERISK_TRANSCRIPTS).write_bytes(gzip.compress(told.encode()))
    return tmp_path


def test_it_prints_the_rate_and_the_worst_clip(folder: Path) -> None:
    """One wrong word of fourteen."""
    try:
        locate("whisper-base", Settings().models.cache_dir)
    except ModelAbsent as absent:
        pytest.skip(f"whisper-base is not installed: {absent}")
    arguments = ["recognition", "--folder", str(folder), "--data", str(folder)]
    done = CliRunner(env={"COLUMNS": "160"}).invoke(evaluate_app, arguments)
    assert done.exit_code == 0, done.output
    assert "7.14" in done.output
    assert "two 1 of 6" in done.output


def test_an_absent_model_ends_it_with_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with the command that brings it."""
    monkeypatch.setenv("ATTUNE_MODELS__CACHE_DIR", str(folder / "empty"))
    done = CliRunner(env={"COLUMNS": "160"}).invoke(evaluate_app, ["recognition", "--folder", str(folder)])
    assert done.exit_code == 1
    assert "attune models install whisper-base" in done.output


def test_a_folder_without_prompts_ends_it_with_one(tmp_path: Path) -> None:
    """It names the file that is not there."""
    done = CliRunner(env={"COLUMNS": "160"}).invoke(evaluate_app, ["recognition", "--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert "core-sounds-en.txt" in done.output
