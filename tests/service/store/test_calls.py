"""The record of a call: written once however often it is offered, read back whole, sealed off by tenant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from pipelines.emotion.estimate import UNKNOWN
from pipelines.events import AgentSpoke, CallerSpoke, EmotionEstimated, Event, TurnTimed
from service.domain.calls import CallStatus, Outcome, Party
from service.store.calls import CallRepository, Entry, StoryBroken
from service.store.database import Database
from service.store.tables import EventRow, HandOffRow, LegRow
from tests.service.record import entries, write
from tests.service.story import ANGRY, APOLOGY, Known


async def test_a_whole_call_is_read_back(database: Database, known: Known) -> None:
    """Turns in order with tone and timing, the trajectory, start and end."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    await write(calls, start, Outcome.HANDED_OFF)

    record = await calls.get(start.call_id)

    assert record is not None
    assert record.call.status is CallStatus.ENDED
    assert record.call.outcome is Outcome.HANDED_OFF
    assert record.call.reason == "caller hung up"
    assert record.call.started_at == start.started_at
    assert (record.call.agent, record.call.agent_version) == ("Robin", 1)
    assert [(turn.turn, turn.party) for turn in record.turns] == [
        (0, Party.AGENT),
        (1, Party.CALLER),
        (1, Party.AGENT),
        (2, Party.CALLER),
        (2, Party.AGENT),
    ]
    caller, agent = record.turns[1:3]
    assert (caller.text, caller.started_s, caller.ended_s, caller.confidence) == ("this is turn 1", 4.5, 5.6, 0.9)
    assert (agent.text, agent.planned, agent.interrupted) == ("I am sorry.", "I am sorry. We are on it.", True)
    assert agent.total_s == pytest.approx(sum(agent.stages.values()))
    assert agent.stages == {"endpointing": 0.4, "recognition": 0.2, "speech": 0.4}
    assert agent.tone is not None
    assert (agent.tone.strategy, agent.tone.name, agent.tone.rules) == ("apologise", "apologetic", APOLOGY.rules)
    assert agent.tone.style["pitch_st"] == APOLOGY.style.pitch_st
    assert caller.tone is None
    assert [(point.turn, point.label, point.valence) for point in record.trajectory] == [
        (1, "angry", -0.6),
        (2, "angry", -0.6),
        (3, "unknown", None),
    ]
    voice = record.trajectory[0].voice
    assert voice is not None
    assert voice["probabilities"]["angry"] == pytest.approx(0.7)
    assert record.trajectory[0].model == ANGRY.model
    assert record.trajectory[2].voice is None


async def test_two_answers_in_one_turn_are_joined(database: Database, known: Known) -> None:
    """A notice after the answer belongs to the same turn and loses nothing of it."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    await write(calls, start)
    record = await calls.get(start.call_id)
    assert record is not None
    assert record.call.status is CallStatus.LIVE
    assert record.turns[-1].text == "I am sorry. Are you still there?"
    assert record.turns[-1].interrupted


async def test_offering_entries_again_changes_nothing(database: Database, known: Known) -> None:
    """The journal may offer a batch twice; rows are written once."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    story = entries(start, outcome=Outcome.RESOLVED)
    for upto in (3, 9, 9, len(story), len(story)):
        await calls.apply(start.call_id, story[:upto])
    once = await calls.get(start.call_id)
    await calls.apply(start.call_id, story)
    assert await calls.get(start.call_id) == once
    async with database.session(known.tenant_id) as session:
        counts = [await session.scalar(select(func.count()).select_from(row)) for row in (EventRow, HandOffRow, LegRow)]
    assert counts == [len(story), 1, 1]


async def test_timing_may_come_before_the_words(database: Database, known: Known) -> None:
    """A turn that is timed first and spoken later is one turn."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    spoke: list[Event] = [TurnTimed(2.0, 1, 0.8, {}), AgentSpoke(3.0, 1, "Yes.", "Yes.", False, "template")]
    await calls.apply(start.call_id, entries(start, spoke))
    record = await calls.get(start.call_id)
    assert record is not None
    assert [(turn.text, turn.total_s, turn.started_s) for turn in record.turns] == [("Yes.", 0.8, 2.0)]


async def test_a_story_without_its_start_is_refused(database: Database, known: Known) -> None:
    """Rows without a call cannot come to be."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    with pytest.raises(StoryBroken):
        await calls.apply(start.call_id, entries(start)[3:])
    assert await calls.get(start.call_id) is None


async def test_a_call_of_an_agent_that_is_not_there_is_refused(database: Database, known: Known) -> None:
    """A call is always pinned to a version that exists."""
    calls = CallRepository(database, known.tenant_id)
    start = replace(known.call(), agent_version_id="no-such-version")
    with pytest.raises(IntegrityError):
        await write(calls, start)


async def test_a_second_estimate_of_a_turn_replaces_the_first(database: Database, known: Known) -> None:
    """The trajectory has one point per turn, also where the second estimate comes much later."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    second = EmotionEstimated(9.0, 1, replace(ANGRY, valence=-0.1))
    story = entries(start, [EmotionEstimated(2.0, 1, ANGRY), EmotionEstimated(3.0, 2, UNKNOWN), second])
    await calls.apply(start.call_id, story[:3])
    await calls.apply(start.call_id, story)
    record = await calls.get(start.call_id)
    assert record is not None
    assert [(point.turn, point.at_s, point.valence) for point in record.trajectory] == [(1, 9.0, -0.1), (2, 3.0, None)]


async def test_an_entry_of_a_newer_release_is_kept_as_an_event(database: Database, known: Known) -> None:
    """What has no word here is not lost."""
    calls = CallRepository(database, known.tenant_id)
    start = known.call()
    odd = Entry(2, None, {"kind": "Sang", "at_s": 1.0, "song": "la"})
    await calls.apply(start.call_id, [entries(start)[0], odd])
    assert (await calls.story(start.call_id))[1] == (2, dict(odd.payload))


async def test_texts_that_a_database_cannot_hold_are_written_without_them(database: Database, known: Known) -> None:
    """A NUL or half a surrogate in a text from outside does not stop the record."""
    calls = CallRepository(database, known.tenant_id)
    start = replace(known.call(), from_number="+1555\0\ud800")
    await calls.apply(start.call_id, entries(start, [CallerSpoke(1.0, 1, "a\0b\udfff", 0.0, 1.0, 0.5)]))
    story = await calls.story(start.call_id)
    assert story[1][1]["text"] == "ab"


async def test_another_tenant_sees_nothing(database: Database, known: Known) -> None:
    """A repository is born with its tenant."""
    start = known.call()
    await write(CallRepository(database, known.tenant_id), start)
    other = CallRepository(database, "somebody-else")
    assert await other.get(start.call_id) is None
    assert await other.story(start.call_id) == []
    assert (await other.find()).calls == ()


async def test_calls_are_found_newest_first_page_by_page(database: Database, known: Known) -> None:
    """The cursor continues where the page before ended."""
    calls = CallRepository(database, known.tenant_id)
    starts = [known.call(f"CA{index}") for index in range(5)]
    for start in starts:
        await calls.apply(start.call_id, entries(start)[:1])
    newest = [start.call_id for start in reversed(starts)]

    first = await calls.find(limit=3)
    second = await calls.find(limit=3, cursor=first.cursor)

    assert [call.call_id for page in (first, second) for call in page.calls] == newest
    assert second.cursor is None
    only = await calls.find(carrier_call_id="CA2")
    assert [call.carrier_call_id for call in only.calls] == ["CA2"]
