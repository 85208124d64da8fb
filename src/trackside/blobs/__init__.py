"""Artifact bytes. A store keeps files under `/`-separated paths and knows nothing of runs.

Paths are validated by `core.artifacts.safe_path` before they come here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from trackside.model import ArtifactEntry


class Blob(NamedTuple):
    """A stored file, opened for reading."""

    size_bytes: int
    modified_ns: int
    chunks: AsyncIterator[bytes]


class BlobStore(Protocol):
    """What the product asks of a folder or a bucket."""

    uri: str

    async def put(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a file; returns its size in bytes when it is on disk. Nothing is visible before that,
        and nothing is left when the chunks end early or the disk is full (StorageFull)."""

    async def open(self, path: str, start: int = 0, end: int | None = None) -> Blob:
        """A file's bytes from `start` up to, not including, `end`. Raises NotFound."""

    async def entries(self, path: str) -> list[ArtifactEntry]:
        """Entries of a folder, sorted by path, paths from the store's root; a missing folder is empty."""

    async def size(self, path: str) -> int | None:
        """A file's size in bytes; None when it is no file."""

    async def delete(self, path: str) -> None:
        """Delete a file or a tree; nothing there is fine."""
