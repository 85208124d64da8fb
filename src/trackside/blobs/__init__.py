"""Artifact bytes. A store keeps files under `/`-separated paths and knows nothing of runs.

Paths are validated by `core.artifacts.safe_path` before they come here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from trackside.model import ArtifactEntry

if TYPE_CHECKING:
    from trackside.blobs.order import Order


class Stored(NamedTuple):
    """A file that is stored: what its bytes were, and which version of the path they are."""

    size_bytes: int
    sha256: bytes
    version: str


class Blob(Protocol):
    """A stored file, opened for reading. What is read is the file as it was when it was opened."""

    size_bytes: int
    version: str  # changes whenever the bytes do

    def chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`."""

    def close(self) -> None:
        """Let go of the file."""


class Direct(Protocol):
    """How clients move large files to and from a store that is not the server's own: by signed URLs."""

    offered: bool  # may clients be told of it that did not ask?

    async def begin(self, path: str, parts: int) -> tuple[str, list[str]]:
        """An upload's id and a URL for each part; nothing is visible until it is completed."""

    async def complete(self, path: str, upload_id: str, etags: Sequence[tuple[int, str]]) -> None:
        """Make the file of its parts (number, ETag). Raises InvalidParameter for parts that are not there."""

    async def abort(self, path: str, upload_id: str) -> None:
        """Give an upload up; one that is unknown is fine."""

    async def download_url(self, path: str) -> tuple[str, int]:
        """A URL that gives the file for some minutes, and its size in bytes. Raises NotFound."""


class BlobStore(Protocol):
    """What the product asks of a folder or a bucket."""

    uri: str
    direct: Direct | None  # None: all bytes go through the server
    order: Order  # of changes

    async def put(self, path: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Store a file; returns when it is on disk. Nothing is visible before that,
        and nothing is left when the chunks end early or the disk is full (StorageFull).

        Of two uploads, the one that was begun later stays: the other waits for it no longer than it takes to
        send it, is made before it, or raises order.Replaced. Cancelled, it has either no effect, or one that
        later changes of the path wait for."""

    async def open(self, path: str) -> Blob:
        """A file, to be closed by the caller. Raises NotFound."""

    async def entries(self, path: str) -> list[ArtifactEntry]:
        """Entries of a folder, sorted by path, paths from the store's root; a missing folder is empty."""

    async def delete(self, path: str) -> None:
        """Delete a file or a tree, for good when this returns; nothing there is fine."""

    async def tidy(self) -> int:
        """Remove what uploads left that nobody will end; how many there were."""
