"""Row-level security: PostgreSQL itself keeps the rows of tenants apart.

A transaction names its tenant in `app.tenant`; without a name it sees nothing. What must be found before a tenant is
known (a number that rings, an address that logs in, a key, a tenant's name, a call of a carrier) is found by naming
exactly that in `app.seek`. The service works as the role `attune_app`, which owns nothing and bypasses nothing.

A later revision that changes rows of every tenant takes FORCE off for its own time.

Revision ID: 20261124_rows
Revises: 20261124_agents
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "20261124_rows"
down_revision = "20261124_agents"

ROLE = "attune_app"
SOUGHT = {
    "number": "e164",
    "person": "email",
    "api_key": "key_id",
    "tenant": "name",
    "call": "carrier_call_id",
}
OWN = "tenant_id = current_setting('app.tenant', true)"


def _tables() -> list[str]:
    """Every table whose rows belong to a tenant."""
    found = op.get_bind().execute(
        text(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND column_name = 'tenant_id' ORDER BY table_name"
        )
    )
    return [row[0] for row in found]


def upgrade() -> None:
    """Go up; SQLite has one process, no roles and nothing to do here."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {ROLE} NOLOGIN;
        EXCEPTION
          WHEN duplicate_object OR unique_violation THEN NULL;
          WHEN insufficient_privilege THEN RAISE NOTICE 'create the role {ROLE} yourself, see the guide to operations';
        END $$
        """
    )
    for table in _tables():
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        op.execute(f'CREATE POLICY own_rows ON "{table}" USING ({OWN}) WITH CHECK ({OWN})')
    for table, column in SOUGHT.items():
        op.execute(
            f"CREATE POLICY sought ON \"{table}\" FOR SELECT USING ({column} = current_setting('app.seek', true))"
        )
    op.execute(
        f"""
        DO $$ BEGIN
          IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};
            ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE};
            REVOKE UPDATE, DELETE ON audit FROM {ROLE};
          END IF;
        END $$
        """
    )


def downgrade() -> None:
    """Go down; the role stays, other databases of the server may use it."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        f"""
        DO $$ BEGIN
          IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
            ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {ROLE};
            REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE};
          END IF;
        END $$
        """
    )
    for table in SOUGHT:
        op.execute(f'DROP POLICY sought ON "{table}"')
    for table in _tables():
        op.execute(f'DROP POLICY own_rows ON "{table}"')
        op.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
