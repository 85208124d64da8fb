"""Writes a store to a portable folder; `layout` says what is in it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from trackside.errors import AlreadyExists, NotFound, TracksideError
from trackside.importers import layout
from trackside.importers.layout import ModelLine, RunLine, StoredFile
from trackside.importers.parquet import PointsWriter
from trackside.importers.records import (
    DatasetUse,
    Experiment,
    LoggedModel,
    ModelUse,
    RegisteredModel,
    Run,
    Version,
)
from trackside.importers.reread import logged_model
from trackside.importers.source import is_in_store, root_of

if TYPE_CHECKING:
    from trackside.config import ServerSettings
    from trackside.core.app import App
    from trackside.store.database import Row, Transaction

_PAGE = 100
_PAGE_POINTS = 250_000
T = TypeVar("T")


async def exported(settings: ServerSettings, folder: Path, only: Sequence[str]) -> dict[str, int]:
    """Write a store to a folder, which gets its name when it is whole; what was counted.

    Raises AlreadyExists for a folder that holds something, NotFound without a store or for an unknown experiment.
    """
    from trackside.core.app import App  # noqa: PLC0415 - tests/test_layout.py

    folder = _free(folder)
    app = App.open_beside(settings)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name[:100]}.", dir=folder.parent) as begun:
            part = Path(begun) / "export"
            (part / "artifacts").mkdir(parents=True)
            counts = await Exporter(app, part, only).run()
            os.sync()
            part.replace(folder)
    finally:
        await app.close()
    return counts


def _free(folder: Path) -> Path:
    """Its whole path. Raises AlreadyExists."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"{folder} is there already, and not empty. Name another folder.")
    return folder.resolve()


