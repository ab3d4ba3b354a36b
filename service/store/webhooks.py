"""Webhooks of a tenant and the outbox: a delivery is written with what happened and leaves later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.domain.calls import new_id
from service.domain.webhooks import Delivery, DeliveryState, Kind, Webhook, due_again
from service.store.audit import audited
from service.store.database import Database
from service.store.tables import DeliveryRow, WebhookRow


async def put_out(session: AsyncSession, tenant_id: str, kind: Kind, body: dict[str, Any]) -> None:
    """Write deliveries for whoever wants to be told, in the transaction of what happened."""
    query = select(WebhookRow).where(WebhookRow.tenant_id == tenant_id, WebhookRow.active)
    now = datetime.now(UTC)
    for webhook in await session.scalars(query):
        if kind.value in webhook.kinds:
            delivery_id = new_id()
            session.add(
                DeliveryRow(
                    tenant_id=tenant_id,
                    delivery_id=delivery_id,
                    webhook_id=webhook.webhook_id,
                    kind=kind.value,
                    body={"id": delivery_id, "kind": kind.value, **body},
                    state=DeliveryState.WAITING.value,
                    attempts=0,
                    due_at=now,
                    created_at=now,
                )
            )


class WebhookRepository:
    """The webhooks of one tenant. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def add(self, url: str, kinds: frozenset[Kind], sealed_secret: str, *, by: str) -> Webhook:
        """Let an address be told."""
        row = WebhookRow(
            tenant_id=self._tenant_id,
            webhook_id=new_id(),
            url=url,
            kinds=sorted(kind.value for kind in kinds),
            sealed_secret=sealed_secret,
            active=True,
            created_at=datetime.now(UTC),
        )
        async with audited(self._database, self._tenant_id) as (session, trail):
            session.add(row)
            trail.note(by, "webhook.added", row.webhook_id, url=url, kinds=row.kinds)
        return _webhook(row)

    async def find(self, *, limit: int = 50, after: str | None = None) -> list[Webhook]:
        """Webhooks in the order in which they were added."""
        query = select(WebhookRow).where(WebhookRow.tenant_id == self._tenant_id)
        if after is not None:
            query = query.where(WebhookRow.webhook_id > after)
        async with self._database.session(self._tenant_id) as session:
            rows = await session.scalars(query.order_by(WebhookRow.webhook_id).limit(limit))
            return [_webhook(row) for row in rows]

    async def remove(self, webhook_id: str, *, by: str) -> bool:
        """Tell an address nothing any more, what waits for it included; False where this tenant has no such webhook."""
        async with audited(self._database, self._tenant_id) as (session, trail):
            row = await session.get(WebhookRow, (self._tenant_id, webhook_id))
            if row is None:
                return False
            await session.delete(row)
            trail.note(by, "webhook.removed", webhook_id)
            return True

    async def deliveries(
        self, webhook_id: str, *, state: DeliveryState | None = None, limit: int = 50, before: str | None = None
    ) -> list[Delivery] | None:
        """What was and is to be told to an address, the newest first; None where this tenant has no such webhook."""
        query = select(DeliveryRow).where(
            DeliveryRow.tenant_id == self._tenant_id, DeliveryRow.webhook_id == webhook_id
        )
        if state is not None:
            query = query.where(DeliveryRow.state == state.value)
        if before is not None:
            query = query.where(DeliveryRow.delivery_id < before)
        async with self._database.session(self._tenant_id) as session:
            if await session.get(WebhookRow, (self._tenant_id, webhook_id)) is None:
                return None
            rows = await session.scalars(query.order_by(DeliveryRow.delivery_id.desc()).limit(limit))
            return [_delivery(row) for row in rows]

    async def send_again(self, webhook_id: str, delivery_id: str, *, by: str) -> bool:
        """Let a delivery be tried again from the start; False where there is none."""
        async with audited(self._database, self._tenant_id) as (session, trail):
            row = await session.get(DeliveryRow, (self._tenant_id, delivery_id))
            if row is None or row.webhook_id != webhook_id:
                return False
            row.state, row.attempts, row.due_at = DeliveryState.WAITING.value, 0, datetime.now(UTC)
            trail.note(by, "delivery.sent_again", delivery_id)
            return True


class Outbox:
    """What waits to leave, whosever it is. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, count: int, lease: timedelta) -> Sequence[tuple[Delivery, str, str]]:
        """Deliveries that are due, with address and sealed secret; nobody else gets them before the lease is over."""
        now = datetime.now(UTC)
        query = (
            select(DeliveryRow.tenant_id, DeliveryRow.delivery_id)
            .where(DeliveryRow.state == DeliveryState.WAITING.value, DeliveryRow.due_at <= now)
            .order_by(DeliveryRow.due_at)
            .limit(count)
        )
        async with self._database.session(seek=DeliveryState.WAITING.value) as session:
            due = [(row[0], row[1]) for row in await session.execute(query)]
        taken: list[tuple[Delivery, str, str]] = []
        for tenant_id, delivery_id in due:
            async with self._database.session(tenant_id) as session:
                mine = (
                    update(DeliveryRow)
                    .where(
                        DeliveryRow.tenant_id == tenant_id,
                        DeliveryRow.delivery_id == delivery_id,
                        DeliveryRow.state == DeliveryState.WAITING.value,
                        DeliveryRow.due_at <= now,
                    )
                    .values(due_at=now + lease)
                    .returning(DeliveryRow.webhook_id)
                )
                webhook_id = await session.scalar(mine)
                if webhook_id is None:
                    continue  # another process was faster
                webhook = await session.get_one(WebhookRow, (tenant_id, webhook_id))
                row = await session.get_one(DeliveryRow, (tenant_id, delivery_id))
                taken.append((_delivery(row), webhook.url, webhook.sealed_secret))
        return taken

    async def delivered(self, delivery: Delivery) -> None:
        """The other side has it."""
        async with self._database.session(delivery.tenant_id) as session:
            row = await session.get(DeliveryRow, (delivery.tenant_id, delivery.delivery_id))
            if row is not None:
                row.state, row.attempts = DeliveryState.DELIVERED.value, row.attempts + 1
                row.delivered_at, row.last_error = datetime.now(UTC), None

    async def failed(self, delivery: Delivery, error: str, *, for_good: bool) -> DeliveryState:
        """The other side does not have it; says what becomes of it."""
        async with self._database.session(delivery.tenant_id) as session:
            row = await session.get(DeliveryRow, (delivery.tenant_id, delivery.delivery_id))
            if row is None:
                return DeliveryState.DEAD
            row.attempts, row.last_error = row.attempts + 1, error[:300]
            due = None if for_good else due_again(row.attempts, datetime.now(UTC))
            row.state = (DeliveryState.DEAD if due is None else DeliveryState.WAITING).value
            row.due_at = due or row.due_at
            return DeliveryState(row.state)


def _webhook(row: WebhookRow) -> Webhook:
    kinds = frozenset(Kind(kind) for kind in row.kinds if kind in set(Kind))
    return Webhook(row.tenant_id, row.webhook_id, row.url, kinds, row.active, row.created_at)


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        tenant_id=row.tenant_id,
        delivery_id=row.delivery_id,
        webhook_id=row.webhook_id,
        kind=row.kind,
        body=row.body,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        last_error=row.last_error,
    )
