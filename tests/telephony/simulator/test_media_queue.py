"""The simulated exchange keeps what was seen of the real one."""

from __future__ import annotations

from telephony.simulator.media_queue import MOST_FRAMES, XOFF_AT, MediaQueue

FRAME = b"\x20" * 160


def test_it_plays_frame_by_frame_and_reaches_marks() -> None:
    """A message of two frames, a mark, then silence."""
    queue = MediaQueue()
    queue.put(FRAME * 2, sounding=True)
    queue.mark("m")
    assert queue.tick().marks == ()
    second = queue.tick()
    assert (second.ulaw, second.sounding, second.marks) == (FRAME, True, ("m",))
    assert not queue.tick().sounding


def test_what_fills_no_frame_is_dropped() -> None:
    """As Asterisk does without buffering."""
    queue = MediaQueue()
    queue.put(FRAME + b"\x20" * 40, sounding=True)
    assert (len(queue), queue.dropped_bytes) == (1, 40)


def test_a_flush_drops_marks_without_a_word() -> None:
    """They are never reported."""
    queue = MediaQueue()
    queue.put(FRAME * 50, sounding=True)
    queue.mark("m")
    queue.flush()
    assert (len(queue), queue.tick().marks) == (0, ())


def test_it_says_when_it_is_full_and_when_no_more() -> None:
    """XOFF at 900 once, XON below 800 once; a thousand and no more are kept."""
    queue = MediaQueue()
    queue.put(FRAME * XOFF_AT, sounding=True)
    assert (queue.news(), queue.news()) == ("MEDIA_XOFF", None)
    queue.put(FRAME * 200, sounding=True)
    assert len(queue) == MOST_FRAMES
    told = []
    while len(queue) > 790:
        queue.tick()
        told.append(queue.news())
    assert [news for news in told if news] == ["MEDIA_XON"]
