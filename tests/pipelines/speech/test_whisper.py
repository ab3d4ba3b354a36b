"""The embedded recogniser: what it decides without a model, and that the model hears what was said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipelines.empathy.tone import Style
from pipelines.learning.recognition import normalise, word_errors
from pipelines.models.install import ModelAbsent, locate
from pipelines.ports import EngineFailed, Pcm
from pipelines.speech.hibari import HibariVoice
from pipelines.speech.whisper import (
    PIECE_S,
    RATE_HZ,
    WhisperRecogniser,
    loops,
    loudness_dbfs,
    nothing_said,
    pieces,
    unsure,
    window_s,
)
from service.settings import Settings

SENTENCE = "I have been waiting for my refund for three weeks, and nobody has called me back."
STORY = (
    SENTENCE,
    "The first time I called, a very friendly man told me that the money was on its way.",
    "A week later I looked at my account again, and of course there was nothing.",
    "So I wrote a letter to your office in the city, because that is what your website says.",
    "Yesterday a bill came for the same router, the one that I returned in the spring.",
    "I would like to know who can help me, and when I can expect an answer to my letter.",
    "My number is in your files, and I am at home every evening after six.",
)


@pytest.fixture(scope="module")
def recogniser() -> Iterator[WhisperRecogniser]:
    """Loaded once; the model comes with `make models`."""
    try:
        folder = locate("whisper-base", Settings().models.cache_dir)
    except ModelAbsent as absent:
        pytest.skip(f"whisper-base is not installed: {absent}")
    recogniser = WhisperRecogniser.load(folder, threads=1)
    yield recogniser
    recogniser.close()


@pytest.fixture(scope="module")
def spoken() -> tuple[Pcm, int]:
    """SENTENCE in our own voice."""
    speech = HibariVoice("heart", threads=1).say(SENTENCE, Style())
    return speech.pcm, speech.rate_hz


@pytest.mark.parametrize(("speech_s", "seconds"), [(0.5, 10.0), (8.0, 10.0), (9.0, 11.0), (27.0, 29.0), (40.0, 30.0)])
def test_a_window_holds_the_speech_and_some_quiet(speech_s: float, seconds: float) -> None:
    """Never under ten seconds, never over thirty."""
    assert window_s(speech_s) == seconds


@pytest.mark.parametrize(
    ("tokens", "score", "doubtful"),
    [([1, 2, 3, 4, 5], -0.3, False), ([1, 2, 3, 4, 5], -1.0, True), ([1], -1.2, False), ([1], -2.2, True)],
    ids=["sure", "unsure", "one word", "one unsure word"],
)
def test_when_words_are_tried_again(tokens: list[int], score: float, doubtful: bool) -> None:
    """A single word may be less sure."""
    assert unsure(tokens, score) is doubtful


@pytest.mark.parametrize(
    ("tokens", "looping"),
    [
        ([7, 8, 9, 7, 8, 9], False),
        ([5, 7, 8, 9, 7, 8, 9, 7, 8, 9, 6], True),
        ([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3, 6, 1, 2, 3], False),
        ([4, 4, 4, 4], False),
        ([1, 2, 3, 4, 5] * 3, True),
        ([], False),
    ],
    ids=["said twice", "a clause three times", "a menu", "no no no no", "a long clause", "nothing"],
)
def test_a_loop_is_a_clause_three_times_in_a_row(tokens: list[int], looping: bool) -> None:
    """Menus begin each choice alike, and callers say no four times: those are no loops."""
    assert loops(tokens) is looping


@pytest.mark.parametrize(
    ("text", "score", "no_speech", "nothing"),
    [
        ("you", -3.3, 0.67, True),
        ("you", -0.4, 0.05, False),
        ("Yes.", -2.2, 0.15, False),
        (". .", -0.2, 0.1, True),
        ("Press 1 to go on, press 2 to go back.", -0.2, 0.6, False),
    ],
)
def test_words_invented_over_noise_are_dropped(text: str, score: float, no_speech: float, nothing: bool) -> None:
    """Only when the model itself doubts both the words and that anyone spoke; or when there are no words."""
    assert nothing_said(text, score, no_speech) is nothing


def test_long_speech_is_cut_in_its_pauses() -> None:
    """A minute of sound with pauses at 25 s and 48 s: three pieces, nothing lost, cuts inside the pauses."""
    chance = np.random.default_rng(0)
    wave = chance.normal(0.0, 0.1, 60 * RATE_HZ).astype(np.float32)
    for pause_s in (25, 48):
        wave[pause_s * RATE_HZ : (pause_s + 1) * RATE_HZ] *= 0.001
    cut = pieces(wave)
    ends = np.cumsum([len(piece) for piece in cut]) / RATE_HZ
    assert len(cut) == 3
    assert 25 < ends[0] < 26
    assert 48 < ends[1] < 49
    assert np.array_equal(np.concatenate(cut), wave)
    assert max(len(piece) for piece in cut) <= PIECE_S * RATE_HZ


def test_loudness_is_that_of_the_speech_and_not_of_the_pauses() -> None:
    """One second of a full-scale sine in nine seconds of silence is as loud as the sine."""
    wave = np.zeros(10 * RATE_HZ, dtype=np.float32)
    wave[:RATE_HZ] = np.sin(np.arange(RATE_HZ) * 0.3)
    assert loudness_dbfs(wave) == pytest.approx(-3.0, abs=0.2)
    assert loudness_dbfs(wave[:10]) == pytest.approx(-3.0, abs=3.0)
    assert loudness_dbfs(np.zeros(0, dtype=np.float32)) == -120.0


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """The error names the folder; so does the one for files that are no model."""
    with pytest.raises(EngineFailed, match="holds no Whisper model"):
        WhisperRecogniser.load(tmp_path)
    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(EngineFailed, match=tmp_path.name):
        WhisperRecogniser.load(tmp_path)


async def test_it_hears_what_was_said(recogniser: WhisperRecogniser, spoken: tuple[Pcm, int]) -> None:
    """Words, confidence, and the encoder's states as the emotion head was trained on them."""
    await recogniser.warm_up()
    pcm, rate_hz = spoken
    heard = await recogniser.recognise(pcm, rate_hz)
    assert normalise(heard.text) == normalise(SENTENCE)
    assert heard.confidence > 0.6
    assert not heard.retried
    assert heard.engine == "whisper:whisper-base"
    assert min(heard.encode_s, heard.decode_s) > 0
    assert heard.encoded is not None
    assert heard.encoded.shape == (1024,)
    np.testing.assert_allclose(heard.encoded, recogniser.encode_here(pcm, rate_hz), rtol=0, atol=1e-3)


