"""Copies of a SQLite store: made while it is served, put back, and checked."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from trackside.errors import AlreadyExists, NotFound, StoreUnusable
from trackside.store import schema
from trackside.store.sqlite import lock

COUNTED = ("experiment", "run", "registered_model", "logged_model")


class Contents(NamedTuple):
    """What a copy holds; its size in bytes."""

    size_bytes: int
    experiments: int
    runs: int
    registered_models: int
    logged_models: int


def backup(database: Path, target: Path) -> Contents:
    """Copy a database, as it is at this moment, to a file that is not there yet, and verify the copy.

    Writers go on meanwhile. Raises NotFound, AlreadyExists, StoreUnusable for a damaged database.
    """
    if not database.exists():
        raise NotFound(f"There is no database at {database}.")
    if target.exists():
        raise AlreadyExists(f"{target} exists; a backup never replaces a file. Name another.")
    with opened(database) as source:
        return _copied(source, target)


def restore(source: Path, database: Path, *, replace: bool = False) -> tuple[Contents, Path | None]:
    """Make a backup the database of a data folder; what it holds, and where the former database lies now.

    Raises NotFound, StoreUnusable for a damaged backup, StoreInUse while a server has the folder, and
    AlreadyExists for a database that is there, unless it is to be replaced.
    """
    if not source.exists():
        raise NotFound(f"There is no backup at {source}.")
    database.parent.mkdir(parents=True, exist_ok=True)
    descriptor = lock(database)
    try:
        if database.exists() and not replace:
            raise AlreadyExists(f"{database} exists. Say --replace to put the backup in its place.")
        new = database.with_suffix(".restored")
        new.unlink(missing_ok=True)  # of a restore that was broken off
        with opened(source) as copied:
            contents = _copied(copied, new)
        former = _put_aside(database) if database.exists() else None
        new.replace(database)
        schema.fsync(database.parent)
    finally:
        os.close(descriptor)
    return contents, former


def damages(database: Path) -> list[str]:
    """What is wrong with the file, in SQLite's words; nothing for a sound one."""
    with opened(database) as connection:
        return _damages(connection)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database for reading, also while it is served. Raises StoreUnusable."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            newest = max(schema.migrations())
            if not 0 < version <= newest:
                raise StoreUnusable(
                    f"{path} has schema {version}; this Trackside knows 1 to {newest}."
                    + (" Upgrade Trackside." if version else " It is no database of Trackside.")
                )
            yield connection
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} is damaged, or no database of Trackside ({error}).") from error


def _copied(source: sqlite3.Connection, target: Path) -> Contents:
    """A durable copy in one step, so that writers cannot make it start over; none unless it is sound."""
    with schema.new_file(target) as unfinished, closing(sqlite3.connect(unfinished)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        _check(copy)
        counts = [copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED]  # noqa: S608
    return Contents(target.stat().st_size, *counts)


def _check(copy: sqlite3.Connection) -> None:
    if found := _damages(copy):
        raise StoreUnusable(f"The copy is damaged, as its source may be: {found[0]}.")


def _damages(connection: sqlite3.Connection) -> list[str]:
    found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return found + [
        f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in broken
    ]


def _put_aside(database: Path) -> Path:
    """Give a database that nobody serves another name, with what is still in its log."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    former = database.with_name(f"{database.name}.{datetime.now(UTC):%Y%m%d-%H%M%S}.backup")
    database.replace(former)
    for rest in ("-wal", "-shm"):
        database.with_name(f"{database.name}{rest}").unlink(missing_ok=True)
    return former
