"""Answers that were given to requests with an `Idempotency-Key`: the same request again gets the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from service.store.database import Database
from service.store.tables import AnswerRow

KEPT_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; `status` is None while the first request is still being worked on."""

    asked: str
    status: int | None
    headers: Mapping[str, str]
    body: str


class AnswerRepository:
    """Answers of one tenant. Every method raises DatabaseAway where the database cannot be reached."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def claim(self, key: str, asked: str) -> Answer | None:
        """Take a key for a request; where it is taken already, what was asked and answered under it.

        Args:
            key: the `Idempotency-Key`.
            asked: a fingerprint of the request.
        """
        now = datetime.now(UTC)
        async with self._database.session(self._tenant_id) as session:
            old = delete(AnswerRow).where(AnswerRow.tenant_id == self._tenant_id, AnswerRow.created_at < now - KEPT_FOR)
            await session.execute(old)
        row = AnswerRow(
            tenant_id=self._tenant_id, key=key, asked=asked, status=None, headers={}, body="", created_at=now
        )
        try:
            async with self._database.session(self._tenant_id) as session:
                session.add(row)
        except IntegrityError:
            async with self._database.session(self._tenant_id) as session:
                held = await session.get(AnswerRow, (self._tenant_id, key))
            return None if held is None else Answer(held.asked, held.status, held.headers, held.body)
        return None

    async def keep(self, key: str, status: int, headers: Mapping[str, str], body: str) -> None:
        """Keep what was answered."""
        async with self._database.session(self._tenant_id) as session:
            row = await session.get(AnswerRow, (self._tenant_id, key))
            if row is not None:
                row.status, row.headers, row.body = status, dict(headers), body

    async def forget(self, key: str) -> None:
        """Give a key free: the request failed and may be sent again."""
        async with self._database.session(self._tenant_id) as session:
            of_key = (AnswerRow.tenant_id == self._tenant_id, AnswerRow.key == key)
            await session.execute(delete(AnswerRow).where(*of_key))
