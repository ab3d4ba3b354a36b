"""Webhooks: which addresses are told what, and what became of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field

from service.api.access import Access
from service.domain.access import Principal
from service.domain.webhooks import DeliveryState, Kind, Webhook
from service.outgoing.guard import LONGEST_URL, Guard, Refused, Unreachable
from service.outgoing.seal import Seal
from service.store.webhooks import WebhookRepository

Limit = Annotated[int, Query(ge=1, le=200)]


class WebhookIn(BaseModel):
    """An address that shall be told."""

    url: Annotated[str, Field(max_length=LONGEST_URL, examples=["https://crm.example.com/attune"])]
    kinds: Annotated[list[Kind], Field(min_length=1)]


class WebhookOut(BaseModel):
    """An address that is told."""

    id: str
    url: str
    kinds: list[Kind]
    active: bool
    created_at: datetime


class NewWebhookOut(WebhookOut):
    """A new one with the secret that signs what it is told; shown this once."""

    secret: str


class WebhooksOut(BaseModel):
    """Webhooks in the order in which they were added; `cursor` continues the list, null at its end."""

    webhooks: list[WebhookOut]
    cursor: str | None


class DeliveryOut(BaseModel):
    """One thing told, or still to be told."""

    id: str
    kind: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    created_at: datetime
    delivered_at: datetime | None
    last_error: str | None
    body: dict[str, Any]


class DeliveriesOut(BaseModel):
    """The newest first; `cursor` continues the list, null at its end."""

    deliveries: list[DeliveryOut]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class WebhookDoor:
    """What the doors to webhooks need."""

    webhooks_of: Callable[[str], WebhookRepository]
    guard: Guard
    seal: Seal
    access: Access


def webhooks_router(door: WebhookDoor) -> APIRouter:
    """The doors to webhooks."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    @router.get("")
    async def find_webhooks(
        asks: Annotated[Principal, Depends(door.access)], limit: Limit = 50, cursor: str | None = None
    ) -> WebhooksOut:
        """The tenant's webhooks."""
        found = await door.webhooks_of(asks.tenant_id).find(limit=limit + 1, after=cursor)
        page = found[:limit]
        return WebhooksOut(
            webhooks=[WebhookOut.model_validate(_shown(each)) for each in page],
            cursor=page[-1].webhook_id if len(found) > limit else None,
        )

    @router.post("", status_code=201)
    async def add_webhook(asks: Annotated[Principal, Depends(door.access)], body: WebhookIn) -> NewWebhookOut:
        """Let an address be told. It must be https and lead to the public internet."""
        try:
            await door.guard.check(body.url)
        except Refused as refused:
            raise HTTPException(422, f"url: {refused}") from refused
        except Unreachable as unreachable:
            raise HTTPException(422, f"url: {unreachable}") from unreachable
        secret = f"whsec_{secrets.token_urlsafe(32)}"
        sealed = door.seal.close(secret, asks.tenant_id)
        made = await door.webhooks_of(asks.tenant_id).add(body.url, frozenset(body.kinds), sealed, by=asks.who)
        return NewWebhookOut.model_validate({**_shown(made), "secret": secret})

    @router.delete("/{webhook_id}", status_code=204)
    async def remove_webhook(asks: Annotated[Principal, Depends(door.access)], webhook_id: str) -> None:
        """Tell it nothing any more; what waits for it is dropped."""
        if not await door.webhooks_of(asks.tenant_id).remove(webhook_id, by=asks.who):
            raise HTTPException(404, "there is no such webhook")

    @router.get("/{webhook_id}/deliveries")
    async def find_deliveries(
        asks: Annotated[Principal, Depends(door.access)],
        webhook_id: str,
        state: DeliveryState | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> DeliveriesOut:
        """What it was told and is to be told; `state=dead` shows what never arrived."""
        found = await door.webhooks_of(asks.tenant_id).deliveries(
            webhook_id, state=state, limit=limit + 1, before=cursor
        )
        if found is None:
            raise HTTPException(404, "there is no such webhook")
        page = found[:limit]
        shown = [DeliveryOut.model_validate({"id": each.delivery_id, **_fields(each)}) for each in page]
        return DeliveriesOut(deliveries=shown, cursor=page[-1].delivery_id if len(found) > limit else None)

    @router.post("/{webhook_id}/deliveries/{delivery_id}/send-again", status_code=202)
    async def send_again(asks: Annotated[Principal, Depends(door.access)], webhook_id: str, delivery_id: str) -> None:
        """Try one again, from the start."""
        if not await door.webhooks_of(asks.tenant_id).send_again(webhook_id, delivery_id, by=asks.who):
            raise HTTPException(404, "there is no such delivery")

    return router


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {"id": webhook.webhook_id, **_fields(webhook), "kinds": sorted(webhook.kinds)}


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
