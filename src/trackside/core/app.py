"""The one object that core functions are given: database, metric points, artifacts, events, settings."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trackside.blobs import BlobStore
from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings, StorageSettings
from trackside.core.events import Events
from trackside.core.identity import Identities
from trackside.core.rankings import Rankings
from trackside.core.tails import Tails
from trackside.core.turns import Turns, sender
from trackside.errors import NotFound, StoreUnusable, Unavailable
from trackside.store.database import Database, Job, T
from trackside.store.series import Series
from trackside.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from trackside.blobs.objects import ObjectBlobs

log = logging.getLogger("trackside.server")


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

    def __post_init__(self) -> None:
        self.blobs.order.alone = self.db.alone

    @classmethod
    def open(cls, settings: ServerSettings) -> App:
        """Open the store, making it when there is none: PostgreSQL, or SQLite below the data folder.

        Raises OSError when the folder cannot be written, StoreInUse when another server has it, StoreUnusable
        or InvalidState when the database cannot be used, StorageRefused when the object store wants other keys
        or another bucket.
        """
        blobs = _open_blobs(settings)
        return cls(settings, _database(settings), blobs)

    @classmethod
    def open_beside(cls, settings: ServerSettings) -> App:
        """Open a store that is there, for one command: without its server, or beside it.

        What a server remembers is not told: only change what it looks up again (`accounts.recover`).
        No folder is made. Raises NotFound when there is none, OSError, StoreUnusable, InvalidState for one of
        another release, StorageRefused as above, and ModuleNotFoundError where an object store's library is not
        installed.
        """
        if settings.store:
            database = _database(settings)
        elif settings.database_path.is_file():
            database = SqliteDatabase(settings.database_path, beside=True)
        else:
            raise NotFound(f"There is no store of Trackside in {settings.data_dir}: it has no trackside.db.")
        if settings.storage is None:
            return cls(settings, database, FolderStore(settings.artifact_dir, beside=True))
        return cls(settings, database, _reached(settings.storage))

    async def search(self, job: Job[T]) -> T:
        """Run a job whose cost its caller's filter decides, when it is the sender's turn."""
        async with self.turns.turn(sender.get()):
            return await self.db.search(job)

    @cached_property
    def rankings(self) -> Rankings:
        return Rankings(self.db)

    async def close(self) -> None:
        self.events.close()
        self.rankings.stop()
        await self.db.close()


def places(settings: ServerSettings) -> str:
    """Where the store is, in words, without a password."""
    if not settings.store and settings.storage is None:
        return f"data: {settings.data_dir}"
    database = str(settings.database_path)
    if settings.store:
        from trackside.store.postgres import connect  # noqa: PLC0415 - its driver is an extra

        database = connect.shown(settings.store)
    artifacts = settings.artifact_dir if settings.storage is None else settings.storage.url
    return f"database: {database}, artifacts: {artifacts}"


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


def _open_blobs(settings: ServerSettings) -> BlobStore:
    _make_folder(settings.data_dir, 0o700)
    if settings.storage is None:
        _make_folder(settings.artifact_dir, 0o700)
        return FolderStore(settings.artifact_dir)
    return _reached(settings.storage)


def _reached(storage: StorageSettings) -> ObjectBlobs:
    # Only here: its library is an extra, and takes memory that a folder does not need.
    from trackside.blobs.objects import ObjectBlobs  # noqa: PLC0415

    store = ObjectBlobs(storage)
    try:
        store.probe()
    except Unavailable as error:
        # What is tracked needs no artifacts: the server starts, and each of their requests says the same.
        log.warning("%s", error.message)
    return store


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
