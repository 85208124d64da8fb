"""Artifacts in a folder. A file that was acknowledged is on disk: its bytes and its name are fsynced.

obstore would serve a folder too, but offers no fsync.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import ParamSpec, TypeVar

from trackside.blobs import Blob
from trackside.errors import InvalidParameter, NotFound, StorageFull
from trackside.model import ArtifactEntry

P = ParamSpec("P")
T = TypeVar("T")
_CHUNK = 1 << 20  # bytes read or gathered before a hop to a thread
_UNFINISHED = ".incoming"  # folder for uploads under way; on the same file system, so that rename is atomic


class FolderStore:
    """Files below one folder."""

    uri = "mlflow-artifacts:"  # clients reach the files through the server

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._unfinished = self._root / _UNFINISHED
        # What a killed server left half-written was never acknowledged.
        self._unfinished.mkdir(parents=True, exist_ok=True)
        (
            self._unfinished / "probe"
        ).touch()  # a folder that takes no writes is found now, not by the first upload
        for part in self._unfinished.iterdir():
            part.unlink()

    async def put(self, path: str, chunks: AsyncIterator[bytes]) -> int:
        target = self._at(path)
        part = self._unfinished / secrets.token_hex(16)
        try:
            with _storage_errors(path):
                size = await self._receive(part, chunks)
                await _in_thread(_publish, part, target, self._root)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return size

    async def _receive(self, part: Path, chunks: AsyncIterator[bytes]) -> int:
        """Write the chunks in pieces of about 1 MiB, each in a thread, so that the loop never waits for the disk."""
        size = 0
        gathered: list[bytes] = []
        waiting = 0
        with part.open("xb", buffering=0) as file:
            async for chunk in chunks:
                gathered.append(chunk)
                waiting += len(chunk)
                if waiting >= _CHUNK:
                    await _in_thread(_write_all, file.fileno(), gathered)
                    size += waiting
                    gathered, waiting = [], 0
            if waiting > _CHUNK // 16:
                await _in_thread(_write_all, file.fileno(), gathered)
            else:
                _write_all(file.fileno(), gathered)
        return size + waiting

    async def open(self, path: str) -> Blob:
        try:
            file = self._at(path).open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"No such artifact: '{path}'") from error
        except IsADirectoryError as error:
            raise InvalidParameter(f"Artifact path refers to a directory, not a file: '{path}'") from error
        status = os.fstat(file.fileno())
        return FileBlob(file, status.st_size, status.st_mtime_ns)

    async def entries(self, path: str) -> list[ArtifactEntry]:
        return await asyncio.to_thread(self._entries, path)

    def _entries(self, path: str) -> list[ArtifactEntry]:
        folder = self._at(path) if path else self._root
        try:
            with os.scandir(folder) as found:
                entries = [_entry(entry, path) for entry in found if entry.name != _UNFINISHED]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(entries, key=lambda entry: entry.path)

    async def delete(self, path: str) -> None:
        await _in_thread(_delete, self._at(path))

    def _at(self, path: str) -> Path:
        target = self._root / path
        # Paths were checked as text; this catches a link inside the folder that leads out of it.
        if not target.resolve().is_relative_to(self._root) or path.split("/", 1)[0] == _UNFINISHED:
            raise InvalidParameter("Invalid path")
        return target


def _entry(entry: os.DirEntry[str], folder: str) -> ArtifactEntry:
    path = f"{folder}/{entry.name}" if folder else entry.name
    is_dir = entry.is_dir()
    return ArtifactEntry(path, is_dir, None if is_dir else entry.stat().st_size)


def _write_all(descriptor: int, pieces: list[bytes]) -> None:
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def _publish(part: Path, target: Path, root: Path) -> None:
    """Make the bytes durable, then the name, then the folders above: another upload may just have made them."""
    _fsync(part)
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

    def __init__(self, file: FileIO, size_bytes: int, modified_ns: int) -> None:
        self._file = file
        self.size_bytes = size_bytes
        self.modified_ns = modified_ns

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


async def _in_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run in a thread, and stay until it has ended even when cancelled.

    Otherwise its file could be closed under it, and its writes go to whatever file has that number next.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments, **named))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _delete(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
    _fsync(target.parent)


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
