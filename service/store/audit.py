"""What people and programs did, per tenant, in a chain that shows when somebody changed it afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.store.database import Database
from service.store.tables import AuditRow, TenantRow

START: Final = "0" * 64
"""What the first row of a chain carries in place of a hash before it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing done.

    Attributes:
        seq: place in the tenant's chain, from 1.
        at: wall clock, aware.
        who: who did it (`person:ID`, `key:ID`, `installation`).
        action: what, as `noun.verb`.
        target: to what.
        detail: what changed; never a secret.
        sha256: over this entry and the one before.
    """

    seq: int
    at: datetime
    who: str
    action: str
    target: str
    detail: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a check of a chain found.

    Attributes:
        entries: how many were read.
        head: the newest hash; whoever keeps it elsewhere also notices a chain that was cut short.
        broken_at: the first entry that does not follow from the one before; None for none.
    """

    entries: int
    head: str
    broken_at: int | None


class AuditTrail:
    """The chain of one tenant, open inside one transaction: a change and its entry are kept together or not at all."""

    def __init__(self, session: AsyncSession, tenant_id: str, last: tuple[int, str]) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._seq, self._previous = last

    def note(self, who: str, action: str, target: str, **detail: Any) -> None:
        """Add an entry. Details must be plain JSON and no secret."""
        self._seq += 1
        at = datetime.now(UTC)
        digest = _digest(self._previous, self._seq, at, who, action, target, detail)
        row = AuditRow(
            tenant_id=self._tenant_id,
            seq=self._seq,
            at=at,
            who=who,
            action=action,
            target=target,
            detail=detail,
            previous=self._previous,
            sha256=digest,
        )
        self._session.add(row)
        self._previous = digest


@asynccontextmanager
async def audited(database: Database, tenant_id: str) -> AsyncIterator[tuple[AsyncSession, AuditTrail]]:
    """A transaction that writes down what it does.

    Changes of one tenant follow each other: the tenant's row is locked first.

    Raises:
        DatabaseAway: the database cannot be reached.
    """
    async with database.session(tenant_id) as session:
        await session.execute(update(TenantRow).where(TenantRow.tenant_id == tenant_id).values(name=TenantRow.name))
        query = select(AuditRow.seq, AuditRow.sha256).where(AuditRow.tenant_id == tenant_id)
        last = (await session.execute(query.order_by(AuditRow.seq.desc()).limit(1))).first()
        yield session, AuditTrail(session, tenant_id, (last[0], last[1]) if last else (0, START))


class AuditRepository:
    """Reads and checks the chain of one tenant.

    Every method raises DatabaseAway where the database cannot be reached.
    """

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def find(self, *, limit: int = 50, before: int | None = None) -> list[AuditEntry]:
        """Entries, newest first, older than a place in the chain."""
        query = select(AuditRow).where(AuditRow.tenant_id == self._tenant_id).order_by(AuditRow.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.seq < before)
        async with self._database.session(self._tenant_id) as session:
            return [
                AuditEntry(row.seq, row.at, row.who, row.action, row.target, row.detail, row.sha256)
                for row in await session.scalars(query)
            ]

    async def hashes(self) -> frozenset[str]:
        """Every hash of the chain."""
        async with self._database.session(self._tenant_id) as session:
            query = select(AuditRow.sha256).where(AuditRow.tenant_id == self._tenant_id)
            return frozenset(await session.scalars(query))

    async def check(self) -> ChainCheck:
        """Compute every hash anew."""
        previous, entries, after = START, 0, 0
        while True:
            async with self._database.session(self._tenant_id) as session:
                query = select(AuditRow).where(AuditRow.tenant_id == self._tenant_id, AuditRow.seq > after)
                rows = list(await session.scalars(query.order_by(AuditRow.seq).limit(500)))
            for row in rows:
                entries += 1
                digest = _digest(previous, row.seq, row.at, row.who, row.action, row.target, row.detail)
                if row.seq != after + 1 or row.previous != previous or row.sha256 != digest:
                    return ChainCheck(entries, previous, after + 1)
                previous, after = row.sha256, row.seq
            if not rows:
                return ChainCheck(entries, previous, None)


def _digest(
    previous: str, seq: int, at: datetime, who: str, action: str, target: str, detail: Mapping[str, Any]
) -> str:
    content = [previous, seq, at.astimezone(UTC).isoformat(), who, action, target, detail]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
