"""Estimated word times: in order, within the speech, and for the words as they were written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ports import SpokenWord
from pipelines.speech.phonemes import LONGEST_PHRASE, Word, phrases
from pipelines.speech.word_times import estimate_starts, onto_written

WORD = st.builds(Word, st.text("ab", min_size=1, max_size=5), st.text("\u02c8hl\u0259Or,.", min_size=1, max_size=12))


def test_longer_words_take_longer_and_a_comma_takes_a_breath() -> None:
    """Three words, the first with a comma behind it."""
    words = [Word("Well", "w\u02c8\u025bl,"), Word("that", "\u00f0\u00e6t"), Word("I", "I")]
    starts = [word.start_s for word in estimate_starts(words, 1.0, 2.0)]
    assert starts[0] == 1.0
    assert starts[1] - starts[0] > 1.5 * (starts[2] - starts[1])
    assert starts[2] - starts[1] > 2.0 - starts[2]


@given(st.lists(WORD, max_size=20), st.floats(0, 10), st.floats(0.1, 20))
def test_times_rise_and_stay_within_the_speech(words: list[Word], start_s: float, length_s: float) -> None:
    """Whatever the phonemes are."""
    starts = [word.start_s for word in estimate_starts(words, start_s, start_s + length_s)]
    assert starts == sorted(starts)
    assert all(start_s <= one <= start_s + length_s + 1e-6 for one in starts)


def test_what_is_spoken_as_many_words_is_written_as_one() -> None:
    """An amount gets the time of its first word, an emoji that of what follows, the last picture the end."""
    spoken = [SpokenWord(word, place * 0.5) for place, word in enumerate(["Pay", "five", "pounds", "now"])]
    placed = onto_written("Pay \u00a35 \U0001f600 now! \U0001f44d", spoken, 2.0)
    assert placed == (
        SpokenWord("Pay", 0.0),
        SpokenWord("\u00a35", 0.5),
        SpokenWord("\U0001f600", 1.0),
        SpokenWord("now!", 1.5),
        SpokenWord("\U0001f44d", 2.0),
    )


@given(st.text(max_size=60), st.lists(st.text("abc1", min_size=1, max_size=3), max_size=20))
def test_exactly_the_written_words_come_back(text: str, said: list[str]) -> None:
    """Each once, in order, with times that never fall."""
    placed = onto_written(text, [SpokenWord(word, place * 0.3) for place, word in enumerate(said)], len(said) * 0.3)
    assert [word.word for word in placed] == text.split()
    starts = [word.start_s for word in placed]
    assert starts == sorted(starts)


@given(st.lists(WORD, max_size=120))
def test_long_sentences_are_cut_and_nothing_that_sounds_is_lost(words: list[Word]) -> None:
    """No phrase is longer than a voice takes; only the last one ends the sentence."""
    cut = list(phrases(words))
    assert all(len(phrase.phonemes) <= LONGEST_PHRASE for phrase in cut)
    assert all(any(word.sounds for word in phrase.words) for phrase in cut)
    assert not any(phrase.ends_sentence for phrase in cut[:-1])
    assert sum(word.sounds for phrase in cut for word in phrase.words) == sum(word.sounds for word in words)
