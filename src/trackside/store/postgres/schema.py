"""Create and migrate the schema: numbered SQL files, each applied once, in order, under a lock.

An empty database is set up when a server starts. One of an older Trackside is not migrated by the
way, since other servers may be at work on it: `trackside db migrate` does that, on request.
"""

from __future__ import annotations

import time

from trackside.errors import InvalidState, StoreUnusable
from trackside.store.postgres import locks
from trackside.store.postgres.connect import Connection
from trackside.store.schema import migrations

OLDEST = 15  # of PostgreSQL's versions, those that are tested


async def prepare(connection: Connection, *, migrate: bool = False) -> list[int]:
    """Set up an empty database; with `migrate`, bring an older one up to date. The migrations that were applied.

    Raises InvalidState when the schema is older or newer than ours, StoreUnusable for a database that is
    not for us.
    """
    await _check_server(connection)
    known = migrations("postgres")
    # A transaction's lock: it cannot be forgotten. Servers that start at once wait for the first.
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({locks.MIGRATION})")
        applied = await _applied(connection)
        if unknown := sorted(applied - known.keys()):
            raise InvalidState(
                f"The database was written by a newer Trackside (schema {unknown[-1]}; this one knows {max(known)})."
                " Upgrade Trackside."
            )
        missing = sorted(known.keys() - applied)
        if applied and missing and not migrate:
            raise InvalidState(
                f"The database has schema {max(applied)}, this Trackside needs {missing[-1]}. Stop all servers on it,"
                " back it up (pg_dump), then run: trackside db migrate --store URL"
            )
        if missing and not applied:
            await _create_bookkeeping(connection)
        for number in missing:
            await connection.execute(known[number])
            await connection.execute(
                "INSERT INTO trackside_schema (number, applied_ms) VALUES ($1, $2)",
                number,
                time.time_ns() // 1_000_000,
            )
    return missing


async def _check_server(connection: Connection) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST:
        raise StoreUnusable(
            f"PostgreSQL {OLDEST} or newer is needed; this server is {version.major}.{version.minor}."
        )
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise StoreUnusable(
            f"The database's encoding is {encoding}; Trackside needs UTF8: createdb --encoding UTF8 --template template0"
        )


async def _applied(connection: Connection) -> set[int]:
    """The migrations that the database has; none for an empty one. Raises StoreUnusable for another's database."""
    rows = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    )
    tables = [row["tablename"] for row in rows]
    if "trackside_schema" in tables:
        return {row["number"] for row in await connection.fetch("SELECT number FROM trackside_schema")}
    if tables:
        raise StoreUnusable(
            f"The database has tables that are not Trackside's ({', '.join(tables[:5])}…). Give it one of its own."
        )
    return set()


async def _create_bookkeeping(connection: Connection) -> None:
    await connection.execute(
        "CREATE TABLE trackside_schema (number BIGINT PRIMARY KEY, applied_ms BIGINT NOT NULL)"
    )