async def test_noise_and_silence_have_no_words(recogniser: WhisperRecogniser) -> None:
    """Silence is not even encoded, hiss and a dial tone are not tried twice."""
    chance = np.random.default_rng(1)
    silence = chance.normal(0, 20, 16_000).astype(np.int16)
    hiss = chance.normal(0, 1000, 16_000).astype(np.int16)
    tone = (8000 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 8000)).astype(np.int16)
    for sound in (silence, hiss, tone):
        heard = await recogniser.recognise(sound, 8000)
        assert (heard.text, heard.confidence, heard.encoded, heard.retried) == ("", 0.0, None, False)
    assert (await recogniser.recognise(np.zeros(0, dtype=np.int16), 8000)).text == ""


async def test_a_long_story_is_heard_to_its_end(recogniser: WhisperRecogniser) -> None:
    """More than the 30 s that Whisper takes at once: every sentence is there."""
    voice = HibariVoice("heart", threads=1)
    said = [voice.say(text, Style()) for text in STORY]
    pause = np.zeros(said[0].rate_hz, dtype=np.int16)
    pcm = np.concatenate([part for speech in said for part in (speech.pcm, pause)])
    assert len(pcm) > PIECE_S * said[0].rate_hz
    heard = await recogniser.recognise(pcm, said[0].rate_hz)
    words = normalise(" ".join(STORY))
    assert word_errors(words, normalise(heard.text)) < 0.1 * len(words)
