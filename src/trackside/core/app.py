"""The one object that core functions are given: database, metric points, artifacts, events, settings."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from trackside.blobs import BlobStore
from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings
from trackside.core.events import Events
from trackside.core.identity import Identities
from trackside.core.tails import Tails
from trackside.core.turns import Turns, sender
from trackside.errors import NotFound, StoreUnusable
from trackside.store.database import Database, Job, T
from trackside.store.series import Series
from trackside.store.sqlite import SqliteDatabase


@dataclass(frozen=True)
class App:
    settings: ServerSettings
    db: Database
    blobs: BlobStore
    series: Series = field(default_factory=Series)
    events: Events = field(default_factory=Events)
    tails: Tails = field(default_factory=Tails)  # tells who compacts metric points where to look
    identities: Identities = field(default_factory=Identities)
    turns: Turns = field(default_factory=Turns)
    deliveries_due: asyncio.Event = field(default_factory=asyncio.Event)  # wakes who sends to webhooks

    @classmethod
    def open(cls, settings: ServerSettings) -> App:
        """Open the store, making it when there is none: PostgreSQL, or SQLite below the data folder.

        Raises OSError when the folder cannot be written, StoreInUse when another server has it, StoreUnusable
        or InvalidState when the database cannot be used.
        """
        _make_folder(settings.data_dir, 0o700)
        _make_folder(settings.artifact_dir, 0o700)
        return cls(settings, _database(settings), FolderStore(settings.artifact_dir))

    @classmethod
    def open_beside(cls, settings: ServerSettings) -> App:
        """Open a store that is there, for one command: without its server, or beside it.

        What a server remembers is not told: only change what it looks up again (`accounts.recover`).
        Raises NotFound when there is none, OSError, StoreUnusable, and InvalidState for one of another release.
        """
        if settings.store:
            return cls.open(settings)
        if not settings.database_path.is_file():
            raise NotFound(f"There is no store of Trackside in {settings.data_dir}: it has no trackside.db.")
        database = SqliteDatabase(settings.database_path, beside=True)
        return cls(settings, database, FolderStore(settings.artifact_dir))

    async def search(self, job: Job[T]) -> T:
        """Run a job whose cost its caller's filter decides, when it is the sender's turn."""
        async with self.turns.turn(sender.get()):
            return await self.db.search(job)

    async def close(self) -> None:
        self.events.close()
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


def _make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, durably: a store whose folder is lost in a power cut is lost.

    One that is there keeps its mode: it may be shared on purpose.
    """
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(mode, exist_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
