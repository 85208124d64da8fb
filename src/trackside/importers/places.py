"""Reads artifacts where a database or a folder says they are: on this disk, in a bucket, behind a server."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from trackside.errors import InvalidParameter
from trackside.importers.records import File, LoggedModel, Run
from trackside.importers.source import FileError, Missing, SourceError, Unreachable, root_of, threaded

if TYPE_CHECKING:
    from trackside.importers.http import Http

CHUNK = 4 << 20
PROXIED = "/api/2.0/mlflow-artifacts/artifacts"
BUCKETS = ("s3", "gs", "az", "abfss", "wasbs")
_NOT_REGULAR = "it is no regular file"
NOT_UTF8 = "its name is not UTF-8"


class Place(Protocol):
    """One root with files below it."""

    def files(self) -> AsyncIterator[File]: ...
    def content(self, path: str) -> AsyncIterator[bytes]: ...
    def is_there(self) -> bool:
        """Whether an empty place is known to be the right one."""


class Places:
    """Finds the place of a URI. `proxied` says where `mlflow-artifacts:/` leads, `beside` where relative paths begin."""

    def __init__(self, proxied: str = "", beside: Path = Path()) -> None:
        self._proxied = proxied
        self._beside = beside
        self._http: dict[str, Http] = {}
        self._buckets: dict[str, Any] = {}

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        place, empty = self.place(root_of(owner)), True
        async for file in place.files():
            empty = False
            yield file
        if empty and not place.is_there():
            raise Missing(f"there is nothing at {root_of(owner)}")

    async def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        async for chunk in self.place(root_of(owner)).content(file.path):
            yield chunk

    def place(self, uri: str) -> Place:
        """Raises Unreachable."""
        parts = urlsplit(uri)
        if parts.scheme in ("", "file"):
            path = unquote(parts.path) if parts.scheme else uri
            return Folder(self._beside / path)
        if parts.scheme == "mlflow-artifacts":
            return self._behind_server(parts.netloc, parts.path.lstrip("/"))
        if parts.scheme in BUCKETS:
            return self._bucket(uri)
        raise Unreachable(f"there is no reader for {parts.scheme}: addresses")

    def _behind_server(self, host: str, path: str) -> Place:
        from trackside.core.artifacts import safe_path  # noqa: PLC0415 - tests/test_layout.py

        try:
            safe_path(path, folder=True)
        except InvalidParameter:
            raise Unreachable(f"'mlflow-artifacts:/{path}' is no place behind a server") from None
        base = f"http://{host}" if host else self._proxied
        if not base:
            raise Unreachable(
                "mlflow-artifacts: leads through a server; --files-from says which, or where it keeps them"
            )
        if base.startswith(("http://", "https://")):
            if base not in self._http:
                from trackside.importers.http import Http  # noqa: PLC0415 - its library is an extra

                self._http[base] = Http(base)
            return Proxied(self._http[base], path)
        return self.place(f"{base.rstrip('/')}/{path}")

    def _bucket(self, uri: str) -> Place:
        try:
            from trackside.importers.buckets import Bucket, opened  # noqa: PLC0415 - its library is an extra
        except ModuleNotFoundError as missing:
            raise SourceError(
                f"Artifacts at {uri} need {missing.name}: pip install 'trackside[team]'"
            ) from None
        parts = urlsplit(uri)
        base = f"{parts.scheme}://{parts.netloc}"
        if base not in self._buckets:
            self._buckets[base] = opened(base)
        return Bucket(self._buckets[base], uri, unquote(parts.path).strip("/"))

    async def close(self) -> None:
        for http in self._http.values():
            await http.close()


class Folder(NamedTuple):
    """A folder of this machine."""

    root: Path

    async def files(self) -> AsyncIterator[File]:
        async for file in threaded(self._walk()):
            yield file

    def _walk(self) -> Iterator[File]:
        waiting = [self.root] if self.root.is_dir() else []
        while waiting:
            folder = waiting.pop()
            try:
                found = sorted(folder.iterdir())
            except OSError as error:
                yield self._broken(folder, error)
                continue
            for path in found:
                try:
                    status = path.stat()
                    if why := self._unfit(path, status.st_mode):
                        yield File(self._name(path), None, error=why)
                    elif stat.S_ISDIR(status.st_mode):
                        waiting.append(path)
                    else:
                        yield File(self._name(path), status.st_size, mark=str(status.st_mtime_ns))
                except OSError as error:
                    yield self._broken(path, error)

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.root).as_posix())

    def _unfit(self, path: Path, mode: int) -> str:
        """Why this is neither a file to read nor a folder to go through."""
        if not is_utf8(path.name):
            return NOT_UTF8
        if path.is_symlink():
            end = path.resolve()
            if not end.is_relative_to(self.root.resolve()):
                return "it is a link that leads outside of the artifacts"
            if end in [at.resolve() for at in path.parents]:
                return "it is a link to a folder that it is in"
        return "" if stat.S_ISDIR(mode) or stat.S_ISREG(mode) else _NOT_REGULAR

    def _broken(self, path: Path, error: OSError) -> File:
        return File(self._name(path), None, error=error.strerror or str(error))

    def is_there(self) -> bool:
        return self.root.is_dir()

    async def content(self, path: str) -> AsyncIterator[bytes]:
        async for chunk in threaded(_read(self.root / path)):
            yield chunk


def _read(path: Path) -> Iterator[bytes]:
    try:
        with open(path, "rb", opener=regular) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error


def regular(path: str, flags: int) -> int:
    """For `open`: only a file that has an end, not a pipe or a device that another program may keep open for ever."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, _NOT_REGULAR)


def is_utf8(name: str) -> bool:
    """Not so of a file's name in another encoding, nor of half a surrogate pair in JSON: nothing can store it."""
    return printable(name) == name


def printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


class Proxied(NamedTuple):
    """A folder behind a server's `mlflow-artifacts`."""

    http: Http
    root: str

    async def files(self) -> AsyncIterator[File]:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            at = "/".join(part for part in (self.root, folder) if part)
            try:
                answer = await self.http.ask(PROXIED, path=at)
            except FileError as error:
                yield File(folder, None, error=error.message)
                continue
            for entry in answer.get("files", []):
                path = f"{folder}/{entry['path']}" if folder else entry["path"]
                if not is_utf8(path):
                    yield File(printable(path), None, error=NOT_UTF8)
                elif entry.get("is_dir"):
                    waiting.append(path)
                else:
                    yield File(path, int(entry.get("file_size", 0)))

    async def content(self, path: str) -> AsyncIterator[bytes]:
        from urllib.parse import quote  # noqa: PLC0415 - the one use

        async for chunk in self.http.download(f"{PROXIED}/{quote(f'{self.root}/{path}')}"):
            yield chunk

    def is_there(self) -> bool:
        return False  # a server answers an empty list also for what is not there
