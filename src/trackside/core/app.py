"""The one object that core functions are given: database, metric points, artifacts, events, settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from trackside.blobs import BlobStore
from trackside.config import ServerSettings
from trackside.core.events import Events
from trackside.store.database import Database
from trackside.store.series import Series


@dataclass(frozen=True)
class App:
    settings: ServerSettings
    db: Database
    blobs: BlobStore
    series: Series = field(default_factory=Series)
    events: Events = field(default_factory=Events)

    async def close(self) -> None:
        self.events.close()
        await self.db.close()
