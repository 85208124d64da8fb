"""Create and migrate the schema: numbered SQL files, each applied once, in order.

The version is kept in the database (`user_version`). The files are the schema: a new store
is made by applying all of them, so it cannot differ from a migrated one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from trackside.errors import InvalidState


def migrations(engine: str = "sqlite") -> dict[int, str]:
    """SQL of each migration of an engine, by its number."""
    folder = resources.files("trackside.store") / "sql" / engine / "migrations"
    return {
        int(file.name[:4]): file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda f: f.name)
    }


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to the newest version; an older one is backed up beside itself first.

    Raises InvalidState when a newer Trackside has written it.
    """
    steps = migrations()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > max(steps):
        raise InvalidState(
            f"{path} was written by a newer Trackside (schema {version}; this one knows {max(steps)}). Upgrade Trackside."
        )
    if 0 < version < max(steps):
        _back_up(connection, path.with_name(f"{path.name}.v{version}.backup"))
    for number in sorted(steps.keys() - range(version + 1)):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{steps[number]};\nPRAGMA user_version = {number};\nCOMMIT;"
        )


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raises InvalidState when the server that has the database open is another release than this one."""
    version, ours = connection.execute("PRAGMA user_version").fetchone()[0], max(migrations())
    if version != ours:
        raise InvalidState(
            f"{path} is served by another release of Trackside (schema {version}; this one has {ours})."
            " Use that release, or stop the server first."
        )


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    with new_file(target) as unfinished, closing(sqlite3.connect(unfinished)) as copy:
        connection.backup(copy)


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """An empty file to fill, as private as a store; it gets its name, durably, when the block has ended well."""
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        yield unfinished
        fsync(unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    fsync(target.parent)


def fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
