"""The database: SQLite beside the process or PostgreSQL over the network, one way to speak to both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

_REFUSED = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""The database was there and said no; trying the same again will not help."""


class DatabaseAway(Exception):
    """The database cannot be reached, is too slow, or is shutting down; trying again later may help."""


class Database:
    """Connections to one database. Make one per process and close it at the end."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is connected yet.

        Args:
            url: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://...`.
        """
        self.url = url
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        options = _SQLITE if self._sqlite else _POSTGRESQL
        self._engine = create_async_engine(url, **options)
        if self._sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
        else:
            event.listen(self._engine.sync_engine, "connect", _take_role)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def session(self, tenant_id: str | None = None, *, seek: str | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        Nothing is flushed before a query unless asked for: whoever reads what the block itself wrote flushes first.
        PostgreSQL shows and takes only rows of the tenant, and the row that is sought by its own name.

        Args:
            tenant_id: whose rows; None for none.
            seek: what must be found before the tenant is known: a number, an address, a key, a tenant's name.

        Raises:
            DatabaseAway: the database could not be reached or lost the connection.
        """
        try:
            async with self._sessions() as session, session.begin():
                if not self._sqlite:
                    await session.execute(_SETTINGS, {"tenant": tenant_id or "", "seek": seek or ""})
                yield session
        except _REFUSED:
            raise
        except (DBAPIError, PoolTimeout, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as away:
            raise DatabaseAway(f"{type(away).__name__}: the database is away") from away

    async def check(self) -> str | None:
        """What is wrong with the database, None for nothing."""
        try:
            async with self.session() as session:
                await session.execute(text("SELECT 1"))
        except DatabaseAway as away:
            return str(away)
        return None

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to a revision, before serving. Runs in its own thread.

        Raises:
            DatabaseAway: the database could not be reached.
        """
        await self._in_thread(lambda: command.upgrade(self._alembic(), revision))

    async def migrate_down(self, revision: str) -> None:
        """Take the schema back to a revision ('base' for an empty database)."""
        await self._in_thread(lambda: command.downgrade(self._alembic(), revision))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    def _alembic(self) -> Config:
        if self._sqlite:
            Path(make_url(self.url).database or "").parent.mkdir(parents=True, exist_ok=True)
        return alembic_config(self.url)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="migrate") as thread:
            try:
                await asyncio.get_running_loop().run_in_executor(thread, work)
            except (asyncpg.PostgresError, OSError) as away:
                raise DatabaseAway(f"{type(away).__name__}: the database is away") from away


def alembic_config(url: str) -> Config:
    """Alembic's configuration, made in code: the scripts travel with the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


_SETTINGS = text("SELECT set_config('app.tenant', :tenant, true), set_config('app.seek', :seek, true)")


async def enter(session: AsyncSession, tenant_id: str) -> None:
    """Go on in this transaction as a tenant that was found in it."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(_SETTINGS, {"tenant": tenant_id, "seek": ""})


def _take_role(connection: Any, _: object) -> None:
    """Work as the role that owns nothing; where nobody could make it, the policies hold for the owner too."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('role', rolname, false) FROM pg_roles"
        " WHERE rolname = 'attune_app' AND pg_has_role(current_user, oid, 'MEMBER')"
    )
    cursor.close()


_SQLITE: dict[str, Any] = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 5}
_POSTGRESQL: dict[str, Any] = {
    "pool_size": 5,
    "max_overflow": 5,
    "pool_timeout": 2,
    "pool_pre_ping": True,
    "connect_args": {
        "timeout": 2,
        "command_timeout": 5,
        "server_settings": {"application_name": "attune", "statement_timeout": "4000"},
    },
}
