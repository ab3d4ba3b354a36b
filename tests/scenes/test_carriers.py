"""Whole calls over the lines of every carrier: webhook, document, stream, answer, hang-up."""

from __future__ import annotations

from pathlib import Path

from pipelines.plan import OpeningHours
from telephony.simulator.caller import Say
from telephony.simulator.wire_call import WireRecord
from tests.scenes.carriers import NAMES, every_line
from tests.scenes.conftest import Opened

QUESTION = "how do I restart my router"


async def test_every_carrier_brings_a_caller_to_the_agent_and_the_answer_back(
    open_stage: Opened, tmp_path: Path
) -> None:
    """Two questions on each line; each caller hangs up; each record has its carrier's name."""
    async with every_line(open_stage, tmp_path) as lines:
        stage = lines.stage
        stage.ear.lines.extend([QUESTION] * 2 * len(NAMES))
        calls = {name: lines.call(lines.dialect(name), [Say(stage.voice)] * 2) for name in NAMES}
        told = await lines.together(calls)
        records = {name: await stage.record_of(call.call_id) for name, call in told.items()}
    for name in NAMES:
        assert told[name].answers == [True, True], (name, told[name].ledger)
        assert told[name].close_code == 1000, name
        assert not [what for _, what in told[name].ledger if "nonsense" in what]
        assert records[name]["carrier"] == name
        assert records[name]["outcome"] == "resolved"
        assert [turn["text"] for turn in records[name]["turns"] if turn["party"] == "caller"].count(QUESTION) == 2
    for name in NAMES:
        if name != "genesys":
            assert told[name].then, f"{name} leads to no human behind the stream"


def _ended_by(told: WireRecord) -> set[str]:
    return {what for _, what in told.ledger if what.startswith(("disconnect", "ended by"))}


async def test_every_carrier_is_asked_to_take_the_caller_to_a_human(open_stage: Opened, tmp_path: Path) -> None:
    """By REST where there is one, by a word of the protocol, or by letting the flow go on."""
    always = ("00:00", "24:00")
    hours = OpeningHours(weekdays=always, saturday=always, sunday=always)
    names = [name for name in NAMES if name != "twilio"]
    async with every_line(open_stage, tmp_path, agent={"hours": hours}) as lines:
        stage = lines.stage
        stage.ear.lines.extend(["I want to speak to a real person"] * len(names))
        calls = {name: lines.call(lines.dialect(name), [Say(stage.voice)], quiet_s=6.0) for name in names}
        told = await lines.together(calls)
        records = {name: await stage.record_of(call.call_id) for name, call in told.items()}
    assert {name: record["outcome"] for name, record in records.items()} == dict.fromkeys(names, "handed_off")
    assert _ended_by(told["genesys"]) == {"disconnect human"}
    assert _ended_by(told["exotel"]) == set()
    asked = {
        (method, path.rpartition("/")[2] if "telnyx" in path else method) for method, path, _ in lines.rest.requests
    }
    assert {method for method, _ in asked} == {"POST", "PUT"}
    bodies = " ".join(body for _, _, body in lines.rest.requests)
    assert '"queue_name":"support"' in bodies
    assert "/v1/plivo/human" in bodies
    assert '"action":"transfer"' in bodies
