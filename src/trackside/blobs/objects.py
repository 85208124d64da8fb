"""Artifacts in an object store: S3 and what speaks like it; Google's and Azure's by the same library."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import obstore as obs
from obstore.store import ObjectStore, S3Store, from_url

from trackside.blobs import Blob, Direct, Stored
from trackside.blobs.order import Change, Order, Replaced
from trackside.blobs.problems import translated, words
from trackside.blobs.s3 import S3Direct, S3Requests
from trackside.config import StorageSettings
from trackside.errors import StorageRefused, Unavailable
from trackside.model import ArtifactEntry

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

T = TypeVar("T")
PART_BYTES = 8 << 20  # of an upload; S3 takes 10,000 parts, so 80 GB through the server
PIECE_BYTES = 4 << 20  # of a download; two are held at a time
PARTS_AT_ONCE = 2
_WRITTEN_TO_ASK = ".trackside-check/takes-writes"  # and deleted at once
_CONNECT_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0
_RETRY_SECONDS = 15.0  # then the answer is 503, and the client's own patience counts


class ObjectBlobs:
    """Objects below a prefix of a bucket. Raises StorageRefused and Unavailable where the store does so."""

    uri = "mlflow-artifacts:"  # clients reach the files through the server

    def __init__(self, settings: StorageSettings) -> None:
        self.settings = settings
        self._store = open_store(settings)
        self._once = open_store(settings, retries=0)
        self.order = Order(self._write_anything)
        self.requests = (
            S3Requests(settings, settings.keys) if settings.url.startswith("s3:") and settings.keys else None
        )
        self.direct: Direct | None = (
            S3Direct(settings, self.requests, self._store, self.order) if self.requests is not None else None
        )

    def probe(self) -> None:
        """Ask for one page of names. Raises StorageRefused, or Unavailable for a store that does not answer."""
        with translated(self.settings):
            next(iter(obs.list(self._store, chunk_size=1)), None)

    async def _write_anything(self) -> None:
        """Raises Unavailable while the storage takes no writes: one that has just started may read long before."""
        with translated(self.settings), contextlib.suppress(FileNotFoundError):
            await obs.put_async(self._once, _WRITTEN_TO_ASK, b"", use_multipart=False)
            await obs.delete_async(self._once, _WRITTEN_TO_ASK)

    def translated(self, path: str = "") -> AbstractContextManager[None]:
        """Within: errors as this server answers them."""
        return translated(self.settings, path)

    async def put(self, path: str, chunks: AsyncIterator[bytes]) -> Stored:
        with self.order.begun(path) as change, translated(self.settings, path):
            blocks = _blocks(chunks)
            block = await anext(blocks, b"")
            if len(block) >= PART_BYTES:
                return await self._put_parts(change, block, blocks)
            sha256 = hashlib.sha256(block).digest()

            async def send() -> Stored:
                result = await obs.put_async(self._once, path, block, use_multipart=False)
                return Stored(len(block), sha256, _version(result["e_tag"]))

            try:
                return await self.order.make(change, lambda: self._repeated(change, send))
            except Replaced as replaced:
                return replaced.by_the_same(sha256)

    async def _repeated(self, change: Change, send: Callable[[], Awaitable[T]]) -> T:
        """Send it again while the storage does not answer, for some seconds.

        obstore would do so too, but would not tell that there was a request that got no answer.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + min(_RETRY_SECONDS, self.settings.timeout_seconds)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                with translated(self.settings, change.path):
                    return await send()
            except Unavailable:
                change.in_doubt = True
                if loop.time() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _put_parts(self, change: Change, block: bytes, blocks: AsyncIterator[bytes]) -> Stored:
        """Upload by parts: S3 shows nothing until the last call, which obstore makes when the blocks end well."""
        digest, size = hashlib.sha256(), 0
        parts = _Parts()
        started = obs.put_async(
            self._store,
            change.path,
            parts.given(),
            use_multipart=True,
            chunk_size=PART_BYTES,
            max_concurrency=PARTS_AT_ONCE,
        )
        upload = asyncio.ensure_future(_awaited(started))
        try:
            while block:
                await asyncio.to_thread(digest.update, block)
                size += len(block)
                await parts.give(block, upload)
                block = await anext(blocks, b"")
            return await self.order.make(
                change, lambda: self._joined(change, parts, upload, size, digest.digest())
            )
        except BaseException as error:
            if not change.is_sent:
                # Cancelled from outside, obstore would leave the parts where they are; told, it removes them.
                await parts.break_off(upload)
            if isinstance(error, Replaced):
                return error.by_the_same(digest.digest())
            raise

    async def _joined(
        self, change: Change, parts: _Parts, upload: asyncio.Future[Any], size: int, sha256: bytes
    ) -> Stored:
        """Make the file of its parts. A second such request finds no upload any more: it cannot undo what came later."""
        with translated(self.settings, change.path):
            try:
                await parts.give(None, upload)
                result = await asyncio.shield(upload)
            except FileNotFoundError:
                # obstore has asked again, since its first request got no answer: that one had made the file.
                raise Unavailable(f"The storage may have '{change.path}' or not; send it again.") from None
            except BaseException:
                await parts.break_off(upload)
                raise
        return Stored(size, sha256, _version(result["e_tag"]))

    async def open(self, path: str) -> Blob:
        with translated(self.settings, path):
            try:
                got = await obs.get_async(self._store, path, options={"range": (0, PIECE_BYTES)})
                meta, first = got.meta, bytes(await got.bytes_async())
            except obs.exceptions.GenericError as error:
                if "416" not in str(error):
                    raise
                meta, first = await obs.head_async(self._store, path), b""  # an empty file has no ranges
        return ObjectBlob(self._store, self.settings, path, meta, first)

    async def entries(self, path: str) -> list[ArtifactEntry]:
        with translated(self.settings, path):
            try:
                found = await obs.list_with_delimiter_async(self._store, path or None)
            except FileNotFoundError:
                return []
        folders = [ArtifactEntry(prefix.rstrip("/"), True) for prefix in found["common_prefixes"]]
        # A key that ends with a slash is how some tools keep an empty folder.
        files = [ArtifactEntry(o["path"], False, o["size"]) for o in found["objects"] if o["path"] != path]
        return sorted(folders + files, key=lambda entry: entry.path)

    async def delete(self, path: str) -> None:
        with self.order.begun(path, tree=True) as change:
            await self.order.make(change, lambda: self._repeated(change, lambda: self._delete(path)))

    async def _delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await obs.delete_async(self._once, path)
        async for page in obs.list(self._once, f"{path}/", chunk_size=1000):
            await obs.delete_async(self._once, [each["path"] for each in page])

    async def tidy(self) -> int:
        """Give up uploads by parts that were begun too long ago to be going on."""
        if self.requests is None:
            return 0
        return await asyncio.to_thread(self.abort_unfinished, self.settings.unfinished_hours)

    def abort_unfinished(self, hours: float) -> int:
        """Give up uploads by parts that were begun more than so many hours ago; how many there were."""
        if self.requests is None:
            return 0
        before = dt.datetime.now(dt.UTC) - timedelta(hours=hours)
        with translated(self.settings):
            old = [each for each in self.requests.unfinished() if each.begun <= before]
            for each in old:
                self.requests.abort(each.key, each.upload_id)
        return len(old)


