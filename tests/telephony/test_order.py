"""Scenes of audio that comes out of order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from telephony.order import ChunkOrder


def put(order: ChunkOrder, *chunks: int) -> list[int]:
    """What comes out of pieces that are named after their numbers."""
    return [byte for chunk in chunks for byte in order.put(chunk, bytes([chunk % 256]))]


def test_what_is_in_order_goes_straight_through() -> None:
    """From whatever number it begins with."""
    assert put(ChunkOrder(), 7, 8, 9) == [7, 8, 9]


def test_two_that_were_swapped_are_swapped_back() -> None:
    """And a repetition is dropped."""
    assert put(ChunkOrder(), 1, 3, 2, 2, 3, 4) == [1, 2, 3, 4]


def test_a_lost_piece_holds_the_others_back_for_a_while_only() -> None:
    """After five waiting pieces it is given up; when it comes after all it is too late."""
    assert put(ChunkOrder(), 1, 3, 4, 5, 6, 7) == [1]
    assert put(ChunkOrder(), 1, 3, 4, 5, 6, 7, 8, 2, 9) == [1, 3, 4, 5, 6, 7, 8, 9]


def test_a_forged_number_does_not_silence_a_call() -> None:
    """Neither a huge one nor the return to the real ones costs more than a piece."""
    order = ChunkOrder()
    heard = put(order, 1, 2, 3)
    order.put(10**17, b"")
    assert heard + put(order, 4, 5, 6) == [1, 2, 3, 4, 5, 6]


@given(st.lists(st.integers(0, 300), max_size=60))
def test_nothing_is_held_for_ever(chunks: list[int]) -> None:
    """Whatever the numbers, at most the window waits and nothing comes out twice."""
    order = ChunkOrder()
    out = [bytes([n]) for n in range(len(chunks))]
    heard = b"".join(order.put(chunk, piece) for chunk, piece in zip(chunks, out, strict=True))
    assert len(heard) == len(set(heard))


@given(st.randoms(use_true_random=False))
def test_neighbours_in_any_order_come_out_in_order(chance: random.Random) -> None:
    """Within the window."""
    chunks = list(range(1, 61))
    for at in range(1, 57, 4):
        piece = chunks[at : at + 4]
        chance.shuffle(piece)
        chunks[at : at + 4] = piece
    assert put(ChunkOrder(), *chunks) == list(range(1, 61))
