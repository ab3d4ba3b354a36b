"""English text to phonemes, word by word, by hibari's grapheme-to-phoneme rules; Kokoro shares their alphabet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hibari.g2p import G2P
from hibari.g2p.normalize import normalize
from hibari.tts import ASSETS, Hibari

from pipelines.speech.spoken_text import for_the_ear

LONGEST_PHRASE = 400
"""Phonemes that the voices take at once; longer sentences are cut, after a comma where there is one."""

LONGEST_TEXT = 1500
"""Characters spoken at once, some hundred seconds; the rest is not spoken."""

_LONGEST_WORD = re.compile(r"(\S{30})(?=\S)")
"""The rules' time grows with the cube of a word's pieces ('a-a-a-...' of 1000 characters: minutes), so cut it."""
_PLAIN = re.compile(r"[^A-Za-z' .,?!]+")
_SOUNDLESS = frozenset('ˈˌː ;:,.!?—…"()“”')


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it is spoken.

    Attributes:
        text: letters, as the rules understood them ('pounds' is no word of its own where '£5' was written).
        phonemes: with stress marks and the punctuation that follows.
    """

    text: str
    phonemes: str

    @property
    def sounds(self) -> int:
        """How many phonemes can be heard."""
        return sum(phoneme not in _SOUNDLESS for phoneme in self.phonemes)

    @property
    def ends_clause(self) -> bool:
        """Whether a short pause follows inside the sentence."""
        return self.phonemes[-1:] in (*",;:—…", ")", "”")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a voice speaks at once: a sentence, or a piece of one that is too long.

    Attributes:
        words: in order; at least one of them sounds.
        ends_sentence: whether the pause of a sentence follows.
    """

    words: tuple[Word, ...]
    ends_sentence: bool

    @property
    def phonemes(self) -> str:
        """The whole phrase in the voices' alphabet."""
        return " ".join(word.phonemes for word in self.words)


class EnglishPhonemes:
    """Reads English text; thread-safe after construction. Loading takes a second or two."""

    def __init__(self, *, british: bool) -> None:
        """Load the dictionaries and the network for unknown words."""
        self._rules = G2P(british=british)
        self._alphabet: dict[str, int] = json.loads((Path(ASSETS) / "vocab.json").read_text(encoding="utf-8"))
        self.read("Zyblorq.")

    def read(self, text: str) -> tuple[Phrase, ...]:
        """Phrases to speak; none where there is nothing to say. Any text is taken, none raises."""
        heard = _LONGEST_WORD.sub(r"\1 ", for_the_ear(text[:LONGEST_TEXT]))
        return tuple(phrase for sentence in Hibari.split_sentences(heard) for phrase in phrases(self._words(sentence)))

    def ids(self, phonemes: str) -> list[int]:
        """Network inputs, with the silence that the voices expect on both sides."""
        return [0, *(self._alphabet[phoneme] for phoneme in phonemes), 0]

    def _words(self, sentence: str) -> list[Word]:
        try:
            return list(self._read_words(sentence))
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
            plain = _PLAIN.sub(" ", sentence)  # a number of 40 digits, say, is beyond the rules: read the words alone
        try:
            return list(self._read_words(plain))
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
            return []

    def _read_words(self, sentence: str) -> Iterator[Word]:
        text = phonemes = ""
        for token in self._rules.phonemize_tokens(self._rules.tokenize(normalize(sentence))):
            text += token.text
            phonemes += "".join(phoneme for phoneme in token.phonemes or "" if phoneme in self._alphabet)
            if token.whitespace:
                yield Word(text, phonemes)
                text = phonemes = ""
        yield Word(text, phonemes)


def phrases(words: Iterable[Word]) -> Iterator[Phrase]:
    """Cut one sentence where it is longer than a voice takes, after its last clause that fits."""
    held: list[Word] = []
    for word in words:
        word = Word(word.text, word.phonemes[:LONGEST_PHRASE])
        if sum(len(one.phonemes) + 1 for one in (*held, word)) > LONGEST_PHRASE:
            cut = next((place for place in range(len(held), 0, -1) if held[place - 1].ends_clause), len(held))
            yield from _sounding(held[:cut], ends_sentence=False)
            held = held[cut:]
        held.append(word)
    yield from _sounding(held, ends_sentence=True)


def _sounding(words: list[Word], *, ends_sentence: bool) -> Iterator[Phrase]:
    kept = tuple(word for word in words if word.phonemes)
    if any(word.sounds for word in kept):
        yield Phrase(kept, ends_sentence)
