"""How well speech is recognised: telephone-rate prompts with transcripts, a text normaliser, word error rate.

The sets are fixed by rule, never by hand: every prompt that has a recording and whose normalised transcript has at
least `MIN_WORDS` words. Scoring forgives what a listener would not call an error: case, punctuation, digits or words
for numbers, contractions, and compounds written apart or together.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pipelines.learning.line import Line
from pipelines.ports import Pcm

MIN_WORDS = 4

ASTERISK_SOUNDS = Path("usr/share/asterisk/sounds/en_US_f_Allison")
ASTERISK_TRANSCRIPTS = Path("usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
"""Where Debian's asterisk-core-sounds-en-wav and asterisk-core-sounds-en put recordings and transcripts."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording with its transcript.

    Attributes:
        name: name within its set.
        file: audio file, any rate.
        transcript: as published, not normalised.
    """

    name: str
    file: Path
    transcript: str


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one clip against its reference words."""

    clip: str
    reference: str
    heard: str
    errors: int
    words: int


def asterisk_clips(root: Path) -> list[Clip]:
    """Asterisk's English prompts by Allison Smith (CC BY-SA 3.0): all with at least MIN_WORDS words, sorted by name.

    Args:
        root: folder that holds `usr/share/...` of both Debian packages; `/` where they are installed.

    Raises:
        FileNotFoundError: recordings or transcripts are missing.
    """
    with gzip.open(root / ASTERISK_TRANSCRIPTS, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file if ":" in line and not line.startswith(";")]
    clips: list[Clip] = []
    for line in lines:
        name, transcript = line.split(":", 1)
        audio = root / ASTERISK_SOUNDS / f"{name}.wav"
        if audio.is_file() and len(normalise(transcript)) >= MIN_WORDS:
            clips.append(Clip(name, audio, transcript.strip()))
    return sorted(clips, key=lambda clip: clip.name)


