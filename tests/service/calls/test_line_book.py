"""Scenes of news from carriers: twice, late, in any order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from service.calls.line_book import LineBook
from telephony.carrier import CallTold, LineStatus


def told(status: LineStatus, order: int | None, call_id: str = "c") -> CallTold:
    """One piece of news."""
    return CallTold(call_id, status, order, f"{call_id}:{order}:{status}")


STORY = (
    told(LineStatus.QUEUED, 0),
    told(LineStatus.RINGING, 1),
    told(LineStatus.IN_PROGRESS, 2),
    told(LineStatus.COMPLETED, 3),
)


def test_a_call_only_moves_forward() -> None:
    """What comes late or again changes nothing."""
    book = LineBook()
    assert [book.take("twilio", news) for news in STORY] == [True] * 4
    assert [book.take("twilio", news) for news in reversed(STORY)] == [False] * 4
    assert book.standing("twilio", "c") is LineStatus.COMPLETED
    assert book.standing("telnyx", "c") is None


def test_a_carrier_that_numbers_nothing_moves_by_the_status_alone() -> None:
    """The first end that is told stands."""
    book = LineBook()
    news = [told(status, None) for status in (LineStatus.IN_PROGRESS, LineStatus.BUSY, LineStatus.COMPLETED)]
    assert [book.take("telnyx", one) for one in news] == [True, True, False]
    assert book.standing("telnyx", "c") is LineStatus.BUSY


_news = st.builds(told, st.sampled_from(list(LineStatus)), st.integers(0, 6))


@given(st.lists(_news, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_end_is_the_same_in_whatever_order_and_however_often_news_come(
    news: list[CallTold], chance: random.Random
) -> None:
    """Each one to five times, shuffled, against the same news once and in order."""
    once, often = LineBook(), LineBook()
    for one in sorted(set(news), key=lambda one: (one.status.rank, one.order)):
        once.take("twilio", one)
    delivered = [one for one in news for _ in range(chance.randint(1, 5))]
    chance.shuffle(delivered)
    moved = sum(often.take("twilio", one) for one in delivered)
    assert moved <= len(set(news))
    left, right = once.standing("twilio", "c"), often.standing("twilio", "c")
    assert left is not None
    assert right is not None
    assert left.rank == right.rank


def test_two_thousand_pieces_of_news_of_many_calls_leave_what_an_orderly_day_leaves() -> None:
    """Five hundred calls, each piece one to five times, one in ten late."""
    chance = random.Random(10)
    calls = [f"c{number}" for number in range(500)]
    day = [told(news.status, news.order, call_id) for call_id in calls for news in STORY]
    delivered = [news for news in day for _ in range(chance.randint(1, 5))]
    delivered.sort(key=lambda news: (calls.index(news.call_id) + (chance.random() < 0.1) * 200, chance.random()))
    book = LineBook()
    ended = [news.call_id for news in delivered if book.take("twilio", news) and news.status.is_over]
    assert sorted(ended) == sorted(calls)
    assert {book.standing("twilio", call_id) for call_id in calls} == {LineStatus.COMPLETED}


def test_the_book_forgets_the_oldest_call() -> None:
    """It has a size."""
    book = LineBook(kept=2)
    for call_id in ("a", "b", "c"):
        book.take("twilio", told(LineStatus.RINGING, 1, call_id))
    assert [book.standing("twilio", call_id) for call_id in ("a", "b", "c")] == [None, *[LineStatus.RINGING] * 2]
