"""A Riva server for each scene."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipelines.riva.server import RivaDouble


@pytest.fixture
def riva() -> Iterator[RivaDouble]:
    """A server that listens."""
    with RivaDouble() as double:
        yield double
