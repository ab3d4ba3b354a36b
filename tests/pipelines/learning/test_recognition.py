"""Scoring recognition: what counts as an error, which clips are in a set, how sure the rate is."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.learning.recognition import (
    ASTERISK_SOUNDS,
    ASTERISK_TRANSCRIPTS,
    Clip,
    Score,
    asterisk_clips,
    error_rate,
    ljspeech_clips,
    normalise,
    score,
    through_telephone,
    word_errors,
    worst,
)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Dial eighty-five hundred.", "dial 8500"),
        ("press one two three four", "Press 1, 2, 3, 4!"),
        ("nineteen sixty-three", "1963"),
        ("the twenty first of May", "The 21st of May"),
        ("the fifteenth", "the 15th"),
        ("five hundred twelve thousand", "512,000"),
        ("a 28.8 kilobit modem", "a twenty eight point eight kilobit modem"),
        ("press * or #", "press star or pound"),
        ("I can't, it's late", "I cannot it is late"),
        ("voice over I.P., V O I P", "voice over IP, VOIP"),
        ("at 5 P.M.", "at five pm"),
        ("visit www.asterisk.org", "visit WWW asterisk org"),
        ("$20 & more", "twenty dollars and more"),
        ("please wait (simple tone plays) [beep]", "please wait"),
        ("your call was cancelled", "your call was canceled"),
    ],
)
def test_what_sounds_the_same_is_no_error(said: str, heard: str) -> None:
    """Numbers, letters, contractions, signs, notes and spelling."""
    assert word_errors(normalise(said), normalise(heard)) == 0


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("voice mail", "voicemail", 0),
        ("to rerecord it", "to re record it", 0),
        ("the caller was", "the color was", 1),
        ("", "you", 1),
        ("press one now", "", 3),
        ("press 15", "press 50", 1),
        ("a b c d".replace(" ", " then "), "a then b then d", 2),
    ],
)
def test_what_differs_is_counted(said: str, heard: str, errors: int) -> None:
    """Words changed, left out or put in; compounds are forgiven."""
    assert word_errors(normalise(said), normalise(heard)) == errors


def test_the_rate_is_over_words_and_its_interval_over_clips() -> None:
    """Two errors in 200 words of 20 clips, both in one clip: 1 %, and possibly none."""
    scores = [Score(str(number), "", "", 2 if number == 3 else 0, 10) for number in range(20)]
    rate = error_rate(scores)
    assert rate.rate == pytest.approx(0.01)
    assert rate.low == 0.0
    assert 0.01 < rate.high < 0.06
    assert (rate.words, rate.clips) == (200, 20)
    assert [bad.clip for bad in worst(scores)] == ["3"]


def test_the_prompts_are_all_those_with_four_words_and_a_recording(tmp_path: Path) -> None:
    """Comments, notes, short prompts and prompts without sound stay out; the rest come in order of their names."""
    told = (
        "; a comment: with a colon and words\n\nvm-b: Please call me back.\nvm-a: Nobody is at home: try again.\n"
        "short: Thank you.\ntone: [a simple beep tone here]\nno-sound: These words were never recorded.\n"
        "spelt: M I S D N\n"
    )
    transcripts = tmp_path / ASTERISK_TRANSCRIPTS
    transcripts.parent.mkdir(parents=True)
    transcripts.write_bytes(gzip.compress(told.encode()))
    (tmp_path / ASTERISK_SOUNDS).mkdir(parents=True)
    for name in ("vm-a", "vm-b", "short", "tone", "spelt"):
        soundfile.write(tmp_path / ASTERISK_SOUNDS / f"{name}.wav", np.zeros(80, dtype=np.int16), 8000)
    clips = asterisk_clips(tmp_path)
    assert [(clip.name, clip.transcript) for clip in clips] == [
        ("vm-a", "Nobody is at home: try again."),
        ("vm-b", "Please call me back."),
    ]


def test_ljspeech_transcripts_stand_in_the_last_column(tmp_path: Path) -> None:
    """A clip whose sound is missing is left out."""
    (tmp_path / "metadata.csv").write_text(
        'A|in "1963"|in "nineteen sixty-three" he left\nB|x|one two three four five\n'
    )
    soundfile.write(tmp_path / "A.flac", np.zeros(80, dtype=np.int16), 22050)
    assert [clip.name for clip in ljspeech_clips(tmp_path)] == ["A"]


def test_a_recording_comes_out_of_the_line_at_8_khz_nearly_as_it_went_in(tmp_path: Path) -> None:
    """A 440 Hz tone at 22 kHz: its length and pitch stay, mu-law adds a little noise."""
    tone = (8000 * np.sin(np.arange(22050) * 2 * np.pi * 440 / 22050)).astype(np.int16)
    soundfile.write(tmp_path / "tone.wav", tone, 22050)
    heard = through_telephone(tmp_path / "tone.wav")
    spectrum = np.abs(np.fft.rfft(heard[:8000].astype(np.float64)))
    assert len(heard) == 8000
    assert int(spectrum.argmax()) == 440
    assert np.abs(heard).max() == pytest.approx(8000, rel=0.1)


def test_a_score_tells_what_was_compared() -> None:
    """Normalised words of both sides."""
    one = score(Clip("x", Path("x.wav"), "Press 1 for help."), "press one for kelp")
    assert (one.reference, one.heard, one.errors, one.words) == ("press 1 for help", "press 1 for kelp", 1, 4)
