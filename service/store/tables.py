"""The tables. Every row names its tenant, and every key begins with it, so rows of two tenants can never meet.

The one exception is the unique telephone number: a number rings at exactly one tenant, whoever that is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, ForeignKeyConstraint, Index, MetaData, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Moment(TypeDecorator[datetime]):
    """An aware wall-clock time. SQLite forgets the zone, so it is kept as UTC and made aware again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store as UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read as UTC."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables, with names for their keys so that migrations can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class TenantRow(Base):
    """A business whose calls, agents and data are sealed off."""

    __tablename__ = "tenant"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)


class AgentRow(Base):
    """A tenant's AI voice; what it says and how lies in its versions."""

    __tablename__ = "agent"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), primary_key=True)
    agent_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    draft: Mapped[dict[str, Any] | None] = mapped_column(Json)
    revision: Mapped[int] = mapped_column(server_default="1")


class AgentVersionRow(Base):
    """One version of an agent. Its spec never changes: a call is pinned to it."""

    __tablename__ = "agent_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "agent_id", "number"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.agent_id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    agent_version_id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str]
    number: Mapped[int]
    spec: Mapped[dict[str, Any]] = mapped_column(Json)
    sha256: Mapped[str]
    published: Mapped[bool]
    made_by: Mapped[str] = mapped_column(server_default="start")
    created_at: Mapped[datetime] = mapped_column(Moment)


class NumberRow(Base):
    """A telephone number and the agent that answers it."""

    __tablename__ = "number"
    __table_args__ = (
        UniqueConstraint("e164"),
        ForeignKeyConstraint(["tenant_id", "agent_id"], ["agent.tenant_id", "agent.agent_id"]),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    e164: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str]


class CallRow(Base):
    """A call, from ring to last hang-up."""

    __tablename__ = "call"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "agent_version_id"], ["agent_version.tenant_id", "agent_version.agent_version_id"]
        ),
        Index(None, "tenant_id", "carrier_call_id"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    agent_version_id: Mapped[str]
    status: Mapped[str]
    carrier: Mapped[str]
    carrier_call_id: Mapped[str]
    from_number: Mapped[str]
    to_number: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
    disclosed_s: Mapped[float | None]
    analysis_stopped_s: Mapped[float | None]
    analysis_stop: Mapped[str | None]


_OF_A_CALL = (["tenant_id", "call_id"], ["call.tenant_id", "call.call_id"])


class LegRow(Base):
    """One party's line in a call."""

    __tablename__ = "leg"
    __table_args__ = (ForeignKeyConstraint(*_OF_A_CALL, ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    leg: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    party: Mapped[str]
    carrier: Mapped[str]
    carrier_leg_id: Mapped[str]
    started_s: Mapped[float]
    ended_s: Mapped[float | None]


class TurnRow(Base):
    """One turn of one party. Several utterances or notices in one turn are joined."""

    __tablename__ = "turn"
    __table_args__ = (ForeignKeyConstraint(*_OF_A_CALL, ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    party: Mapped[str] = mapped_column(primary_key=True)
    heard: Mapped[str]
    planned: Mapped[str | None]
    interrupted: Mapped[bool]
    source: Mapped[str | None]
    confidence: Mapped[float | None]
    started_s: Mapped[float | None]
    ended_s: Mapped[float | None]
    total_s: Mapped[float | None]
    stages: Mapped[dict[str, float]] = mapped_column(Json)


class EmotionPointRow(Base):
    """The emotion of one caller turn: one point of the trajectory."""

    __tablename__ = "emotion_point"
    __table_args__ = (ForeignKeyConstraint(*_OF_A_CALL, ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at_s: Mapped[float]
    label: Mapped[str]
    valence: Mapped[float | None]
    arousal: Mapped[float | None]
    confidence: Mapped[float]
    voice: Mapped[dict[str, Any] | None] = mapped_column(Json)
    words: Mapped[dict[str, Any] | None] = mapped_column(Json)
    disagreement: Mapped[float]
    model: Mapped[str]


class ToneRow(Base):
    """How one caller turn was answered."""

    __tablename__ = "tone"
    __table_args__ = (ForeignKeyConstraint(*_OF_A_CALL, ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    strategy: Mapped[str]
    name: Mapped[str]
    style: Mapped[dict[str, float]] = mapped_column(Json)
    rules: Mapped[list[str]] = mapped_column(Json)


class EventRow(Base):
    """The whole story of a call, in order: everything else about it can be told from here."""

    __tablename__ = "event"
    __table_args__ = (ForeignKeyConstraint(*_OF_A_CALL, ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    at_s: Mapped[float]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)


class HandOffRow(Base):
    """A human was needed: why, and since when."""

    __tablename__ = "hand_off"
    __table_args__ = (ForeignKeyConstraint(*_OF_A_CALL, ondelete="CASCADE"),)

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    turn: Mapped[int]
    reason: Mapped[str]
    evidence_turns: Mapped[list[int]] = mapped_column(Json)
    asked_s: Mapped[float]


class PersonRow(Base):
    """Somebody who may log in to one tenant. The password is kept as an argon2 hash only."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("tenant_id", "email"),)

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    active: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)


class LoginRow(Base):
    """One login of one person: a chain of refresh tokens of which only the newest counts."""

    __tablename__ = "login"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.person_id"], ondelete="CASCADE"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    login_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    secret_hash: Mapped[str]
    generation: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_for: Mapped[str | None]


class ApiKeyRow(Base):
    """A key for a program; its secret is kept as a keyed hash only."""

    __tablename__ = "api_key"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(Json)
    made_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class AuditRow(Base):
    """Who did what. Rows are only added, and each carries a hash over itself and the one before."""

    __tablename__ = "audit"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    who: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    previous: Mapped[str]
    sha256: Mapped[str]


class AnswerRow(Base):
    """What was answered to a request that may be sent twice."""

    __tablename__ = "answer"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[str]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any]] = mapped_column(Json)
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)


class WebhookRow(Base):
    """An address of a tenant that wants to be told; its secret is kept encrypted, because it signs."""

    __tablename__ = "webhook"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.tenant_id"), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    kinds: Mapped[list[str]] = mapped_column(Json)
    sealed_secret: Mapped[str]
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Moment)


class DeliveryRow(Base):
    """One thing to be told to one address: written with what happened, kept until the other side has it."""

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "webhook_id"], ["webhook.tenant_id", "webhook.webhook_id"], ondelete="CASCADE"
        ),
        Index(None, "tenant_id", "state", "due_at"),
    )

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[str]
    kind: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    last_error: Mapped[str | None]
