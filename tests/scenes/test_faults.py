"""Sixty faults of a hundred and five, every pair of what and how: the caller is answered and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.ports import Pcm
from pipelines.turns.detection import TurnModels
from service.store.valkey import EmbeddedValkey
from tests.scenes.faults import ALL, Kit, Told, What, at_once, sample
from tests.scenes.faulty_line import How
from tests.service.postgres import PostgresServer

SEED = int(os.environ.get("ATTUNE_FAULT_SEED", "20261124"))
FAULTS = 60
MANY = 6
"""Calls at once: they run in real time, and two cores carry so many beside the faults."""


def wrong(told: Told) -> str:
    """What is wrong with a call, '' for nothing. How long the silence was is the benchmark's to say."""
    found = list(told.differences)
    if not told.survived:
        found.append(f"the call ended as {told.call.ended!r}")
    if not told.silences_s or any(silence is None for silence in told.silences_s):
        found.append(f"silences {told.silences_s}")
    return f"{told.fault}: {'; '.join(found)}" if found else ""


def test_the_sample_is_the_same_for_a_seed_and_leaves_no_pair_out() -> None:
    """Seven things break in five ways."""
    chosen = sample(FAULTS, SEED)
    assert len(set(chosen)) == FAULTS
    assert chosen == sample(FAULTS, SEED)
    assert {(fault.what, fault.how) for fault in chosen} == {(what, how) for what in What for how in How}
    assert len(ALL) == 105


@pytest.mark.timeout(1500)
async def test_every_fault_is_survived_and_the_record_is_the_ledger(
    tmp_path: Path, turn_models: TurnModels, spoken: Pcm, postgres: PostgresServer
) -> None:
    """Whatever breaks, at whichever moment: the caller hears an answer, the call goes on, ledger and record agree.

    What goes wrong while many calls share a starved machine is tried once more alone: only what fails twice is a fault
    of ours.
    """
    async with EmbeddedValkey(tmp_path / "valkey") as valkey:
        kit = Kit(turn_models, spoken, valkey.url, tmp_path, postgres)
        told = await at_once(sample(FAULTS, SEED), kit, many=MANY)
        again = await at_once([one.fault for one in told if wrong(one)], kit, many=1)
    assert len(told) == FAULTS
    assert [wrong(one) for one in again if wrong(one)] == []