class Exporter:
    """One export. A run that is recorded meanwhile is in it as it was when its turn came."""

    def __init__(self, app: App, folder: Path, only: Sequence[str]) -> None:
        self._app = app
        self._folder = folder
        self._only = only
        self._counts: Counter[str] = Counter()
        self._owners: set[str] = set()

    async def run(self) -> dict[str, int]:
        experiments = await self._experiments()
        self._write(layout.EXPERIMENTS, experiments)
        with (self._folder / layout.MODELS).open("wb") as lines:
            for experiment in experiments:
                async for model_line in self._logged_models(int(experiment.id)):
                    lines.write(msgspec.json.encode(model_line) + b"\n")
        with (
            (self._folder / layout.RUNS).open("wb") as lines,
            PointsWriter(self._folder / layout.POINTS) as points,
        ):
            for experiment in experiments:
                async for run_line in self._runs(int(experiment.id), points):
                    lines.write(msgspec.json.encode(run_line) + b"\n")
        self._write(layout.REGISTERED, await self._app.db.read(self._registered_models))
        names = (layout.EXPERIMENTS, layout.MODELS, layout.RUNS, layout.REGISTERED, layout.POINTS)
        parts = {name: layout.part_of(self._folder / name) for name in names}
        manifest = layout.Manifest(layout.FORMAT, dict(sorted(self._counts.items())), parts)
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (self._folder / layout.MANIFEST).write_bytes(text + b"\n")
        return dict(self._counts)

    def _write(self, name: str, found: Sequence[Any]) -> None:
        (self._folder / name).write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in found))

    async def _experiments(self) -> list[Experiment]:
        async def job(tx: Transaction) -> list[Experiment]:
            found = []
            for row in await tx.all("all_experiments"):
                tags = await tx.all("tags_of_experiments", first=row["id"], last=row["id"])
                found.append(
                    Experiment(
                        str(row["id"]), row["name"], row["artifact_location"], row["lifecycle"],
                        row["created_ms"], row["updated_ms"], {tag["key"]: tag["value"] for tag in tags},
                    )
                )  # fmt: skip
            return found

        found = await self._app.db.read(job)
        known = {each.name for each in found}
        if missing := [name for name in self._only if name not in known]:
            raise NotFound(f"There is no experiment '{missing[0]}'.")
        found = [each for each in found if not self._only or each.name in self._only]
        self._counts["experiments"] = len(found)
        return found

    async def _runs(self, number: int, points: PointsWriter) -> AsyncIterator[RunLine]:
        async for rows in self._pages("runs_to_export", number):
            for run in await self._whole_runs(rows):
                line = RunLine(run, points.rows)
                await self._points(run, points)
                line.rows = points.rows - line.first_row
                line.files = await self._files(run)
                self._owners.add(run.id)
                self._counts.update(runs=1, points=line.rows)
                yield line

    async def _pages(self, query: str, number: int) -> AsyncIterator[list[Row]]:
        async def job(tx: Transaction) -> list[Row]:
            return await tx.all(query, id=number)

        rows = await self._app.db.read(job)
        for start in range(0, len(rows), _PAGE):
            yield rows[start : start + _PAGE]

    async def _whole_runs(self, rows: list[Row]) -> list[Run]:
        from trackside.core.load import whole_runs  # noqa: PLC0415 - tests/test_layout.py

        async def job(tx: Transaction) -> list[Run]:
            return [_run(each, row) for each, row in zip(await whole_runs(tx, rows), rows, strict=True)]

        return await self._app.db.read(job)

    async def _points(self, run: Run, points: PointsWriter) -> None:
        from trackside.core import metrics  # noqa: PLC0415 - tests/test_layout.py

        for key in sorted(run.latest):
            place: Any = metrics.Place()
            while place is not None:
                page = await metrics.page(self._app, run.id, key, place, _PAGE_POINTS)
                points.add(run.id, key, page.points)
                place = page.following
        run.latest = {}

    async def _logged_models(self, number: int) -> AsyncIterator[ModelLine]:
        from trackside.core.logged_models import loaded  # noqa: PLC0415 - tests/test_layout.py

        async for rows in self._pages("logged_models_to_export", number):

            async def job(tx: Transaction, rows: list[Row] = rows) -> list[LoggedModel]:
                return [
                    logged_model(each, row) for each, row in zip(await loaded(tx, rows), rows, strict=True)
                ]

            for model in await self._app.db.read(job):
                self._owners.add(model.id)
                self._counts["logged_models"] += 1
                yield ModelLine(model, await self._files(model))

    async def _registered_models(self, tx: Transaction) -> list[RegisteredModel]:
        from trackside.core.registry import loaded, loaded_versions  # noqa: PLC0415 - tests/test_layout.py

        found = []
        rows = await tx.all("models_to_export")
        for row, told in zip(rows, await loaded(tx, rows), strict=True):
            model = RegisteredModel(
                told.name, told.description, told.created_ms, told.updated_ms, row["last_version"], told.tags
            )
            versions = await loaded_versions(tx, await tx.all("versions_of_model", model_id=row["id"]))
            model.versions = [_version(each) for each in reversed(versions)]
            if self._only:
                model.versions = [
                    each for each in model.versions if {each.run_id, each.model_id} & self._owners
                ]
                if not model.versions:
                    continue
            numbers = {each.version for each in model.versions}
            model.aliases = {alias: number for alias, number in told.aliases.items() if number in numbers}
            self._counts.update(registered_models=1, versions=len(model.versions))
            found.append(model)
        return found

    # --- files

    async def _files(self, owner: Run | LoggedModel) -> list[StoredFile]:
        """Copy the files of one; those that are not in this store stay where they are."""
        from trackside.core import artifacts  # noqa: PLC0415 - tests/test_layout.py

        uri = root_of(owner)
        if not is_in_store(uri, self._app.blobs.uri):
            self._counts["referenced"] += 1
            return []
        found, waiting = [], [""]
        while waiting:
            for entry in await artifacts.entries(self._app, uri, waiting.pop(), listed=True):
                if entry.is_dir:
                    waiting.append(entry.path)
                else:
                    found.append(await self._file(owner, uri, entry.path))
        return sorted(found, key=lambda each: each.path)

    async def _file(self, owner: Run | LoggedModel, uri: str, path: str) -> StoredFile:
        from trackside.core import artifacts  # noqa: PLC0415 - tests/test_layout.py

        blob, _ = await artifacts.open_below(
            self._app, uri, path, listed=True
        )  # which refuses paths that lead elsewhere
        target = self._folder / layout.folder_of(owner) / path
        digest, size = hashlib.sha256(), 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                async for chunk in blob.chunks(0, blob.size_bytes):
                    digest.update(chunk)
                    size += file.write(chunk)
        finally:
            blob.close()
        if size != blob.size_bytes:
            raise TracksideError(f"'{uri}/{path}' ended early.")
        self._counts.update(files=1, bytes=size)
        return StoredFile(path, size, digest.hexdigest())


def _run(told: Any, row: Row) -> Run:
    info = told.info
    run = Run(
        info.uuid, str(info.experiment_id), info.artifact_uri, info.name, info.user_id, info.status, info.lifecycle,
        info.start_ms, info.end_ms, row["deleted_ms"], told.params, told.tags,
    )  # fmt: skip
    for used in told.datasets:
        of = used.dataset
        run.datasets.append(
            DatasetUse(of.name, of.digest, of.source_type, of.source, of.schema, of.profile, used.tags)
        )
    run.models_read = [ModelUse(use.model_uuid, use.step) for use in told.models_read]
    run.models_written = [ModelUse(use.model_uuid, use.step) for use in told.models_written]
    run.latest = {latest.key: (0, 0, "") for latest in told.metrics}
    return run


def _version(told: Any) -> Version:
    return Version(
        told.version, told.source, "" if told.storage_location == told.source else told.storage_location, told.stage,
        told.status, told.status_message, told.description, told.user_id, told.run_uuid, told.run_link,
        told.logged_model_uuid, told.created_ms, told.updated_ms, told.tags,
    )  # fmt: skip
