"""What a dry run sees of the target: a store that is neither made nor changed, also beside its server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackside.errors import StoreUnusable
from trackside.importers.plan import There

if TYPE_CHECKING:
    from trackside.config import ServerSettings

Versions = dict[
    tuple[str, int], tuple[int, str | None]
]  # when they were made and by which run, by model and number
_EXPERIMENTS = "SELECT id, name, lifecycle, artifact_location, created_ms FROM experiment ORDER BY id"
_VERSIONS = (
    "SELECT name, version, model_version.created_ms, run_uuid FROM model_version"
    " JOIN registered_model ON registered_model.id = model_version.model_id"
)


async def glance(settings: ServerSettings) -> tuple[list[There], Versions]:
    """The experiments of a store, and its model versions. Raises StoreUnusable."""
    if settings.store:
        experiments, versions = await _of_postgresql(settings.store)
    else:
        experiments, versions = _of_sqlite(settings.database_path)
    there = [
        There(number, name, lifecycle, place, created_ms=made_ms)
        for number, name, lifecycle, place, made_ms in experiments
    ]
    return there, {(row[0], row[1]): (row[2], row[3]) for row in versions}


def _of_sqlite(path: Path) -> tuple[list[Any], list[Any]]:
    if not path.is_file():
        return [], []
    # SQLite makes files beside a database with a log even to read it, and leaves them; not when told that nobody
    # writes, which is so while there is no log.
    alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{alone}", uri=True)) as connection:
            return connection.execute(_EXPERIMENTS).fetchall(), connection.execute(_VERSIONS).fetchall()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} is damaged, or no database of Trackside ({error}).") from error


async def _of_postgresql(url: str) -> tuple[list[Any], list[Any]]:
    from trackside.store.postgres import connect  # noqa: PLC0415 - its driver is an extra

    connection = await connect.first(url)
    try:
        if await connection.fetchval("SELECT to_regclass('experiment')") is None:
            return [], []
        return await connection.fetch(_EXPERIMENTS), await connection.fetch(_VERSIONS)
    finally:
        await connect.end(connection)
