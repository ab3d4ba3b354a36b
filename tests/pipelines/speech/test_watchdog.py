"""Whoever waits for us hears from us, and whoever thinks is left in peace."""

from __future__ import annotations

from pipelines.speech.clips import Clip
from pipelines.speech.watchdog import STEPS, due
from pipelines.turns.waiting import Waiting


def heard(waiting: Waiting, until_s: float) -> list[tuple[float, Clip]]:
    """What a caller is told from 0 s on, looked at every 100 ms."""
    told: list[tuple[float, Clip]] = []
    for tenth in range(round(until_s * 10)):
        step = due(waiting.said, *waiting.seconds(tenth / 10))
        if step is not None:
            waiting.said += 1
            told.append((tenth / 10, step.clip))
    return told


def test_an_answer_that_never_comes() -> None:
    """One moment at 2 s, thanks at 5 s, a colleague at 9 s, and then no more."""
    waiting = Waiting()
    waiting.begins(0.2, 0.0)
    assert heard(waiting, 30.0) == [(2.0, Clip.WAIT), (5.0, Clip.STILL), (9.0, Clip.TRANSFER)]


def test_a_turn_that_ended_late_has_its_time() -> None:
    """The caller paused for 1.7 s before the turn ended: the answer still has a second and a half."""
    waiting = Waiting()
    waiting.begins(0.2, 0.0)
    waiting.pauses()
    waiting.begins(1.75)
    assert heard(waiting, 4.0) == [(3.3, Clip.WAIT)]


def test_a_caller_who_thinks_is_left_in_peace() -> None:
    """Recognition is done, the turn is not over: nobody waits for us."""
    waiting = Waiting()
    waiting.begins(0.2, 0.0)
    waiting.pauses()
    assert heard(waiting, 20.0) == []


def test_an_answer_ends_the_wait() -> None:
    """And the next wait begins from its own sound."""
    waiting = Waiting()
    waiting.begins(0.2, 0.0)
    waiting.over()
    assert heard(waiting, 20.0) == []
    waiting.begins(20.2, 20.0)
    assert waiting.seconds(21.0) == (1.0, 21.0 - 20.2)
    assert waiting.said == 0


def test_steps_rise() -> None:
    """Each step is later than the one before."""
    assert [step.silent_s for step in STEPS] == sorted(step.silent_s for step in STEPS)
