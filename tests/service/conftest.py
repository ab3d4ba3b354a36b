"""Real neighbours for the service's tests: SQLite files, one PostgreSQL server, Valkey."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.store.database import Database
from service.store.tenants import TenantRepository
from service.store.valkey import EmbeddedValkey
from service.telemetry.metrics import Meters
from tests.service.postgres import PostgresServer
from tests.service.story import AGENT, NUMBER, Known

_count = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL server of this run; started with the first test that needs it."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'attune.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create(f"test_{next(_count)}")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, once of each kind."""
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the example tenant, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "attune.db"

    async def make() -> None:
        database = Database(f"sqlite+aiosqlite:///{path}")
        await database.migrate()
        await settle(database)
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture
async def lite(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database with the example tenant, for scenes where the kind does not matter."""
    database = Database(f"sqlite+aiosqlite:///{shutil.copy(migrated, tmp_path / 'lite.db')}")
    yield database
    await database.close()


async def settle(database: Database) -> Known:
    """The example tenant in a database."""
    tenant_id, agent_version_id = await TenantRepository(database).ensure_example(AGENT, NUMBER)
    return Known(tenant_id, agent_version_id)


@pytest.fixture
async def away(postgres: PostgresServer) -> AsyncIterator[tuple[Database, Known]]:
    """A database on the PostgreSQL server, with the example tenant, for scenes in which the server is stopped."""
    database = Database(postgres.create(f"away_{next(_count)}"))
    await database.migrate()
    yield database, await settle(database)
    await database.close()


@pytest.fixture
async def known(database: Database) -> Known:
    """The ids of the example tenant in `database`."""
    return await settle(database)


@pytest.fixture
async def known_lite(lite: Database) -> Known:
    """The ids of the example tenant in `lite`."""
    return await settle(lite)


@pytest.fixture
def meters() -> Meters:
    """Metrics of one test."""
    return Meters()


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey of this test alone."""
    async with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server
