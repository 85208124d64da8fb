"""What the tests of stores need: settings for the test server, bytes as a stream, what is left over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from weed import KEY, SECRET, Weed

from trackside.blobs import BlobStore
from trackside.blobs.folder import FolderStore
from trackside.blobs.objects import ObjectBlobs
from trackside.config import Keys, StorageSettings


def on_s3(weed: Weed, url: str, **others: Any) -> StorageSettings:
    return StorageSettings(
        **{"url": url, "endpoint": weed.endpoint, "addressing": "path", "keys": Keys(KEY, SECRET), **others}
    )


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(store: BlobStore, path: str) -> bytes:
    blob = await store.open(path)
    try:
        return b"".join([piece async for piece in blob.chunks(0, blob.size_bytes)])
    finally:
        blob.close()


def left_over(blobs: BlobStore) -> list[str]:
    """What unfinished uploads have left in the store."""
    if isinstance(blobs, FolderStore):
        return [part.name for part in blobs._unfinished.iterdir()]
    assert isinstance(blobs, ObjectBlobs)
    assert blobs.requests is not None
    return [each.key for each in blobs.requests.unfinished()]