def ljspeech_clips(folder: Path) -> list[Clip]:
    """LJSpeech clips (public domain) of a folder with `metadata.csv`: all with at least MIN_WORDS words."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    clips = [Clip(row[0], folder / f"{row[0]}.flac", row[-1]) for row in rows]
    return [clip for clip in clips if clip.file.is_file() and len(normalise(clip.transcript)) >= MIN_WORDS]


def through_telephone(file: Path) -> Pcm:
    """A recording as it arrives over a telephone line: mono, LINE_RATE_HZ, mu-law and back."""
    samples, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
    return Line().carry(np.ascontiguousarray(samples[:, 0]), rate_hz, np.random.default_rng(0))


_ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_ONES)} | {w: 10 * (i + 2) for i, w in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
    **{f"{word}th": value for word, value in _VALUES.items() if value in {4, 6, 7, 10, 11} or 13 <= value <= 19},
    **{f"{word[:-1]}ieth": value for word, value in _VALUES.items() if value >= 20},
}  # fmt: skip
_CONTRACTIONS = [
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b", "can not"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ll\b", " will"),
    (r"'ve\b", " have"),
    (r"\bi'm\b", "i am"),
    (r"\b(it|that|there|here|what|who|he|she|where|let)'s\b", r"\1 is"),
    (r"\b(i|you|he|she|we|they)'d\b", r"\1 would"),
]
_SAME = {
    **{"ok": "okay", "mister": "mr", "doctor": "dr", "whilst": "while", "hash": "pound"},
    **{"dialled": "dialed", "cancelled": "canceled", "labelled": "labeled", "travelled": "traveled"},
}


def normalise(text: str) -> list[str]:
    """Words as they are compared: lower case, no punctuation or notes in brackets, numbers as digits.

    A run of spoken numbers becomes one (`one two three` = `123`), so grouping of digits is never an error.
    """
    text = re.sub(r"\[[^]]*\]|\([^)]*\)|<[^>]*>", " ", text.lower().replace("\u2019", "'"))
    text = text.replace("*", " star ").replace("#", " pound ").replace("&", " and ").replace("%", " percent ")
    text = re.sub(r"\$\s?([\d.,]+)", r"\1 dollars", text)
    for pattern, plain in _CONTRACTIONS:
        text = re.sub(pattern, plain, text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"(?<=\d)\.(?=\d)|(?<=[a-z])\.(?=[a-z]{2,})", " point ", text) if re.search(r"\d\.\d", text) else text
    text = re.sub(r"[.'](?=[a-z]\b)", "", text)
    words = re.findall(r"[a-z]+|\d+(?:st|nd|rd|th)?", text.replace("'", ""))
    return [_SAME.get(word, word) for word in _join_letters(_join_numbers(words))]


def _join_letters(words: Sequence[str]) -> list[str]:
    """Spelt letters in a row become one word: `v o i p`; the words a and i only inside such a run."""
    joined: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            joined.extend([run] if len(run) > 2 or not set(run) & {"a", "i"} else list(run))
            run = ""
        if word:
            joined.append(word)
    return joined


def _join_numbers(words: Sequence[str]) -> list[str]:
    """Number words become digits; numbers in a row become one; ordinals end in `th`."""
    joined: list[str] = []
    digits = ""
    group: int | None = None
    for word in [*words, ""]:
        value = _VALUES.get(word)
        if word in _SCALES and (group is not None or digits):
            digits, group = ("", int(digits) * _SCALES[word]) if group is None else (digits, group * _SCALES[word])
        elif value is not None and group is not None and _completes(group, value):
            group += value
        elif value is not None or word.isdigit():
            digits += "" if group is None else str(group)
            digits, group = (digits, value) if value is not None else (digits + word, None)
        elif word in _ORDINALS and group is not None and _completes(group, _ORDINALS[word]):
            joined.append(f"{digits}{group + _ORDINALS[word]}th")
            digits, group = "", None
        else:
            digits += "" if group is None else str(group)
            ordinal = f"{_ORDINALS[word]}th" if word in _ORDINALS else re.sub(r"(?<=\d)(st|nd|rd)$", "th", word)
            joined.extend(part for part in (digits, ordinal) if part)
            digits, group = "", None
    return joined


def _completes(group: int, value: int) -> bool:
    """Whether a number word goes on with the number before: twenty-one, five hundred twelve."""
    if group >= 100 and group % 100 == 0:
        return value > 0
    return group % 100 >= 20 and group % 10 == 0 and 0 < value < 10


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words put in, left out or changed; two words equal to one written together are no error."""
    before: list[int] = []
    last = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        row = [i]
        for j, guess in enumerate(heard, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (word != guess))
            if i > 1 and reference[i - 2] + word == guess:
                cost = min(cost, before[j - 1])
            if j > 1 and heard[j - 2] + guess == word:
                cost = min(cost, last[j - 2])
            row.append(cost)
        before, last = last, row
    return last[-1]


def score(clip: Clip, heard: str) -> Score:
    """Errors of what was heard in one clip."""
    reference, guess = normalise(clip.transcript), normalise(heard)
    return Score(clip.name, " ".join(reference), " ".join(guess), word_errors(reference, guess), len(reference))


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Word error rate of a set with its 95 % bootstrap interval over clips, all as fractions."""

    rate: float
    low: float
    high: float
    words: int
    clips: int


def error_rate(scores: Sequence[Score], *, resamples: int = 2000, seed: int = 1) -> ErrorRate:
    """Word error rate over all words of the clips; clips are what is resampled, since errors cluster in them."""
    errors = np.array([one.errors for one in scores], dtype=np.float64)
    words = np.array([one.words for one in scores], dtype=np.float64)
    picks = np.random.default_rng(seed).integers(0, len(scores), (resamples, len(scores)))
    rates = errors[picks].sum(axis=1) / words[picks].sum(axis=1)
    low, high = np.quantile(rates, [0.025, 0.975])
    return ErrorRate(float(errors.sum() / words.sum()), float(low), float(high), int(words.sum()), len(scores))


def worst(scores: Sequence[Score]) -> list[Score]:
    """Clips with errors, most errors first."""
    return sorted((one for one in scores if one.errors), key=lambda one: -one.errors)
