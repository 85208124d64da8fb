"""Artifact bytes. A store keeps files under `/`-separated paths and knows nothing of runs.

Paths are validated by `core.artifacts.safe_path` before they come here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from trackside.model import ArtifactEntry


class Blob(Protocol):
    """A stored file, opened for reading. What is read is the file as it was when it was opened."""

    size_bytes: int
    modified_ns: int

    def chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`."""

    def close(self) -> None:
        """Let go of the file."""


class BlobStore(Protocol):
    """What the product asks of a folder or a bucket."""

    uri: str

    async def put(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a file; returns its size in bytes when it is on disk. Nothing is visible before that,
        and nothing is left when the chunks end early or the disk is full (StorageFull)."""

    async def open(self, path: str) -> Blob:
        """A file, to be closed by the caller. Raises NotFound."""

    async def entries(self, path: str) -> list[ArtifactEntry]:
        """Entries of a folder, sorted by path, paths from the store's root; a missing folder is empty."""

    async def delete(self, path: str) -> None:
        """Delete a file or a tree, for good when this returns; nothing there is fine."""
