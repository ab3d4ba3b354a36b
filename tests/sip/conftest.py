"""Calls over a real exchange into the real service with scripted models; skipped, with the reason, where none is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.scenes.conftest import Opened, Stage, open_stage, spoken, turn_models
from tests.sip.exchange import LOGIN, Exchange, exchange, missing

__all__ = ["open_stage", "spoken", "turn_models"]

SETTINGS: dict[str, Any] = {"asterisk": {"credentials": {LOGIN[0]: LOGIN[1]}}, "default_number": "+15550100"}


@pytest.fixture(autouse=True)
def _obtainable() -> None:
    """Skip where there is no real exchange."""
    reason = missing()
    if reason:
        pytest.skip(f"NO REAL SIP CALL WAS MADE: {reason}")


OpenedLine = Callable[..., Any]


@pytest.fixture
def open_line(open_stage: Opened) -> OpenedLine:
    """Open a service and an exchange in front of it."""

    @asynccontextmanager
    async def opened(**overrides: Any) -> AsyncIterator[tuple[Stage, Exchange]]:
        async with open_stage(**{**SETTINGS, **overrides}) as stage:
            port = urlsplit(stage.origin).port
            assert port is not None
            async with exchange(port) as running:
                yield stage, running
                await asyncio.sleep(0.2)

    return opened
