"""Webhooks and the outbox: what is to be told to other people's servers, kept until they have it.

Revision ID: 20261124_webhooks
Revises: 20261124_rows
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261124_webhooks"
down_revision = "20261124_rows"

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
OWN = "tenant_id = current_setting('app.tenant', true)"


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "webhook",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("sealed_secret", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("fk_webhook_tenant")),
        sa.PrimaryKeyConstraint("tenant_id", "webhook_id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "delivery",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.webhook_id"],
            name=op.f("fk_delivery_webhook"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "delivery_id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_tenant_id_state_due_at"), "delivery", ["tenant_id", "state", "due_at"])
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("webhook", "delivery"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN}) WITH CHECK ({OWN})")
    op.execute("CREATE POLICY sought ON delivery FOR SELECT USING (state = current_setting('app.seek', true))")


def downgrade() -> None:
    """Go down; what is still to be told is lost."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP POLICY sought ON delivery")
    op.drop_table("delivery")
    op.drop_table("webhook")
