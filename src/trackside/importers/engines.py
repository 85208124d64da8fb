"""Queries of a database of MLflow's, on SQLite or PostgreSQL, that look at the columns there are.

MLflow's schema has grown by some sixty migrations from 2.9 to 3.17. Nothing here knows their numbers: a column that
is not there reads as NULL, a table that is not there as empty.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from trackside.importers.source import SourceError, threaded

Record = Sequence[Any]
PAGE_ROWS = 50_000
CONNECTIONS = 4


class Engine(Protocol):
    tables: dict[str, frozenset[str]]  # columns by table

    def rows(self, sql: str, values: Sequence[Any] = ()) -> AsyncIterator[list[Record]]:
        """Pages of a query's rows; its places for values are `?`."""

    async def close(self) -> None: ...


class SqliteEngine:
    """A file, opened for reading only. Whoever writes to it may go on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise SourceError(f"There is no database at {path}.")
        self.name = str(path.resolve())
        try:
            self._connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self._connection.execute("PRAGMA busy_timeout = 30000")
            names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            self.tables = {
                name: frozenset(row[1] for row in self._connection.execute(f'PRAGMA table_info("{name}")'))
                for (name,) in names
            }
        except sqlite3.Error as error:
            raise SourceError(f"{path} cannot be read as a database of SQLite: {error}.") from error

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> AsyncIterator[list[Record]]:
        async for page in threaded(self._pages(sql, values)):
            yield page

    def _pages(self, sql: str, values: Sequence[Any]) -> Iterator[list[Record]]:
        try:
            # What is read stays in a file until it is asked for: a cursor left half read would keep writers waiting.
            with tempfile.TemporaryFile() as kept:
                pages = [kept.write(msgspec.msgpack.encode(page)) for page in self._fetched(sql, values)]
                kept.seek(0)
                for size in pages:
                    yield msgspec.msgpack.decode(kept.read(size))
        except sqlite3.Error as error:
            raise SourceError(f"{self._path} cannot be read: {error}.") from error

    def _fetched(self, sql: str, values: Sequence[Any]) -> Iterator[list[Record]]:
        cursor = self._connection.execute(sql, values)
        while page := cursor.fetchmany(PAGE_ROWS):
            yield page

    async def close(self) -> None:
        self._connection.close()


class PostgresEngine:
    """Some connections that only read."""

    def __init__(self, pool: Any, name: str, tables: dict[str, frozenset[str]]) -> None:
        self._pool = pool
        self._name = name
        self.tables = tables

    @classmethod
    async def open(cls, url: str, name: str) -> PostgresEngine:
        """Raises SourceError, never with the password."""
        import asyncpg  # noqa: PLC0415 - an extra

        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=CONNECTIONS,
                server_settings={"default_transaction_read_only": "on"},
            )
            found = await pool.fetch(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ANY (current_schemas(false))"
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise SourceError(f"{name} cannot be read: {type(error).__name__}: {error}") from None
        tables: dict[str, set[str]] = {}
        for table, column in found:
            tables.setdefault(table, set()).add(column)
        return cls(pool, name, {table: frozenset(columns) for table, columns in tables.items()})

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> AsyncIterator[list[Record]]:
        import asyncpg  # noqa: PLC0415 - an extra

        parts = sql.split("?")
        numbered = "".join(f"{part}${number}" for number, part in enumerate(parts[:-1], 1)) + parts[-1]
        try:
            async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                cursor = await connection.cursor(numbered, *values)
                while page := await cursor.fetch(PAGE_ROWS):
                    yield page
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise SourceError(f"{self._name} cannot be read: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        await self._pool.close()


def shown(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    at = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{at}{parts.hostname or ''}{port}{parts.path}"


async def opened(url: str) -> tuple[Engine, str]:
    """The engine of a database's URL, as MLflow writes such URLs, and its name without a password.

    A file's name is its whole path: another folder's database is another source.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        path = Path(unquote(url.removeprefix("sqlite:///").partition("?")[0]))
        engine = SqliteEngine(path)
        return engine, engine.name
    if scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise SourceError(
            f"There is no reader for {scheme}: databases. Start MLflow's server on it, and import from http://…"
        )
    plain = "postgresql" + url[url.index("://") :]  # postgres://, postgresql+psycopg2://
    return await PostgresEngine.open(plain, shown(plain)), shown(plain)
