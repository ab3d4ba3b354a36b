"""Who may call: what is on disk before the answer, and when callers go to a human."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from pipelines.plan import OpeningHours
from service.calls.admission import Admission, Admitted, Refusal, Refused
from service.calls.journal import Journal
from service.calls.load import Load
from service.examples import example_agent
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.tenants import TenantRepository
from service.telemetry.metrics import Meters
from telephony.leg import IncomingCall

NUMBER = "+15550100"
ALWAYS = ("00:00", "24:00")
OPEN = OpeningHours(weekdays=ALWAYS, saturday=ALWAYS, sunday=ALWAYS)
CLOSED = OpeningHours(weekdays=None, saturday=None, sunday=None)


def ringing(name: str = "CA1", number: str = NUMBER) -> IncomingCall:
    """A call that rings."""
    return IncomingCall("twilio", name, "+15550142", number)


def kept(directory: Path) -> list[bytes]:
    """What the journal's files hold."""
    return [path.read_bytes() for path in directory.glob("*.jsonl")]


async def admission_of(
    database: Database, journal: Journal, hours: OpeningHours = OPEN, *, max_calls: int = 5, lag_s: float = 0.0
) -> Admission:
    """Admission with one agent that answers one number."""
    tenants = TenantRepository(database)
    await tenants.ensure_example(example_agent().model_copy(update={"hours": hours}), NUMBER)
    load = Load(0.1)
    return Admission(tenants, journal, max_calls=max_calls, analyse_emotion=True, load=load, lag_s=lambda: lag_s)


async def test_the_start_is_on_disk_before_the_carrier_has_its_answer(
    lite: Database, tmp_path: Path, meters: Meters
) -> None:
    """Whatever dies after the answer: the call is in the record."""
    async with Journal(tmp_path, partial(CallRepository, lite), meters) as journal:
        admission = await admission_of(lite, journal)
        admitted = await admission.weigh(ringing())
        assert isinstance(admitted, Admitted)
        (line,) = kept(tmp_path)
        assert line.startswith(b'{"seq":1,"kind":"CallStarted"')
        assert line.endswith(b"\n")
        assert await admission.weigh(ringing()) is admitted
        assert admission.running == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ((0, 0.0), Refusal.FULL),
        ((5, 0.2), Refusal.STRAINED),
    ],
)
async def test_too_many_callers_go_to_a_human(
    lite: Database, tmp_path: Path, meters: Meters, how: tuple[int, float], reason: Refusal
) -> None:
    """By number and by the lag of the event loop; nothing is written down of a call that was not taken."""
    async with Journal(tmp_path, partial(CallRepository, lite), meters) as journal:
        admission = await admission_of(lite, journal, max_calls=how[0], lag_s=how[1])
        assert await admission.weigh(ringing()) == Refused(reason, closed=False)
        assert await admission.check() is not None
        assert kept(tmp_path) == []


async def test_out_of_hours_nobody_is_sent_to_an_empty_queue(lite: Database, tmp_path: Path, meters: Meters) -> None:
    """The refusal says that no human is in; a process that drains refuses as well; an unknown number is told so."""
    async with Journal(tmp_path, partial(CallRepository, lite), meters) as journal:
        admission = await admission_of(lite, journal, CLOSED)
        admission.draining = True
        assert await admission.weigh(ringing()) == Refused(Refusal.DRAINING, closed=True)
        assert await admission.weigh(ringing(number="+15559999")) == Refused(Refusal.UNKNOWN_NUMBER)
