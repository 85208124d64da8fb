"""Reads a folder that `trackside export` wrote."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from trackside.importers import layout, sound
from trackside.importers.layout import GROUP_ROWS, Manifest, ModelLine, RunLine, part_of
from trackside.importers.parquet import PointsReader
from trackside.importers.places import CHUNK, regular
from trackside.importers.records import Experiment, File, LeftOut, LoggedModel, Points, RegisteredModel, Run
from trackside.importers.source import PAGE_RUNS, FileError, SourceError, threaded

T = TypeVar("T")
# Experiments first: what is in the others names one.
_RECORDS: dict[str, type[Any]] = {
    layout.EXPERIMENTS: Experiment,
    layout.MODELS: ModelLine,
    layout.RUNS: RunLine,
    layout.REGISTERED: RegisteredModel,
}


class PortableSource:
    """What is in it is compared with its checksums: records and points before anything, files on their way."""

    keeps_uris = True
    repeats = False
    tells_changes = True

    def __init__(self, folder: Path) -> None:
        self.name = str(folder.resolve())
        self._folder = folder
        self.manifest = _manifest(folder)
        # Another export to the same folder is another source.
        self.identity = f"{self.name} {part_of(folder / layout.MANIFEST).sha256}"
        self._points = PointsReader(folder / layout.POINTS)
        # Of the page of runs or logged models that was read last: where their points and files are.
        self._lines: dict[str, RunLine | ModelLine] = {}

    async def experiments(self) -> list[Experiment]:
        await asyncio.to_thread(self._check)
        return list(self._records(layout.EXPERIMENTS, Experiment))

    def _check(self) -> None:
        """Raises SourceError when it is damaged, or does not agree with itself."""
        for name, part in self.manifest.files.items():
            path = self._folder / name
            if layout.part_of(path) != part:
                raise SourceError(f"{path} is damaged: its SHA-256 is not that of {layout.MANIFEST}.")
        check = sound.Check()
        for name, kind in _RECORDS.items():
            for number, record in enumerate(self._records(name, kind), 1):
                for fault in check.faults(record):
                    raise SourceError(f"{self._folder / name}, line {number}: {fault}.")
        for fault in check.total(self.manifest, self._points.rows):
            raise SourceError(f"{self._folder} is damaged: {fault}.")

    async def runs(self, experiment: Experiment) -> AsyncIterator[list[Run]]:
        wanted = (
            line for line in self._records(layout.RUNS, RunLine) if line.run.experiment_id == experiment.id
        )
        async for page in threaded(_pages(wanted)):
            self._lines = {line.run.id: line for line in page}
            yield [line.run for line in page]

    async def points(self, run: Run) -> AsyncIterator[Points]:
        line = self._lines[run.id]
        assert isinstance(line, RunLine)  # noqa: S101 - for the type checker
        at, end = line.first_row, line.first_row + line.rows
        while at < end:
            rows = min(end, at - at % GROUP_ROWS + GROUP_ROWS) - at
            yield await asyncio.to_thread(self._points.read, run.id, at, rows)
            at += rows

    async def logged_models(self, experiment: Experiment) -> AsyncIterator[list[LoggedModel]]:
        wanted = (
            line
            for line in self._records(layout.MODELS, ModelLine)
            if line.model.experiment_id == experiment.id
        )
        async for page in threaded(_pages(wanted)):
            self._lines = {line.model.id: line for line in page}
            yield [line.model for line in page]

    async def registered_models(self) -> AsyncIterator[RegisteredModel]:
        for model in self._records(layout.REGISTERED, RegisteredModel):
            yield model

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        for file in self._lines[owner.id].files:
            yield File(file.path, file.size, file.sha256)

    async def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        path = self._folder / layout.folder_of(owner) / file.path
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise FileError(f"{path} leads out of the export.")
        async for chunk in threaded(_checked(path, file)):
            yield chunk

    async def left_out(self) -> list[LeftOut]:
        return []

    async def close(self) -> None:
        self._points.close()

    def _records(self, name: str, kind: type[T]) -> Iterator[T]:
        decoder = msgspec.json.Decoder(kind)
        path = self._folder / name
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise SourceError(f"{path}, line {number}: {error}.") from error


def _manifest(folder: Path) -> Manifest:
    path = folder / layout.MANIFEST
    if path.is_symlink() or not path.is_file():
        raise SourceError(f"{folder} is no export of Trackside: it has no {layout.MANIFEST}.")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is damaged: {error}.") from error
    if manifest.format != layout.FORMAT:
        raise SourceError(
            f"{folder} has format {manifest.format}; this Trackside reads {layout.FORMAT}. Upgrade Trackside."
        )
    for name in sound.PARTS:
        if (folder / name).is_symlink() or not (folder / name).is_file():
            raise SourceError(f"{folder / name} is missing, or no file.")
    if set(manifest.files) != set(sound.PARTS):
        raise SourceError(f"{path} is damaged: it must have the SHA-256 of {', '.join(sound.PARTS)}.")
    return manifest


def _pages(lines: Iterator[T]) -> Iterator[list[T]]:
    page: list[T] = []
    for line in lines:
        page.append(line)
        if len(page) == PAGE_RUNS:
            yield page
            page = []
    if page:
        yield page


def _checked(path: Path, expected: File) -> Iterator[bytes]:
    """The bytes of a file; the last ones only if all are those that were exported."""
    digest, size = hashlib.sha256(), 0
    held = b""
    try:
        with open(path, "rb", opener=regular) as file:
            if os.fstat(file.fileno()).st_size != expected.size_bytes:
                raise FileError(f"{path} is damaged: it has not the size of the file that was exported.")
            while chunk := file.read(CHUNK):
                if held:
                    yield held
                digest.update(chunk)
                size += len(chunk)
                held = chunk
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error
    if (size, digest.hexdigest()) != (expected.size_bytes, expected.sha256):
        raise FileError(f"{path} is damaged: it is not the file that was exported.")
    if held:
        yield held
