"""The one object that core functions are given: database, metric points, artifacts, events, settings."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from trackside.blobs import BlobStore
from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings
from trackside.core.events import Events
from trackside.core.identity import Identities
from trackside.core.rankings import Rankings
from trackside.errors import StoreUnusable
from trackside.store.database import Database
from trackside.store.series import Series
from trackside.store.sqlite import SqliteDatabase


@dataclass(frozen=True)
class App:
    settings: ServerSettings
    db: Database
    blobs: BlobStore
    series: Series = field(default_factory=Series)
    events: Events = field(default_factory=Events)
    identities: Identities = field(default_factory=Identities)
    deliveries_due: asyncio.Event = field(default_factory=asyncio.Event)  # wakes who sends to webhooks

    @classmethod
    def open(cls, settings: ServerSettings) -> App:
        """Open the store, making it when there is none: PostgreSQL, or SQLite below the data folder.

        Raises OSError when the folder cannot be written, StoreInUse when another server has it, StoreUnusable
        or InvalidState when the database cannot be used.
        """
        _make_folder(settings.artifact_dir)
        return cls(settings, _database(settings), FolderStore(settings.artifact_dir))

    @cached_property
    def rankings(self) -> Rankings:
        return Rankings(self.db)

    async def close(self) -> None:
        self.events.close()
        self.rankings.stop()
        await self.db.close()


def _database(settings: ServerSettings) -> Database:
    if not settings.store:
        return SqliteDatabase(settings.database_path)
    try:
        from trackside.store.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is an extra
    except ModuleNotFoundError as missing:
        raise StoreUnusable(
            f"PostgreSQL needs {missing.name}: pip install 'trackside[server,team]'"
        ) from None
    return PostgresDatabase(settings.store)


def _make_folder(path: Path) -> None:
    """Make a folder and those above it, durably: a store whose folder is lost in a power cut is lost."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
