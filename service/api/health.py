"""Whether the process lives, whether it can take calls, and its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from service.telemetry.metrics import CONTENT_TYPE, Meters

Check = Callable[[], Awaitable[str | None]]
"""Says what is wrong, None for nothing."""

DEADLINE_S = 1.0


def health_router(
    meters: Meters, *, needed: Mapping[str, Check], wanted: Mapping[str, Check], deadline_s: float = DEADLINE_S
) -> APIRouter:
    """The doors to health.

    Args:
        meters: what `/metrics` shows.
        needed: checks that must pass for the process to take calls.
        wanted: checks of what a call can do without (database, Redis): shown, never failing.
        deadline_s: longest that one check may take; they run side by side.
    """
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def lives() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """Whether calls can be taken, and what is wrong where not."""
        missing, lacking = await asyncio.gather(_ask(needed, deadline_s), _ask(wanted, deadline_s))
        status = "unready" if missing else "degraded" if lacking else "ok"
        names = dict.fromkeys((*needed, *wanted), "ok")
        return JSONResponse({"status": status, "checks": names | lacking | missing}, 503 if missing else 200)

    @router.get("/metrics")
    def metrics() -> Response:
        """All metrics in Prometheus' text format; rendered in a thread."""
        return Response(meters.render(), media_type=CONTENT_TYPE)

    return router


async def _ask(checks: Mapping[str, Check], deadline_s: float) -> dict[str, str]:
    """What is wrong, by the name of the check."""

    async def one(check: Check) -> str | None:
        try:
            return await asyncio.wait_for(check(), deadline_s)
        except TimeoutError:
            return f"no answer within {deadline_s:g} s"

    answers = await asyncio.gather(*(one(check) for check in checks.values()))
    return {name: wrong for name, wrong in zip(checks, answers, strict=True) if wrong is not None}
