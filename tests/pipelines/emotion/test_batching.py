"""Which utterances share a batch, and when: in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.emotion.batching import BatchBook, Limits, Rest, Run, Waiting, Why

SIZE = 64_000
"""Four seconds."""


def come(book: BatchBook, ticket: int, at_s: float, size: int = SIZE, within_s: float = 0.2) -> Why | None:
    """An utterance comes."""
    return book.admit(Waiting(ticket, size, at_s, at_s + within_s))


def crowd(book: BatchBook, count: int, at_s: float, gap_s: float = 0.001) -> float:
    """Utterances come thick and fast; returns when the last one came."""
    for ticket in range(count):
        assert come(book, ticket, at_s + ticket * gap_s) is None
    return at_s + (count - 1) * gap_s


def busy_line(book: BatchBook, until_s: float) -> None:
    """Many came and hung up again: the book expects more of them soon."""
    for ticket in range(1000, 1060):
        come(book, ticket, until_s - (1060 - ticket) * 0.001)
        book.leave(ticket)


def test_a_lone_utterance_does_not_wait() -> None:
    """Nobody else is expected, so there is nothing to wait for."""
    book = BatchBook(Limits())
    come(book, 1, 10.0)
    assert book.next(10.0) == Run((1,), SIZE)
    assert book.next(10.0) == Rest(None)


def test_in_a_crowd_a_batch_may_fill_for_twenty_milliseconds() -> None:
    """Counted from the one who has waited longest; a full batch goes at once."""
    book = BatchBook(Limits(rows=8))
    busy_line(book, 5.0)
    crowd(book, 3, 5.0)
    assert book.next(5.002) == Rest(5.02)
    assert book.next(5.02) == Run((0, 1, 2), SIZE)
    crowd(book, 9, 5.03)
    assert book.next(5.04) == Run((0, 1, 2, 3, 4, 5, 6, 7), SIZE)


def test_filling_a_batch_never_makes_an_answer_late() -> None:
    """With 10 ms to spare after the computing, 10 ms are waited."""
    book = BatchBook(Limits(rows=4))
    book.ran(4, SIZE, 0.08)
    busy_line(book, 5.0)
    come(book, 1, 5.0, within_s=0.09)
    assert book.next(5.0) == Rest(5.01)
    assert book.next(5.01) == Run((1,), SIZE)


def test_much_shorter_ones_wait_for_a_batch_of_their_own() -> None:
    """Padding to more than double is waste; a longer one is never cut."""
    book = BatchBook(Limits())
    for ticket, size in enumerate((SIZE, SIZE // 4, SIZE, SIZE // 2, 2 * SIZE)):
        come(book, ticket, 1.0 + ticket / 100, size, within_s=1.0)
    assert book.next(1.06) == Run((0, 2, 3), SIZE)
    assert book.next(1.06) == Run((1,), SIZE // 4)
    assert book.next(1.06) == Run((4,), 2 * SIZE)


def test_a_network_without_a_mask_gets_one_length_a_batch() -> None:
    """Nothing is mixed."""
    book = BatchBook(Limits(mixes=False))
    for ticket, size in enumerate((SIZE, SIZE - 4000, SIZE)):
        come(book, ticket, 1.0 + ticket / 100, size)
    assert book.next(1.06) == Run((0, 2), SIZE)
    assert book.next(1.06) == Run((1,), SIZE - 4000)


def test_a_full_queue_refuses() -> None:
    """Whoever left makes room."""
    book = BatchBook(Limits(waiting=2))
    assert [come(book, ticket, 1.0) for ticket in range(3)] == [None, None, Why.FULL]
    book.leave(0)
    assert come(book, 4, 1.0) is None


def test_who_would_be_late_is_refused_at_the_door() -> None:
    """Three seconds of computing are ahead, and the answer is wanted in one."""
    book = BatchBook(Limits())
    book.ran(1, SIZE, 0.5)
    assert [come(book, ticket, 1.0, within_s=1.2) for ticket in range(3)] == [None, None, Why.LATE]


def test_who_became_late_is_given_up_but_one_shows_the_pace_anew() -> None:
    """A GPU that once was slow is asked again, else it would be left alone for ever."""
    book = BatchBook(Limits())
    crowd(book, 3, 1.0)
    book.ran(1, SIZE, 5.0)
    assert book.next(1.1) == Run((2,), SIZE)
    assert book.late == [0, 1]
    come(book, 9, 2.0)
    assert book.next(2.5) == Rest(None)
    assert book.late == [0, 1, 9], "it is late already: nobody waits for it"


def test_memory_bounds_the_batch_until_many_went_well() -> None:
    """Half of what did not fit, by its padded length; doubled after a hundred batches."""
    book = BatchBook(Limits(rows=8))
    book.did_not_fit(8, SIZE)
    crowd(book, 8, 1.0)
    assert book.next(1.05) == Run((0, 1, 2, 3), SIZE)
    book.did_not_fit(1, 2 * SIZE)
    assert book.next(1.06) == Run((4,), SIZE)
    for _ in range(300):
        book.ran(1, SIZE, 1e-6)
    crowd(book, 8, 2.0)
    assert book.next(2.05) == Run((0, 1, 2, 3, 4, 5, 6, 7), SIZE)


@given(
    gaps=st.lists(st.floats(0, 0.1), min_size=1, max_size=40),
    sizes=st.lists(st.sampled_from([SIZE // 4, SIZE, 3 * SIZE]), min_size=40, max_size=40),
    pace_s=st.floats(1e-9, 1e-5),
)
def test_everybody_is_answered_once_or_given_up_and_nobody_waits_on_an_idle_gpu(
    gaps: list[float], sizes: list[int], pace_s: float
) -> None:
    """Whatever comes: no ticket is lost or run twice, and an idle GPU lets no one wait for more than 20 ms."""
    limits = Limits(rows=4, waiting=16)
    book, now_s = BatchBook(limits), 0.0
    came: dict[int, float] = {}
    seen: list[int] = []
    refused: list[int] = []

    def run_until(until_s: float | None) -> None:
        nonlocal now_s
        while True:
            step = book.next(now_s)
            match step:
                case Run(tickets, size):
                    assert len(tickets) <= limits.rows
                    assert all(sizes[ticket] <= size for ticket in tickets)
                    assert now_s <= max(min(came[ticket] for ticket in tickets) + limits.linger_s, free_s) + 1e-9
                    seen.extend(tickets)
                    book.ran(len(tickets), size, len(tickets) * size * pace_s)
                case Rest(at_s):
                    if at_s is None or (until_s is not None and at_s > until_s):
                        return
                    assert at_s > now_s
                    now_s = at_s

    free_s = 0.0
    for ticket, gap_s in enumerate(gaps):
        now_s += gap_s
        free_s = now_s
        came[ticket] = now_s
        if come(book, ticket, now_s, sizes[ticket]) is not None:
            refused.append(ticket)
        run_until(now_s)
    run_until(None)
    assert sorted(seen + refused + book.late) == list(range(len(gaps)))
    assert len(book) == 0
