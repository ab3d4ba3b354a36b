"""Scenes of the scripted caller, in virtual time."""

from __future__ import annotations

import numpy as np

from telephony.audio import decode_ulaw
from telephony.simulator.caller import Act, HangUp, Key, Press, Quiet, Say, ScriptedCaller, Sound, Wait

HALF_SECOND = (8000 * np.sin(2 * np.pi * 300 * np.arange(4000) / 8000)).astype(np.int16)


def play(caller: ScriptedCaller, agent: list[tuple[float, float]], until_s: float) -> list[tuple[float, Act]]:
    """Let the agent sound in the given spans; what the caller did, tick by tick."""
    acts: list[tuple[float, Act]] = []
    for tick in range(round(until_s * 50)):
        at_s = tick / 50
        acts.append((at_s, caller.act(at_s, any(begin <= at_s < end for begin, end in agent))))
        if isinstance(acts[-1][1], HangUp):
            break
    return acts


def begins(acts: list[tuple[float, Act]]) -> list[float]:
    """When utterances began."""
    return [at_s for at_s, act in acts if isinstance(act, Sound) and act.first]


def test_the_caller_lets_the_greeting_end_then_speaks_and_hangs_up_after_the_answer() -> None:
    """Greeting 1-3 s, utterance a second later, answer 5-6 s, hang-up a second later."""
    acts = play(ScriptedCaller([Say(HALF_SECOND)], quiet_s=1.0), [(1, 3), (5, 6)], 20)
    assert len(begins(acts)) == 1
    assert abs(begins(acts)[0] - 3.98) < 0.03
    assert isinstance(acts[-1][1], HangUp)
    assert abs(acts[-1][0] - 6.98) < 0.03


def test_a_pause_of_the_agent_is_not_its_end() -> None:
    """0.6 s of silence between two sentences do not count."""
    acts = play(ScriptedCaller([Say(HALF_SECOND)], quiet_s=1.0), [(1, 2), (2.6, 4)], 8)
    assert abs(begins(acts)[0] - 4.98) < 0.03


def test_the_caller_loses_patience() -> None:
    """Nobody answers: the next utterance comes all the same."""
    caller = ScriptedCaller([Say(HALF_SECOND), Say(HALF_SECOND)], patience_s=5, greeting_s=2)
    first, second = begins(play(caller, [], 20))
    assert abs(first - 2) < 0.03
    assert abs(second - first - 5.48) < 0.05


def test_the_caller_cuts_in() -> None:
    """0.3 s after the answer began, while it sounds."""
    caller = ScriptedCaller([Say(HALF_SECOND, cut_in_s=0.3)])
    assert abs(begins(play(caller, [(1, 9)], 9))[0] - 1.3) < 0.03


def test_keys_and_waiting() -> None:
    """Two keys one after the other, then silence, then the end."""
    caller = ScriptedCaller([Press("*9"), Wait(3), Say(HALF_SECOND)], quiet_s=1.0, patience_s=4)
    acts = play(caller, [(0, 1), (3, 4)], 30)
    assert [act.digit for _, act in acts if isinstance(act, Key)] == ["*", "9"]
    assert begins(acts)[0] > 6.9
    assert caller.steps_left == 0


def test_a_quiet_line_is_not_digital_silence() -> None:
    """Low noise, below -60 dBFS, and never zero throughout."""
    caller = ScriptedCaller([], greeting_s=1)
    frames = [act.ulaw for _, act in play(caller, [], 2) if isinstance(act, Quiet)]
    noise = decode_ulaw(b"".join(frames)).astype(float)
    assert 0 < np.sqrt((noise**2).mean()) < 30


def test_the_last_sound_is_marked_not_the_last_frame() -> None:
    """0.3 s of silence at the end of a recording do not shift the end of speech."""
    padded = np.concatenate([HALF_SECOND, np.zeros(2400, dtype=np.int16)])
    acts = play(ScriptedCaller([Say(padded)], greeting_s=0), [], 3)
    sounds = [act for _, act in acts if isinstance(act, Sound)]
    assert len(sounds) == 40
    assert [i for i, sound in enumerate(sounds) if sound.last_sound] == [24]
