"""The outbox: written with what happened, carried at least once, signed, and never lost."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from pipelines.plan import Agent
from service.domain.calls import Outcome
from service.domain.webhooks import PAUSES, DeliveryState, Kind, due_again
from service.outgoing.courier import LEASE, Courier, signature
from service.outgoing.seal import Seal, SealBroken
from service.store.calls import CallRepository
from service.store.database import Database
from service.store.tables import DeliveryRow
from service.store.tenants import TenantRepository
from service.store.webhooks import Outbox, WebhookRepository
from service.telemetry.metrics import Meters
from tests.service.outgoing.receiver import Receiver, receiving
from tests.service.record import entries, write
from tests.service.story import NUMBER, Known

SECRET = "whsec_of_this_test"
SEAL = Seal(bytes(32))


@dataclass
class Office:
    """A tenant's webhook, its receiver, and a courier between them."""

    database: Database
    known: Known
    receiver: Receiver
    courier: Courier
    webhook_id: str

    @property
    def webhooks(self) -> WebhookRepository:
        """The tenant's webhooks."""
        return WebhookRepository(self.database, self.known.tenant_id)

    async def states(self) -> list[tuple[str, DeliveryState, int]]:
        """What is in the outbox, the oldest first."""
        found = await self.webhooks.deliveries(self.webhook_id) or []
        return [(each.kind, each.state, each.attempts) for each in reversed(found)]

    async def later(self) -> None:
        """Let the pauses pass."""
        async with self.database.session(self.known.tenant_id) as session:
            await session.execute(update(DeliveryRow).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))


@pytest.fixture
async def office(database: Database, known: Known, tmp_path: Path, meters: Meters) -> AsyncIterator[Office]:
    """A webhook for everything, on both databases."""
    async with receiving(tmp_path) as (receiver, guard):
        webhooks = WebhookRepository(database, known.tenant_id)
        sealed = SEAL.close(SECRET, known.tenant_id)
        webhook = await webhooks.add(receiver.url, frozenset(Kind), sealed, by="test")
        courier = Courier(Outbox(database), guard, SEAL, meters)
        yield Office(database, known, receiver, courier, webhook.webhook_id)


async def test_a_call_is_told(office: Office) -> None:
    """Its start, its escalation, its end: each once, in the shape of its story, signed over time and body."""
    start = office.known.call()
    await write(CallRepository(office.database, office.known.tenant_id), start, Outcome.HANDED_OFF)
    while await office.courier.carry():
        pass
    told = [json.loads(body) for _, body in office.receiver.heard]
    assert {one["kind"] for one in told} >= {"call.started", "call.escalated", "call.ended"}
    assert {one["call_id"] for one in told} == {start.call_id}
    ended = next(one for one in told if one["kind"] == "call.ended")
    assert ended["event"]["outcome"] == "handed_off"
    for headers, body in office.receiver.heard:
        at = int(headers["attune-signature"].split(",")[0].removeprefix("t="))
        assert hmac.compare_digest(headers["attune-signature"], signature(SECRET, body, at))
        assert headers["idempotency-key"] == json.loads(body)["id"]
    assert {state for _, state, _ in await office.states()} == {DeliveryState.DELIVERED}


async def test_the_same_story_again_tells_nothing_again(office: Office) -> None:
    """What the journal offers twice is put out once."""
    calls, start = CallRepository(office.database, office.known.tenant_id), office.known.call()
    story = entries(start, outcome=Outcome.RESOLVED)
    for _ in range(3):
        await calls.apply(start.call_id, story)
    kinds = [kind for kind, _, _ in await office.states()]
    assert len(kinds) == len(set(kinds))
    assert {"call.started", "call.ended"} <= set(kinds)


@pytest.mark.parametrize("trouble", [500, 404, 301, 0])
async def test_a_receiver_in_trouble(office: Office, trouble: int) -> None:
    """It is told again after a pause, with the same key."""
    await CallRepository(office.database, office.known.tenant_id).apply(
        (start := office.known.call()).call_id, entries(start)[:1]
    )
    office.receiver.statuses = [trouble]
    assert await office.courier.carry() == 1
    assert await office.courier.carry() == 0
    assert await office.states() == [("call.started", DeliveryState.WAITING, 1)]
    await office.later()
    assert await office.courier.carry() == 1
    assert await office.states() == [("call.started", DeliveryState.DELIVERED, 2)]
    keys = [headers["idempotency-key"] for headers, _ in office.receiver.heard]
    assert keys[0] == keys[1]


