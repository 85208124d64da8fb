"""SHA-256 of what was uploaded through the server, kept in the store and compared with what is read back.

A row tells of one version of a file. A file whose version is another was put there by somebody else
(directly on S3, by a signed URL, by a copy): it is served as it is, unverified.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator

from trackside.blobs import Blob, Stored
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.errors import CorruptArtifact
from trackside.store.database import Row, Transaction

log = logging.getLogger("trackside.artifacts")
_OWNER = re.compile(r"\d+/(?:models/)?([^/]+)/artifacts/")
_INLINE_BYTES = 64 * 1024  # beyond, hashing goes on in a thread while the bytes are sent


async def keep(app: App, path: str, stored: Stored) -> None:
    """Note what was stored at a path."""

    async def job(tx: Transaction) -> int:
        return await _set(tx, path, stored)

    # The last of two uploads to one path may write its row first: then the row is of another version, and unused.
    owner = _OWNER.match(path)
    await app.db.write(job, runs=(owner[1] if owner else path,))


async def adopt(app: App, path: str, stored: Stored, *, instead_of: Row | None) -> None:
    """Note what was found at a path, unless an upload or a deletion has changed its row meanwhile."""
    before = instead_of and instead_of["version"]

    async def job(tx: Transaction) -> int:
        row = await tx.one("artifact_by_path", path=path)
        return await _set(tx, path, stored) if (row and row["version"]) == before else 0

    await app.db.write(job)


async def _set(tx: Transaction, path: str, stored: Stored) -> int:
    return await tx.run(
        "set_artifact",
        path=path,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        version=stored.version,
        now_ms=now_ms(),
    )


async def forget(app: App, path: str) -> None:
    """Forget a file and what is below it."""

    async def job(tx: Transaction) -> int:
        await tx.run("forget_artifact", path=path)
        return await tx.run("forget_artifacts_between", first=f"{path}/", end=f"{path}0")

    await app.db.write(job)


async def row_of(app: App, path: str) -> Row | None:
    """What is noted of a path."""

    async def job(tx: Transaction) -> Row | None:
        return await tx.one("artifact_by_path", path=path)

    return await app.db.read(job)


async def known(app: App, path: str, blob: Blob) -> bytes | None:
    """The SHA-256 of this very version of the file; None when it is not known."""
    row = await row_of(app, path)
    return bytes(row["sha256"]) if row is not None and row["version"] == blob.version else None


class Verified:
    """A file whose end is withheld unless all of it is what was uploaded."""

    def __init__(self, blob: Blob, path: str, sha256: bytes) -> None:
        self._blob = blob
        self._path = path
        self.sha256 = sha256
        self.size_bytes = blob.size_bytes
        self.version = blob.version

    def chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes; all of them are verified, a part cannot be. Raises CorruptArtifact before the last piece."""
        pieces = self._blob.chunks(start, end)
        return self._checked(pieces) if (start, end) == (0, self.size_bytes) else pieces

    async def _checked(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        received = 0
        async for piece in pieces:
            received += len(piece)
            if received < self.size_bytes:
                hashing = asyncio.ensure_future(asyncio.to_thread(digest.update, piece))
                try:
                    yield piece
                finally:
                    await asyncio.wait([hashing])
                continue
            if len(piece) > _INLINE_BYTES:
                await asyncio.to_thread(digest.update, piece)
            else:
                digest.update(piece)
            if digest.digest() == self.sha256:
                yield piece
                return
        if received < self.size_bytes or digest.digest() != self.sha256:
            message = (
                f"The artifact '{self._path}' is damaged: its SHA-256 is not that of what was uploaded"
                f" ({self.sha256.hex()}). Upload it again, or bring it back from a backup."
            )
            log.error("%s", message)
            raise CorruptArtifact(message)

    def close(self) -> None:
        self._blob.close()
