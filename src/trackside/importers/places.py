"""Reads artifacts where a database or a folder says they are: on this disk, in a bucket, behind a server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from trackside.importers.records import File, LoggedModel, Run
from trackside.importers.source import FileError, SourceError, Unreachable, root_of, threaded

if TYPE_CHECKING:
    from trackside.importers.http import Http

CHUNK = 4 << 20
PROXIED = "/api/2.0/mlflow-artifacts/artifacts"
BUCKETS = ("s3", "gs", "az", "abfss", "wasbs")


class Place(Protocol):
    """One root with files below it."""

    def files(self) -> AsyncIterator[File]: ...
    def content(self, path: str) -> AsyncIterator[bytes]: ...


class Places:
    """Finds the place of a URI. `proxied` says where `mlflow-artifacts:/` leads, `beside` where relative paths begin."""

    def __init__(self, proxied: str = "", beside: Path = Path()) -> None:
        self._proxied = proxied
        self._beside = beside
        self._http: dict[str, Http] = {}
        self._buckets: dict[str, Any] = {}

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        async for file in self.place(root_of(owner)).files():
            yield file

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
        if not self.root.is_dir():
            if _has_owner(self.root):
                return  # nothing was ever logged there
            raise Unreachable("its folder is not on this machine")
        for folder, folders, names in os.walk(self.root, onerror=_unreadable):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                yield File(path.relative_to(self.root).as_posix(), path.stat().st_size)

    async def content(self, path: str) -> AsyncIterator[bytes]:
        async for chunk in threaded(_read(self.root / path)):
            yield chunk


def _has_owner(root: Path) -> bool:
    """Whether the folder of all artifacts is there: ROOT/EXPERIMENT/RUN/artifacts, ROOT/EXPERIMENT/models/MODEL/artifacts."""
    above = root.parents
    depth = 4 if len(above) > 3 and above[1].name == "models" else 3
    return any(folder.is_dir() for folder in above[:depth])


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error


def _unreadable(error: OSError) -> None:
    raise SourceError(f"{error.filename} cannot be read: {error.strerror}.") from error


class Proxied(NamedTuple):
    """A folder behind a server's `mlflow-artifacts`."""

    http: Http
    root: str

    async def files(self) -> AsyncIterator[File]:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            at = "/".join(part for part in (self.root, folder) if part)
            for entry in (await self.http.ask(PROXIED, path=at)).get("files", []):
                path = f"{folder}/{entry['path']}" if folder else entry["path"]
                if entry.get("is_dir"):
                    waiting.append(path)
                else:
                    yield File(path, int(entry.get("file_size", 0)))

    async def content(self, path: str) -> AsyncIterator[bytes]:
        from urllib.parse import quote  # noqa: PLC0415 - the one use

        async for chunk in self.http.download(f"{PROXIED}/{quote(f'{self.root}/{path}')}"):
            yield chunk
