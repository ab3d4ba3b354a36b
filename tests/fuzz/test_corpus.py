"""The committed inputs of the fuzzer, old findings among them, go through on every test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, target

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(file for file in CORPUS.glob("*/*") if file.is_file())


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_a_known_input_goes_through(file: Path) -> None:
    """Nothing raises, nothing takes long."""
    target(file.parent.name)(file.read_bytes())


def test_every_target_has_a_corpus() -> None:
    """The fuzzer of each begins where the protocol is."""
    assert {file.parent.name for file in INPUTS} == set(TARGETS)
