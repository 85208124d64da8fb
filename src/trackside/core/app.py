"""The one object that core functions are given: database, metric points, artifacts, events, settings."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from trackside.blobs import BlobStore
from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings
from trackside.core.events import Events
from trackside.core.identity import Identities
from trackside.errors import Unavailable
from trackside.store.database import Database
from trackside.store.series import Series
from trackside.store.sqlite import SqliteDatabase

log = logging.getLogger("trackside.server")


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
        """Open the store below the data folder, making it when there is none.

        Raises OSError when the folder cannot be written, StoreInUse when another server has it, StorageRefused
        when the object store wants other keys or another bucket.
        """
        blobs = _open_blobs(settings)
        return cls(settings, SqliteDatabase(settings.database_path), blobs)

    async def close(self) -> None:
        self.events.close()
        await self.db.close()


def _open_blobs(settings: ServerSettings) -> BlobStore:
    _make_folder(settings.data_dir)
    if settings.storage is None:
        _make_folder(settings.artifact_dir)
        return FolderStore(settings.artifact_dir)
    # Only here: its library is an extra, and takes memory that a folder does not need.
    from trackside.blobs.objects import ObjectBlobs  # noqa: PLC0415

    store = ObjectBlobs(settings.storage)
    try:
        store.probe()
    except Unavailable as error:
        # What is tracked needs no artifacts: the server starts, and each of their requests says the same.
        log.warning("%s", error.message)
    return store


def _make_folder(path: Path) -> None:
    """Make a folder and those above it, durably: a store whose folder is lost in a power cut is lost."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
