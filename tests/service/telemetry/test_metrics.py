"""The catalogue: every name once, in Prometheus' format."""

from __future__ import annotations

import asyncio
import time

from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.loop_lag import watch_loop_lag
from service.telemetry.metrics import Meters


def test_the_catalogue_can_be_read_by_prometheus(meters: Meters) -> None:
    """Every metric is ours, documented, and rendered in a format that parses."""
    families = list(text_string_to_metric_families(meters.render().decode()))
    assert len(families) > 20
    assert all(family.name.startswith("attune_") and family.documentation for family in families)
    assert {"attune_turn_latency_seconds_bucket", "attune_calls_active", "attune_errors_total"} <= meters.names()


def block(seconds: float) -> None:
    """Hold the event loop."""
    time.sleep(seconds)


async def test_a_blocked_event_loop_is_seen(meters: Meters) -> None:
    """Somebody holds the loop for a tenth of a second: the sample that was due then is late by about that."""
    async with watch_loop_lag(meters, every_s=0.01):
        await asyncio.sleep(0.05)
        block(0.1)
        await asyncio.sleep(0.05)
    count = meters.registry.get_sample_value("attune_event_loop_lag_seconds_count") or 0
    late = meters.registry.get_sample_value("attune_event_loop_lag_seconds_bucket", {"le": "0.05"}) or 0
    assert count >= 3
    assert count - late >= 1
