"""Scenes of webhooks that come twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.store.seen import Seen
from service.store.valkey import EmbeddedValkey


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey of this test."""
    async with EmbeddedValkey(tmp_path / "valkey") as running:
        yield running


async def test_a_name_is_new_once_for_all_processes(valkey: EmbeddedValkey) -> None:
    """Two processes share what they have seen; odd texts are names too."""
    here, there = Seen(valkey.url), Seen(valkey.url)
    assert [await here.is_first("CA1:1"), await here.is_first("CA1:1"), await there.is_first("CA1:1")] == [
        True,
        False,
        False,
    ]
    assert [await there.is_first(name) for name in ("CA1:2", "", "\ud800", "x" * 100_000, "\x00")] == [True] * 5
    assert [await here.is_first(name) for name in ("CA1:2", "", "\ud800", "x" * 100_000, "\x00")] == [False] * 5
    await here.close()
    await there.close()


async def test_without_redis_this_process_remembers_by_itself() -> None:
    """Nobody listens: the first time is the first time, the second is not, and nothing raises."""
    seen = Seen("redis://127.0.0.1:9", remembered=3)
    assert [await seen.is_first(name) for name in ("a", "a", "b", "c")] == [True, False, True, True]
    assert [await seen.is_first(name) for name in ("d", "b", "a")] == [True, False, True]
    await seen.close()


async def test_what_was_seen_is_forgotten_in_time(valkey: EmbeddedValkey) -> None:
    """At once here; a carrier's retries are long over after a day."""
    seen = Seen(valkey.url, kept_s=1)
    assert [await seen.is_first("a"), await seen.is_first("a")] == [True, False]
    await asyncio.sleep(1.1)
    assert await seen.is_first("a")
    await seen.close()
