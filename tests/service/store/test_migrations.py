"""Every revision goes up and down with data, on both databases, and ends where the tables are."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, PrimaryKeyConstraint, UniqueConstraint, func, inspect, select

from service.domain.calls import Outcome
from service.store.calls import CallRepository
from service.store.database import Database, alembic_config
from service.store.tables import Base, CallRow, EventRow
from tests.service.conftest import settle
from tests.service.record import write


async def fill(database: Database) -> str:
    """Put a whole call into a database whose schema is at its head; whose it is."""
    known = await settle(database)
    await write(CallRepository(database, known.tenant_id), known.call(), Outcome.RESOLVED)
    return known.tenant_id


def differences(connection: Connection) -> list[object]:
    """What the schema lacks or has too much of."""
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


async def test_every_revision_up_and_down_with_data(database_url: str) -> None:
    """Up to the head, data in, down one by one and up again: no step is in the way of data."""
    database = Database(database_url)
    revisions = [each.revision for each in ScriptDirectory.from_config(alembic_config(database_url)).walk_revisions()]
    try:
        await database.migrate()
        await fill(database)
        for below in [*revisions[1:], "base"]:
            await database.migrate_down(below)
        async with database.session() as session:
            left = await session.run_sync(lambda one: inspect(one.connection()).get_table_names())
            assert set(left) == {"alembic_version"}
        for revision in reversed(revisions):
            await database.migrate(revision)
        tenant_id = await fill(database)
        async with database.session(tenant_id) as session:
            assert await session.scalar(select(func.count()).select_from(CallRow)) == 1
            assert (await session.scalar(select(func.count()).select_from(EventRow)) or 0) > 20
    finally:
        await database.close()


async def test_the_schema_is_what_the_tables_say(database: Database) -> None:
    """Nothing was added to the tables without a revision."""
    async with database.session() as session:
        assert await session.run_sync(lambda one: differences(one.connection())) == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    """The second start finds the schema as it is."""
    await database.migrate()
    assert await database.check() is None


def test_every_row_names_its_tenant_and_every_key_begins_with_it() -> None:
    """Rows of two tenants can never meet; a telephone number and a tenant's name are the exceptions, being global."""
    for table in Base.metadata.sorted_tables:
        assert not table.c.tenant_id.nullable
        keys = [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
        for key in [*keys, *table.indexes]:
            columns = [column.name for column in key.columns]
            assert columns[0] == "tenant_id" or columns in (["e164"], ["name"]), f"{table.name}: {columns}"
