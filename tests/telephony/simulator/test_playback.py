"""Scenes of the carrier's playback buffer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telephony.simulator.playback import PlaybackBuffer

SILENCE = b"\xff" * 160


def test_an_empty_buffer_plays_silence() -> None:
    """And reaches no mark."""
    played = PlaybackBuffer().tick()
    assert (played.ulaw, played.sounding, played.marks) == (SILENCE, False, ())


def test_a_mark_is_reached_when_the_audio_before_it_was_played() -> None:
    """400 bytes are two and a half ticks; the mark comes with the last of them."""
    buffer = PlaybackBuffer()
    buffer.put(b"\x01" * 400, sounding=True)
    buffer.mark("end")
    buffer.put(b"\x02" * 160, sounding=False)
    played = [buffer.tick() for _ in range(4)]
    assert [p.marks for p in played] == [(), (), ("end",), ()]
    assert b"".join(p.ulaw for p in played) == b"\x01" * 400 + b"\x02" * 160 + b"\xff" * 80
    assert [p.sounding for p in played] == [True, True, True, False]


def test_clear_gives_the_marks_back() -> None:
    """Nothing is left to play."""
    buffer = PlaybackBuffer()
    buffer.put(b"\x01" * 400, sounding=True)
    buffer.mark("a")
    buffer.mark("b")
    assert buffer.clear() == ("a", "b")
    assert buffer.tick().ulaw == SILENCE


@given(st.lists(st.binary(min_size=1, max_size=500) | st.text(max_size=3), max_size=20))
def test_everything_comes_out_once_and_in_order(items: list[bytes | str]) -> None:
    """Whatever the sizes: 160 bytes a tick, all audio, all marks, none before its audio."""
    buffer = PlaybackBuffer()
    for item in items:
        if isinstance(item, str):
            buffer.mark(item)
        else:
            buffer.put(item, sounding=True)
    audio = b"".join(item for item in items if isinstance(item, bytes))
    ticks = [buffer.tick() for _ in range(len(audio) // 160 + 2)]
    assert all(len(tick.ulaw) == 160 for tick in ticks)
    assert b"".join(tick.ulaw for tick in ticks).startswith(audio)
    assert [name for tick in ticks for name in tick.marks] == [item for item in items if isinstance(item, str)]
