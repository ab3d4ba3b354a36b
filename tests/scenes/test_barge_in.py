"""The caller speaks while the agent speaks: what stops it, what does not, and what is kept of it."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
import soxr

from pipelines.empathy.tone import Style
from pipelines.ports import Pcm, Recognition
from pipelines.speech.hibari import HibariSpeaker
from telephony.simulator.caller import Say
from telephony.simulator.carrier import CarrierCall
from telephony.simulator.loudspeaker import CallerOnLoudspeaker, Loudspeaker
from tests.scenes.conftest import Opened
from tests.scenes.test_calls import agent_turns

QUESTION = "how do I restart my router"
LOUD = 6000
"""Peak from which a sound is the caller's question: it is spoken at 9000, everything else at 4000."""


class EarForLoudness:
    """Hears the question in loud sounds and one scripted line in soft ones."""

    def __init__(self, soft: str) -> None:
        self._soft = soft

    async def recognise(self, pcm: Pcm, rate_hz: int) -> Recognition:
        """Hear."""
        await asyncio.sleep(0.05)
        loud = int(np.abs(pcm.astype(np.int32)).max()) > LOUD
        return Recognition(QUESTION if loud else self._soft, 0.9, None, 0.02, 0.03, "script")


@pytest.fixture(scope="session")
def short_words() -> dict[str, Pcm]:
    """Short utterances of a real voice, 8 kHz."""

    async def speak() -> dict[str, Pcm]:
        speaker = HibariSpeaker.load(voice="heart", threads=1, at_once=1)
        words = {}
        for text in ("Yeah, okay.", "Wait, stop!"):
            speech = await speaker.speak(text, Style())
            narrow = soxr.resample(speech.pcm.astype(np.float32), speech.rate_hz, 8000)
            words[text] = (narrow * (4000 / np.abs(narrow).max())).astype(np.int16)
        speaker.close()
        return words

    return asyncio.run(speak())


def thumps(count: int = 3) -> Pcm:
    """A door and what falls behind it: low, dying thumps, 8 kHz."""
    time_s = np.arange(2400) / 8000
    chance = np.random.default_rng(3)
    one = np.exp(-18 * time_s) * (4000 * np.sin(2 * np.pi * 70 * time_s) + chance.normal(0, 400, len(time_s)))
    return np.tile(one, count).astype(np.int16)


def caller_texts(record: dict[str, Any]) -> list[str]:
    """What the caller is on record with."""
    return [turn["text"] for turn in record["turns"] if turn["party"] == "caller"]


async def test_a_nod_does_not_take_the_floor(open_stage: Opened, short_words: dict[str, Pcm]) -> None:
    """Three times "yeah, okay" into one answer: it is said to its end, to the word, and nothing is written of them."""
    nod = short_words["Yeah, okay."]
    async with open_stage(recogniser=EarForLoudness("Yeah, okay.")) as stage:
        steps = [Say(stage.voice), *[Say(nod, cut_in_s=0.7)] * 3]
        record = await stage.record(await stage.ring(steps, quiet_s=1.2))
    answers = agent_turns(record)
    assert caller_texts(record) == [QUESTION]
    assert [turn["interrupted"] for turn in answers] == [False]
    assert answers[0]["text"] == answers[0]["planned"]


async def test_a_door_does_not_take_the_floor(open_stage: Opened) -> None:
    """Thumps into an answer: it is said to its end."""
    async with open_stage(recogniser=EarForLoudness("")) as stage:
        steps = [Say(stage.voice), *[Say(thumps(), cut_in_s=0.7)] * 2]
        record = await stage.record(await stage.ring(steps, quiet_s=1.2))
    assert caller_texts(record) == [QUESTION]
    assert [turn["interrupted"] for turn in agent_turns(record)] == [False]


async def test_two_words_that_mean_it_take_the_floor(open_stage: Opened, short_words: dict[str, Pcm]) -> None:
    """A short "wait, stop" ends the answer where it was and becomes the caller's turn."""
    stop = short_words["Wait, stop!"]
    async with open_stage(recogniser=EarForLoudness("Wait, stop.")) as stage:
        record = await stage.record(await stage.ring([Say(stage.voice), Say(stop, cut_in_s=1.0)]))
    first = agent_turns(record)[0]
    assert caller_texts(record) == [QUESTION, "Wait, stop."]
    assert first["interrupted"]
    assert 0 < len(first["text"]) < len(first["planned"])
    assert first["planned"].startswith(first["text"])


async def test_who_cuts_in_unintelligibly_is_asked_again(open_stage: Opened) -> None:
    """Long speech without a word takes the floor, and the agent does not fall silent over it."""
    async with open_stage(recogniser=EarForLoudness("")) as stage:
        long = (np.concatenate([stage.voice, stage.voice]) * 0.45).astype(np.int16)
        call = await stage.ring([Say(stage.voice), Say(long, cut_in_s=1.0)])
        record = await stage.record(call)
    assert caller_texts(record) == [QUESTION]
    assert agent_turns(record)[0]["interrupted"]
    assert call.turns[1].latency_s is not None


async def test_our_own_echo_does_not_interrupt_us(open_stage: Opened) -> None:
    """A loudspeaker sends everything we say back, late and weaker: the answer is said to its end."""
    loudspeaker = Loudspeaker(delay_s=0.2, gain=0.08)
    async with open_stage(recogniser=EarForLoudness("")) as stage:
        caller = CallerOnLoudspeaker([Say(stage.voice)], loudspeaker)
        call = await CarrierCall(stage.account(), caller, ear=loudspeaker).run(deadline_s=60)
        record = await stage.record(call)
    assert caller_texts(record) == [QUESTION]
    assert [turn["interrupted"] for turn in agent_turns(record)] == [False]


async def test_the_notice_is_played_whole_whoever_speaks(open_stage: Opened, short_words: dict[str, Pcm]) -> None:
    """The caller speaks into the disclosure: it is heard to its end, and analysis starts after it."""
    stop = short_words["Wait, stop!"]
    async with open_stage(recogniser=EarForLoudness("Wait, stop.")) as stage:
        record = await stage.record(await stage.ring([Say(stop, cut_in_s=0.3), Say(stage.voice)]))
    notices = [turn for turn in record["turns"] if turn["party"] == "agent" and turn["turn"] == 0]
    assert notices[0]["text"] == notices[0]["planned"] == "I am a machine that listens to your tone."
    assert not notices[0]["interrupted"]
    assert record["trajectory"]
