"""Artifacts in a folder. A file that was acknowledged is on disk: its bytes and its name are fsynced.

obstore would serve a folder too, but offers no fsync.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from trackside.blobs import Blob, Direct, Stored
from trackside.blobs.order import Order, Replaced
from trackside.errors import InvalidParameter, NotFound, StorageFull, StorageRefused
from trackside.model import ArtifactEntry

P = ParamSpec("P")
T = TypeVar("T")
_CHUNK = 4 << 20  # bytes read or gathered before a hop to a thread, which a busy machine makes wait
_INLINE = 64 << 10  # bytes that are written at once: a hop would take longer
_UNFINISHED = ".incoming"  # folder for uploads under way; on the same file system, so that rename is atomic


class FolderStore:
    """Files below one folder."""

    uri = "mlflow-artifacts:"  # clients reach the files through the server
    direct: Direct | None = None

    def __init__(self, root: Path, *, beside: bool = False) -> None:
        """Make the folder ready for uploads; with `beside`, for reading and deleting only, leave it as it is."""
        self._root = root.resolve()
        self._unfinished = self._root / _UNFINISHED
        self.order = Order()
        if beside:
            return
        self._unfinished.mkdir(parents=True, exist_ok=True)
        # A folder that takes no writes is found now, not by the first upload.
        (self._unfinished / "probe").touch()
        _remove_abandoned(self._unfinished)

    async def put(self, path: str, chunks: AsyncIterator[bytes]) -> Stored:
        target = self._at(path)
        part = self._unfinished / secrets.token_hex(16)
        try:
            with (
                self.order.begun(path) as change,
                _storage_errors(path),
                part.open("xb", buffering=0) as file,
            ):
                fcntl.flock(file, fcntl.LOCK_EX)  # says, until it has its name, that somebody is at it
                stored = await _receive(file.fileno(), chunks)
                async with self.order.turn(change):
                    await _in_thread(_publish, file.fileno(), part, target, self._root)
                    self.order.made(change, stored)
        except Replaced as replaced:
            part.unlink(missing_ok=True)
            return replaced.by_the_same(stored.sha256)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return stored

    async def open(self, path: str) -> Blob:
        try:
            file = self._at(path).open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"No such artifact: '{path}'") from error
        except IsADirectoryError as error:
            raise InvalidParameter(f"Artifact path refers to a directory, not a file: '{path}'") from error
        status = os.fstat(file.fileno())
        return FileBlob(file, status.st_size, _version(status))

    async def entries(self, path: str) -> list[ArtifactEntry]:
        return await asyncio.to_thread(self._entries, path)

    def _entries(self, path: str) -> list[ArtifactEntry]:
        folder = self._at(path) if path else self._root
        try:
            with os.scandir(folder) as found:
                made = (_entry(entry, path) for entry in found if entry.name != _UNFINISHED)
                entries = [entry for entry in made if entry is not None]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageRefused(
                f"The server's folder of artifacts does not let '{path}' be read ({error.strerror or error})."
                " Mend its permissions or its disk."
            ) from error
        return sorted(entries, key=lambda entry: entry.path)

    async def delete(self, path: str) -> None:
        with self.order.begun(path, tree=True) as change:
            async with self.order.turn(change):
                await _in_thread(_delete, self._at(path), self._root)
                self.order.made(change)

    async def tidy(self) -> int:
        return await asyncio.to_thread(_remove_abandoned, self._unfinished)

    def _at(self, path: str) -> Path:
        target = self._root / path
        # Paths were checked as text; this catches a link inside the folder that leads out of it.
        if not target.resolve().is_relative_to(self._root) or path.split("/", 1)[0] == _UNFINISHED:
            raise InvalidParameter("Invalid path")
        return target


def _entry(entry: os.DirEntry[str], folder: str) -> ArtifactEntry | None:
    """None for what was deleted since it was found, and for a link that leads nowhere."""
    path = f"{folder}/{entry.name}" if folder else entry.name
    try:
        is_dir = entry.is_dir()
        return ArtifactEntry(path, is_dir, None if is_dir else entry.stat().st_size)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def _version(status: os.stat_result) -> str:
    """The time of change: a copy that keeps it keeps the version, and a file that lost its end has it still."""
    return f"{status.st_mtime_ns:x}"


def _remove_abandoned(unfinished: Path) -> int:
    """Remove what killed servers left half-written: it was never acknowledged, and nobody holds its lock."""
    removed = 0
    for part in unfinished.iterdir():
        with contextlib.suppress(FileNotFoundError, BlockingIOError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
            removed += 1
    return removed


async def _receive(descriptor: int, chunks: AsyncIterator[bytes]) -> Stored:
    """Write the chunks in pieces of some MiB, in a thread: the next ones arrive meanwhile."""
    digest, size = hashlib.sha256(), 0
    gathered: list[bytes] = []
    waiting = 0
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            gathered.append(chunk)
            waiting += len(chunk)
            if waiting >= _CHUNK:
                if writing is not None:
                    await asyncio.shield(writing)
                size += waiting
                writing = _thread(_write_all, descriptor, gathered, digest)
                gathered, waiting = [], 0
    finally:
        if writing is not None:
            await asyncio.wait([writing])  # or it would write to whatever file has that number next
    if writing is not None:
        writing.result()
    if waiting > _INLINE:
        await _in_thread(_write_all, descriptor, gathered, digest)
    else:
        _write_all(descriptor, gathered, digest)
    # To the nanosecond, which the system's own clock for files is not: no two uploads are of the same time.
    now = time.time_ns()
    os.utime(descriptor, ns=(now, now))
    return Stored(size + waiting, digest.digest(), _version(os.fstat(descriptor)))


def _write_all(descriptor: int, pieces: list[bytes], digest: hashlib._Hash) -> None:
    for piece in pieces:
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def _publish(descriptor: int, part: Path, target: Path, root: Path) -> None:
    """Make the bytes durable, then the name, then the folders above: another upload may just have made them."""
    os.fsync(descriptor)
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    for folder in target.parents:
        _fsync(folder)
        if folder == root:
            return


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileBlob:
    """One opened file: a later upload to the same path does not change what is read here."""

    def __init__(self, file: FileIO, size_bytes: int, version: str) -> None:
        self._file = file
        self.size_bytes = size_bytes
        self.version = version

    async def chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        at = start
        while at < end:
            piece = await _in_thread(os.pread, self._file.fileno(), min(_CHUNK, end - at), at)
            if not piece:
                return
            at += len(piece)
            yield piece

    def close(self) -> None:
        self._file.close()


def _thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> asyncio.Future[T]:
    return asyncio.ensure_future(asyncio.to_thread(function, *arguments, **named))


async def _in_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run in a thread, and stay until it has ended even when cancelled.

    Otherwise its file could be closed under it, and its writes go to whatever file has that number next.
    """
    running = _thread(function, *arguments, **named)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _delete(target: Path, root: Path) -> None:
    """Delete as much as can be deleted, durably. Raises StorageRefused, naming the first file that stays."""
    try:
        if target.is_dir() and not target.is_symlink():
            _delete_tree(target)
        else:
            target.unlink()
        _fsync(target.parent)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        path = os.path.relpath(error.filename or target, root)
        raise StorageRefused(
            f"The server's folder of artifacts does not let '{path}' be deleted ({error.strerror or error})."
            " Once its permissions or its disk are mended, it can be deleted."
        ) from error


def _delete_tree(folder: Path) -> None:
    """Raises the first OSError when all else is deleted, with the whole path; that something is gone is none."""
    failed: list[OSError] = []

    def note(_function: object, path: str, raised: Any) -> None:
        error = raised[1] if isinstance(raised, tuple) else raised
        if not isinstance(error, FileNotFoundError):
            failed.append(OSError(error.errno, error.strerror or str(error), str(path)))

    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=note)
    else:
        shutil.rmtree(folder, onerror=note)
    if failed:
        raise failed[0]


@contextlib.contextmanager
def _storage_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"The server's disk is full: '{path}' was not stored. Free space, then upload it again."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO):
            raise StorageFull(
                f"The server's folder of artifacts does not take writes ({error.strerror}): '{path}' was not stored."
                " Once its permissions or its disk are mended, upload it again."
            ) from error
        if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY):
            raise InvalidParameter(f"'{path}' would be a file and a folder at once.") from error
        raise