class ObjectBlob:
    """One version of an object: replaced meanwhile, reading it ends with an error, not with other bytes."""

    def __init__(
        self, store: ObjectStore, settings: StorageSettings, path: str, meta: obs.ObjectMeta, first: bytes
    ) -> None:
        self._store = store
        self._settings = settings
        self._path = path
        self._etag = meta["e_tag"]
        self._first = first
        self.size_bytes: int = meta["size"]
        self.version = _version(meta["e_tag"])

    async def chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        at = start
        if at < min(end, len(self._first)):
            piece, self._first = self._first[at:end], b""
            at += len(piece)
            following = self._next(at, end)
            yield piece
        else:
            following = self._next(at, end)
        try:
            while following is not None:
                piece = await following
                at += len(piece)
                following = self._next(at, end)
                yield piece
        finally:
            if following is not None:
                following.cancel()

    def _next(self, at: int, end: int) -> asyncio.Task[bytes] | None:
        """Begin to read the piece that comes next; None at the end."""
        return asyncio.create_task(self._read(at, min(at + PIECE_BYTES, end))) if at < end else None

    async def _read(self, start: int, end: int) -> bytes:
        options: obs.GetOptions = {"range": (start, end)}
        if self._etag:
            options["if_match"] = self._etag
        with translated(self._settings, self._path):
            try:
                got = await obs.get_async(self._store, self._path, options=options)
                return bytes(await got.bytes_async())
            except obs.exceptions.PreconditionError:
                raise Unavailable(f"'{self._path}' was replaced while it was read; read it again.") from None

    def close(self) -> None:
        self._first = b""