async def test_a_receiver_that_is_gone(office: Office) -> None:
    """After the last pause the delivery is dead and seen; somebody may send it again."""
    await CallRepository(office.database, office.known.tenant_id).apply(
        (start := office.known.call()).call_id, entries(start)[:1]
    )
    office.receiver.statuses = [503] * (len(PAUSES) + 1)
    for _ in range(len(PAUSES) + 1):
        assert await office.courier.carry() == 1
        await office.later()
    assert await office.states() == [("call.started", DeliveryState.DEAD, len(PAUSES) + 1)]
    assert await office.courier.carry() == 0
    dead = await office.webhooks.deliveries(office.webhook_id, state=DeliveryState.DEAD)
    assert dead is not None
    assert dead[0].last_error == "answered 503"
    assert await office.webhooks.send_again(office.webhook_id, dead[0].delivery_id, by="test")
    assert await office.courier.carry() == 1
    assert await office.states() == [("call.started", DeliveryState.DELIVERED, 1)]


async def test_gone_means_gone(office: Office) -> None:
    """410 is taken at its word; a webhook that is removed takes what waits for it along."""
    calls, start = CallRepository(office.database, office.known.tenant_id), office.known.call()
    await calls.apply(start.call_id, entries(start)[:1])
    office.receiver.statuses = [410]
    await office.courier.carry()
    assert await office.states() == [("call.started", DeliveryState.DEAD, 1)]
    assert await office.webhooks.remove(office.webhook_id, by="test")
    assert await office.webhooks.deliveries(office.webhook_id) is None


async def test_two_couriers_carry_each_thing_once(office: Office) -> None:
    """What one has claimed the other leaves, until the lease is over."""
    calls, start = CallRepository(office.database, office.known.tenant_id), office.known.call()
    await calls.apply(start.call_id, entries(start, outcome=Outcome.RESOLVED))
    outbox = Outbox(office.database)
    first = await outbox.claim(50, LEASE)
    assert len(first) >= 2
    assert await outbox.claim(50, LEASE) == []
    await office.later()
    assert len(await outbox.claim(50, LEASE)) == len(first)


async def test_another_tenant_is_told_nothing(office: Office) -> None:
    """Calls of one tenant never reach the webhook of another."""
    other = TenantRepository(office.database)
    tenant_id, version_id = await other.ensure_example(
        (await _agent(office)).model_copy(update={"name": "Kim"}), "+15550188", "Another"
    )
    await write(CallRepository(office.database, tenant_id), Known(tenant_id, version_id).call(), Outcome.RESOLVED)
    assert await office.courier.carry() == 0
    assert office.receiver.heard == []


async def test_the_courier_works_until_it_is_stopped(office: Office) -> None:
    """It finds what is put out while it works, and leaves nothing running."""
    calls, start = CallRepository(office.database, office.known.tenant_id), office.known.call()
    async with office.courier.at_work(), asyncio.timeout(20):
        await calls.apply(start.call_id, entries(start)[:1])
        await office.receiver.came.wait()
    assert len(office.receiver.heard) == 1


def test_pauses() -> None:
    """They grow, and end."""
    now = datetime.now(UTC)
    waits = [due_again(attempts, now) for attempts in range(1, len(PAUSES) + 2)]
    assert waits[-1] is None
    assert [wait - now for wait in waits[:-1] if wait is not None] == sorted(PAUSES)


@pytest.mark.parametrize(
    "sealed", ["", "x", "AAAA", SEAL.close("s", "another tenant"), Seal(b"k" * 32).close("s", "a")]
)
def test_a_seal_opens_for_its_owner_alone(sealed: str) -> None:
    """Cut, forged, of another tenant, of another installation: it stays shut."""
    assert SEAL.open(SEAL.close("secret", "a"), "a") == "secret"
    with pytest.raises(SealBroken):
        SEAL.open(sealed, "a")


async def _agent(office: Office) -> Agent:
    route = await TenantRepository(office.database).route(NUMBER)
    assert route is not None
    return route.agent
