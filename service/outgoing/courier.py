"""Carries what is in the outbox to the addresses that wait for it, at least once each."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog

from service.domain.webhooks import Delivery, DeliveryState
from service.outgoing.guard import Guard, Refused, Unreachable
from service.outgoing.seal import Seal, SealBroken
from service.store.database import DatabaseAway
from service.store.webhooks import Outbox
from service.telemetry.metrics import Meters

LOOK_EVERY_S: Final = 1.0
AT_ONCE: Final = 8
LEASE: Final = timedelta(seconds=30)
"""Longer than a delivery may take: whoever claimed one and died does not keep it."""

log = structlog.get_logger()


def signature(secret: str, body: bytes, at: int) -> str:
    """The header `Attune-Signature`: a time in Unix seconds and the HMAC-SHA256 over it, a point and the body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Courier:
    """Empties the outbox for as long as the service runs."""

    def __init__(self, outbox: Outbox, guard: Guard, seal: Seal, meters: Meters) -> None:
        self._outbox = outbox
        self._guard = guard
        self._seal = seal
        self._meters = meters

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Carry until the block ends; what is under way then is carried again later, with the same key."""
        task = asyncio.create_task(self._work(), name="courier")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _work(self) -> None:
        while True:
            try:
                carried = await self.carry()
            except DatabaseAway:
                carried = 0
            if not carried:
                await asyncio.sleep(LOOK_EVERY_S)

    async def carry(self) -> int:
        """Carry what is due now, a few at once; returns how many were tried."""
        due = await self._outbox.claim(AT_ONCE, LEASE)
        async with asyncio.TaskGroup() as group:
            for delivery, url, sealed in due:
                group.create_task(self._deliver(delivery, url, sealed))
        return len(due)

    async def _deliver(self, delivery: Delivery, url: str, sealed: str) -> None:
        body = json.dumps(delivery.body, separators=(",", ":"), ensure_ascii=False).encode()
        for_good = False
        try:
            secret = self._seal.open(sealed, delivery.tenant_id)
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "Attune",
                "Idempotency-Key": delivery.delivery_id,
                "Attune-Signature": signature(secret, body, int(time.time())),
            }
            reply = await self._guard.post(url, body, headers)
            error = "" if 200 <= reply.status < 300 else f"answered {reply.status}"
            for_good = reply.status == 410
        except Unreachable as unreachable:
            error = str(unreachable)
        except Refused as refused:
            error, for_good = str(refused), True
        except SealBroken:
            error, for_good = "the webhook's secret cannot be read: make the webhook anew", True
        await self._note(delivery, error, for_good=for_good)

    async def _note(self, delivery: Delivery, error: str, *, for_good: bool) -> None:
        """Write down what became of it; while the database is away the lease lets it be carried again."""
        try:
            if not error:
                await self._outbox.delivered(delivery)
                self._meters.deliveries.labels("delivered").inc()
                return
            state = await self._outbox.failed(delivery, error, for_good=for_good)
        except DatabaseAway:
            return
        self._meters.deliveries.labels("dead" if state is DeliveryState.DEAD else "failed").inc()
        log.warning("delivery failed", webhook=delivery.webhook_id, error=error, state=state.value)