class _Parts:
    """Hands blocks to an upload that runs beside: one waits here while others are on their way."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._broken = False

    async def given(self) -> AsyncIterator[bytes]:
        while (block := await self._queue.get()) is not None:
            yield block
        if self._broken:
            raise _BrokenOffError

    async def give(self, block: bytes | None, upload: asyncio.Future[Any]) -> None:
        """Hand over a block, or None for the end; raises what the upload failed with instead of waiting for it."""
        handed = asyncio.ensure_future(self._queue.put(block))
        try:
            await asyncio.wait({handed, upload}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            handed.cancel()
        if upload.done():
            upload.result()

    async def break_off(self, upload: asyncio.Future[Any]) -> None:
        """End the upload with an error and wait until it has removed its parts."""
        self._broken = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
        await asyncio.wait({upload}, timeout=_RETRY_SECONDS)
        if upload.done() and not upload.cancelled():
            upload.exception()  # known already, or our own


class _BrokenOffError(Exception):
    """The bytes ended early."""


def open_store(settings: StorageSettings, retries: int = 3) -> ObjectStore:
    """obstore's store. Raises StorageRefused for what it does not take."""
    client: ClientConfig = {
        "allow_http": settings.endpoint.startswith("http:"),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "timeout": timedelta(seconds=settings.timeout_seconds),
    }
    retry: RetryConfig = {
        "max_retries": retries,
        "retry_timeout": timedelta(seconds=min(_RETRY_SECONDS, settings.timeout_seconds)),
    }
    try:
        if not settings.url.startswith("s3:"):
            return from_url(settings.url, client_options=client, retry_config=retry)
        return S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            client_options=client,
            retry_config=retry,
            **_s3_options(settings),
        )
    except (obs.exceptions.BaseError, ValueError):
        raise StorageRefused(
            f"'{settings.url}' cannot be used: {words('InvalidBucketName', settings)}"
        ) from None


def _s3_options(settings: StorageSettings) -> dict[str, Any]:
    virtual = settings.addressing == "virtual"
    options: dict[str, Any] = {"region": settings.region, "virtual_hosted_style_request": virtual}
    if settings.endpoint:
        scheme, _, host = settings.endpoint.partition("://")
        # By its longer name it goes before whatever the environment says.
        options["aws_endpoint_url_s3"] = (
            f"{scheme}://{settings.bucket}.{host}" if virtual else settings.endpoint
        )
    if settings.keys is not None:
        options["access_key_id"], options["secret_access_key"] = settings.keys[:2]
        if settings.keys.session_token:
            options["session_token"] = settings.keys.session_token
    return options


def _version(e_tag: str | None) -> str:
    return (e_tag or "").strip('"')


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in blocks of at least a part's size, but for the last."""
    gathered: list[bytes] = []
    waiting = 0
    async for chunk in chunks:
        gathered.append(chunk)
        waiting += len(chunk)
        if waiting >= PART_BYTES:
            yield b"".join(gathered)
            gathered, waiting = [], 0
    if waiting:
        yield b"".join(gathered)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
