"""Ids of calls sort by when they were made, also within a millisecond."""

from __future__ import annotations

import itertools
import time
import uuid

from service.domain.calls import new_call_id


def test_ids_sort_by_time_and_never_repeat() -> None:
    """Ten thousand ids in a row are in order."""
    ids = [new_call_id() for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
    assert sum(later < earlier for earlier, later in itertools.pairwise(ids)) < 5


def test_an_id_is_a_uuid_of_version_seven() -> None:
    """Databases and people know the layout."""
    before_ms = time.time_ns() // 1_000_000
    made = uuid.UUID(new_call_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before_ms <= made.int >> 80 <= before_ms + 1_000
