"""Kokoro: voices are found and checked; with the model installed, rate, loudness and pauses follow the style."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.empathy.tone import Style
from pipelines.ports import EngineFailed, Speaker
from pipelines.speech.kokoro import KokoroSpeaker, read_voice, voice_file

LINE = "Your refund is on its way to you."


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A folder with three voices of the right size."""
    for name in ("af_heart", "af_sky", "am_sky"):
        np.arange(510 * 256, dtype="<f4").tofile(tmp_path / f"{name}.bin")
    return tmp_path


def test_a_voice_is_found_by_its_name_or_the_end_of_it(voices: Path) -> None:
    """'heart' is enough where only one voice is called so."""
    assert voice_file(voices, "af_heart").stem == "af_heart"
    assert voice_file(voices, "heart").stem == "af_heart"
    assert voice_file(voices, "am_sky").stem == "am_sky"


@pytest.mark.parametrize(("name", "why"), [("nobody", "no voice"), ("sky", "several voices"), ("", "no voice")])
def test_a_voice_in_doubt_is_refused(voices: Path, name: str, why: str) -> None:
    """The error tells which voices there are."""
    with pytest.raises(EngineFailed, match=f"{why} .*af_heart, af_sky, am_sky"):
        voice_file(voices, name)


def test_no_voices_at_all_names_the_folder(tmp_path: Path) -> None:
    """Where the model was not installed."""
    with pytest.raises(EngineFailed, match="none in"):
        voice_file(tmp_path / "voices", "heart")


def test_a_voice_has_one_style_for_each_length(voices: Path) -> None:
    """Row by row, as the network wants them."""
    styles = read_voice(voices / "af_heart.bin")
    assert styles.shape == (510, 1, 256)
    assert styles.dtype == np.float32
    assert styles[3, 0, 5] == 3 * 256 + 5


def test_a_cut_or_broken_voice_is_refused(voices: Path) -> None:
    """Half a download, or something that is no numbers."""
    whole = (voices / "af_heart.bin").read_bytes()
    (voices / "af_heart.bin").write_bytes(whole[:-4])
    with pytest.raises(EngineFailed, match=r"af_heart\.bin is no voice"):
        read_voice(voices / "af_heart.bin")
    np.full(510 * 256, np.nan, "<f4").tofile(voices / "af_sky.bin")
    with pytest.raises(EngineFailed, match=r"af_sky\.bin is no voice"):
        read_voice(voices / "af_sky.bin")


def test_a_network_that_is_absent_or_broken_is_named(tmp_path: Path) -> None:
    """The voice alone makes no speaker."""
    (tmp_path / "voices").mkdir()
    np.zeros(510 * 256, "<f4").tofile(tmp_path / "voices" / "af_heart.bin")
    with pytest.raises(EngineFailed, match=r"kokoro-v1\.0\.int8\.onnx does not load"):
        KokoroSpeaker.load(tmp_path)
    (tmp_path / "kokoro-v1.0.int8.onnx").write_bytes(b"no network")
    with pytest.raises(EngineFailed, match=r"kokoro-v1\.0\.int8\.onnx does not load"):
        KokoroSpeaker.load(tmp_path)


def installed() -> Path:
    """The installed model, in the model cache that the settings name."""
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    folder = Path(os.environ.get("ATTUNE_MODELS__CACHE_DIR", str(Path(cache) / "attune" / "models"))) / "kokoro-82m"
    if not (folder / "kokoro-v1.0.int8.onnx").is_file():
        pytest.skip(f"no Kokoro in {folder}: install it with `attune models install kokoro-82m` (an option, 100 MB)")
    return folder


async def test_the_real_voice_follows_what_it_can() -> None:
    """Slower is longer, quieter is quieter, the words come back, and nothing to say is nothing."""
    speaker = KokoroSpeaker.load(installed())
    as_port: Speaker = speaker
    await speaker.warm_up()
    plain = await as_port.speak(LINE, Style(pause=0.0))
    slow = await as_port.speak(LINE, Style(pause=0.0, rate=0.8))
    soft = await as_port.speak(LINE, Style(pause=1.0, volume_db=-6.0))
    assert 1.2 * 24_000 < len(plain.pcm) < 4 * 24_000
    assert len(slow.pcm) > 1.1 * len(plain.pcm)
    assert len(soft.pcm) - len(plain.pcm) == round(0.28 * 24_000)
    power = np.square(plain.pcm / 32768.0).sum() / np.square(soft.pcm / 32768.0).sum()
    assert 10 * np.log10(power) == pytest.approx(6.0, abs=0.2)
    assert [word.word for word in plain.words] == LINE.split()
    assert len((await as_port.speak("\U0001f600", Style())).pcm) == 0
    speaker.close()
