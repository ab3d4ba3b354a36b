"""Alive, ready, and in numbers."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI

from service.api.health import Check, health_router
from service.telemetry.metrics import CONTENT_TYPE, Meters


def door(meters: Meters, needed: dict[str, Check], wanted: dict[str, Check]) -> httpx.AsyncClient:
    """The health doors."""
    app = FastAPI()
    app.include_router(health_router(meters, needed=needed, wanted=wanted, deadline_s=0.05))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://attune")


async def fine() -> str | None:
    """Nothing is wrong."""
    return None


async def broken() -> str | None:
    """Something is."""
    return "it broke"


async def hanging() -> str | None:
    """No answer, ever."""
    await asyncio.Event().wait()
    return None


async def test_ready(meters: Meters) -> None:
    """Everything passes."""
    async with door(meters, {"journal": fine}, {"database": fine}) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"journal": "ok", "database": "ok"}}


async def test_what_calls_can_do_without_never_makes_it_unready(meters: Meters) -> None:
    """The database is away: calls are still taken, and it is shown."""
    async with door(meters, {"journal": fine}, {"database": broken}) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "checks": {"journal": "ok", "database": "it broke"}}


async def test_unready_and_why(meters: Meters) -> None:
    """What is needed hangs: the answer comes within the deadline and names it."""
    async with asyncio.timeout(2), door(meters, {"journal": fine, "recogniser": hanging}, {}) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"journal": "ok", "recogniser": "no answer within 0.05 s"}


async def test_metrics(meters: Meters) -> None:
    """Prometheus' own content type and every metric."""
    meters.calls_active.set(3)
    async with door(meters, {}, {}) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert "attune_calls_active 3.0" in answer.text
