"""The ground every scene stands on: no outside sockets, no task left behind, repeatable examples, quiet logs."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from loguru import logger

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

settings.register_profile(
    "scenes", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("ci", settings.get_profile("scenes"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "scenes")


def pytest_configure(config: pytest.Config) -> None:
    """Silence Pipecat's log, which speaks at every frame; what a test wants to read it adds itself."""
    logger.remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Watch every asynchronous test for tasks it leaves behind (first in, so that other fixtures clean up before)."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(inspect.unwrap(item.function)):
            item.fixturenames.insert(0, "no_task_left")


async def end_leftovers(grace_s: float = 0.2) -> list[str]:
    """Cancel the tasks of this loop, but the current one, that do not end by themselves; tell which they were."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=grace_s)
    names = sorted(f"{task.get_name()}: {task.get_coro()}" for task in left)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return names


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fail a test after which tasks of its event loop still run: somebody forgot who owns them."""
    yield
    names = await end_leftovers()
    assert not names, f"tasks left behind: {names}"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Recordings and corpora, which are not part of the repository: $ATTUNE_DATA, else ../shared/data beside it."""
    named = os.environ.get("ATTUNE_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no recordings: {folder} does not exist; name their folder in ATTUNE_DATA")
    return folder
