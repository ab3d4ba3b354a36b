"""What was heard, and from where an answer goes on."""

from __future__ import annotations

import numpy as np

from pipelines.ports import Pcm, SpokenWord
from pipelines.turns.playout import Piece, Playout

RATE = 8000
WORDS = ("please", "hold", "the", "button")


def sentence(words: tuple[str, ...] = WORDS, each_s: float = 0.5) -> tuple[Pcm, list[SpokenWord]]:
    """Words of equal length."""
    times = [SpokenWord(word, each_s * place) for place, word in enumerate(words)]
    return np.full(int(RATE * each_s * len(words)), 1000, np.int16), times


def speaking(*, protected: bool = False) -> Playout[str]:
    """A playout with one sentence between two notes."""
    playout: Playout[str] = Playout(RATE)
    playout.add_note("begin")
    playout.add_sound(*sentence(), protected=protected)
    playout.add_note("end")
    return playout


def send(playout: Playout[str], seconds: float) -> list[str | int]:
    """Send so much, all of it taken by the line; samples of a piece or the note."""
    out: list[str | int] = []
    left = int(seconds * RATE)
    while left > 0:
        item = playout.next(min(left, 320))
        if item is None:
            break
        if isinstance(item, Piece):
            playout.wrote(len(item.pcm))
            left -= len(item.pcm)
            out.append(len(item.pcm))
        else:
            playout.passed(item)
            out.append(item)
    return out


def test_notes_keep_their_place_between_the_sounds() -> None:
    """Everything comes out in order and once."""
    playout = speaking()
    out = send(playout, 10)
    last = playout.next(320)
    assert out[0] == "begin"
    assert out[-1] == "end" or last == "end"
    assert sum(item for item in out if isinstance(item, int)) == 2 * RATE
    assert not playout.sounding


def test_heard_is_what_the_line_took_to_the_word() -> None:
    """A word counts once half of it was written."""
    playout = speaking()
    send(playout, 0.7)
    assert playout.heard(0) == "please"
    send(playout, 0.1)
    assert playout.heard(0) == "please hold"


def test_an_answer_goes_on_with_the_word_it_broke_off_in() -> None:
    """What was sent and thrown away by the carrier is sent again, softly from the word's beginning."""
    playout = speaking()
    send(playout, 0.7)
    assert isinstance(playout.next(320), Piece)  # on its way when the carrier's buffer was cleared
    playout.back_to_word()
    again = playout.next(320)
    assert playout.written == RATE // 2
    assert isinstance(again, Piece)
    assert again.pcm[0] == 0
    send(playout, 10)
    assert playout.heard(0) == "please hold the button"


def test_a_word_that_was_almost_whole_is_not_said_twice() -> None:
    """Near the end of a word the answer goes on right there."""
    playout = speaking()
    send(playout, 0.96)
    playout.back_to_word()
    assert playout.written == int(0.96 * RATE)


def test_notes_that_were_lost_on_the_line_come_again() -> None:
    """A note that did not come out at the far end before the turn back is sent a second time."""
    playout = speaking()
    playout.next(320)
    send(playout, 2.0)
    assert playout.next(320) == "end"
    playout.back_to_word()
    playout.passed("begin")
    send(playout, 1.0)
    assert playout.next(320) == "end" or not playout.holds(lambda note: note == "end")


def test_a_cut_drops_the_rest() -> None:
    """After an interruption nothing of the answer is left, and what was heard is known."""
    playout = speaking()
    send(playout, 1.2)
    heard = playout.heard(0)
    playout.cut(lambda note: False)
    assert heard == "please hold"
    assert playout.next(320) is None
    assert not playout.sounding


def test_a_cut_leaves_what_is_protected() -> None:
    """The notice goes on to its end with its own note; what follows it is dropped."""
    playout = speaking(protected=True)
    playout.add_sound(*sentence(("hello",)), protected=False)
    playout.add_note("greeting")
    send(playout, 0.7)
    playout.cut(lambda note: note == "end")
    assert playout.protected
    out = send(playout, 10)
    assert "end" in [*out, playout.next(320)]
    assert playout.heard(0) == "please hold the button"
    assert not playout.sounding
