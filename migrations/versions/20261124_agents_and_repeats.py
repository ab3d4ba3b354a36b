"""Drafts of agents, who made a version, and answers kept for requests that are sent twice.

Revision ID: 20261124_agents
Revises: 20261124_people
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261124_agents"
down_revision = "20261124_people"

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Go up; agents that are there were made at the start and have no draft."""
    with op.batch_alter_table("agent") as agent:
        agent.add_column(sa.Column("draft", JSON, nullable=True))
        agent.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("agent_version") as version:
        version.add_column(sa.Column("made_by", sa.String(), nullable=False, server_default="start"))
    op.create_table(
        "answer",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"], name=op.f("fk_answer_tenant")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_answer")),
    )


def downgrade() -> None:
    """Go down; drafts are lost."""
    op.drop_table("answer")
    with op.batch_alter_table("agent_version") as version:
        version.drop_column("made_by")
    with op.batch_alter_table("agent") as agent:
        agent.drop_column("revision")
        agent.drop_column("draft")
