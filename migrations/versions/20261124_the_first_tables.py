"""The first tables.

Revision ID: 20261124_first
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261124_first"
down_revision = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "tenant",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("name", name=op.f("uq_tenant_name")),
    )
    op.create_table(
        "agent",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("fk_agent_tenant")),
        sa.PrimaryKeyConstraint("tenant_id", "agent_id", name=op.f("pk_agent")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_agent_tenant_id_name")),
    )
    op.create_table(
        "agent_version",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("agent_version_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "agent_id"], ["agent.tenant_id", "agent.agent_id"], name=op.f("fk_agent_version_agent")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "agent_version_id", name=op.f("pk_agent_version")),
        sa.UniqueConstraint("tenant_id", "agent_id", "number", name=op.f("uq_agent_version_tenant_id_agent_id_number")),
    )
    op.create_table(
        "number",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("e164", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "agent_id"], ["agent.tenant_id", "agent.agent_id"], name=op.f("fk_number_agent")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "e164", name=op.f("pk_number")),
        sa.UniqueConstraint("e164", name=op.f("uq_number_e164")),
    )
    op.create_table(
        "call",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("agent_version_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("carrier_call_id", sa.String(), nullable=False),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("disclosed_s", sa.Double(), nullable=True),
        sa.Column("analysis_stopped_s", sa.Double(), nullable=True),
        sa.Column("analysis_stop", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "agent_version_id"],
            ["agent_version.tenant_id", "agent_version.agent_version_id"],
            name=op.f("fk_call_agent_version"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", name=op.f("pk_call")),
    )
    op.create_index(op.f("ix_call_tenant_id_carrier_call_id"), "call", ["tenant_id", "carrier_call_id"], unique=False)

    op.create_table(
        "emotion_point",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("valence", sa.Double(), nullable=True),
        sa.Column("arousal", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("voice", JSON, nullable=True),
        sa.Column("words", JSON, nullable=True),
        sa.Column("disagreement", sa.Double(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"],
            ["call.tenant_id", "call.call_id"],
            name=op.f("fk_emotion_point_call"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", "turn", name=op.f("pk_emotion_point")),
    )
    op.create_table(
        "event",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"], ["call.tenant_id", "call.call_id"], name=op.f("fk_event_call"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", "seq", name=op.f("pk_event")),
    )
    op.create_table(
        "hand_off",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence_turns", JSON, nullable=False),
        sa.Column("asked_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"],
            ["call.tenant_id", "call.call_id"],
            name=op.f("fk_hand_off_call"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", "seq", name=op.f("pk_hand_off")),
    )
    op.create_table(
        "leg",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("leg", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("carrier_leg_id", sa.String(), nullable=False),
        sa.Column("started_s", sa.Double(), nullable=False),
        sa.Column("ended_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"], ["call.tenant_id", "call.call_id"], name=op.f("fk_leg_call"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", "leg", name=op.f("pk_leg")),
    )
    op.create_table(
        "tone",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("style", JSON, nullable=False),
        sa.Column("rules", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"], ["call.tenant_id", "call.call_id"], name=op.f("fk_tone_call"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", "turn", name=op.f("pk_tone")),
    )
    op.create_table(
        "turn",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("heard", sa.String(), nullable=False),
        sa.Column("planned", sa.String(), nullable=True),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("started_s", sa.Double(), nullable=True),
        sa.Column("ended_s", sa.Double(), nullable=True),
        sa.Column("total_s", sa.Double(), nullable=True),
        sa.Column("stages", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"], ["call.tenant_id", "call.call_id"], name=op.f("fk_turn_call"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "call_id", "turn", "party", name=op.f("pk_turn")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("turn")
    op.drop_table("tone")
    op.drop_table("leg")
    op.drop_table("hand_off")
    op.drop_table("event")
    op.drop_table("emotion_point")
    op.drop_index(op.f("ix_call_tenant_id_carrier_call_id"), "call")
    op.drop_table("call")
    op.drop_table("number")
    op.drop_table("agent_version")
    op.drop_table("agent")
    op.drop_table("tenant")
