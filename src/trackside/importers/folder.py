"""Reads an `mlruns` folder: the YAML and text files that MLflow writes when it has neither server nor database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from trackside.importers.database import DELETED_STAGE, MODEL_STATUS, model_of
from trackside.importers.fields import META, Fields
from trackside.importers.places import NOT_UTF8, is_utf8, printable
from trackside.importers.records import (
    DatasetUse,
    Experiment,
    File,
    LeftOut,
    LoggedModel,
    ModelMetric,
    ModelUse,
    Points,
    RegisteredModel,
    Run,
    Version,
    hexed,
    points_of,
)
from trackside.importers.sound import LIFECYCLES, VERSION_STATUSES, bad_numbers
from trackside.importers.source import PAGE_POINTS, PAGE_RUNS, SourceError, threaded

if TYPE_CHECKING:
    from trackside.importers.places import Places

T = TypeVar("T")
TRASH, MODELS = ".trash", "models"
_NO_RUNS = {"tags", "datasets", "traces", MODELS}
_RUN_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


class FolderSource:
    """Every value as it stands in the files; NaN and infinities as they were logged."""

    keeps_uris = False
    repeats = True
    tells_changes = True

    def __init__(self, root: Path, places: Places) -> None:
        if not root.is_dir():
            raise SourceError(f"There is no folder {root}.")
        self._root = root.resolve()
        self._places = places
        self._damaged: list[LeftOut] = []
        self.halves = 0  # last lines of metrics that lack their end
        self.name = self.identity = str(self._root)
        self._folders = {folder.name: folder for folder in self._experiment_folders()}
        if not self._folders:
            raise SourceError(f"{root} is no mlruns folder: no folder in it has a {META}.")

    def _experiment_folders(self) -> Iterator[Path]:
        for parent in (self._root, self._root / TRASH):
            for folder in _subfolders(parent):
                if folder.name not in (TRASH, MODELS) and (folder / META).is_file():
                    yield folder

    async def experiments(self) -> list[Experiment]:
        found = await asyncio.to_thread(lambda: [_experiment(folder) for folder in self._folders.values()])
        return sorted(found, key=lambda each: (len(each.id), each.id))

    async def runs(self, experiment: Experiment) -> AsyncIterator[list[Run]]:
        async for page in threaded(self._runs(self._folders[experiment.id])):
            yield page

    def _runs(self, folder: Path) -> Iterator[list[Run]]:
        folders = [
            each for each in _subfolders(folder) if each.name not in _NO_RUNS and (each / META).is_file()
        ]
        for start in range(0, len(folders), PAGE_RUNS):
            yield self._whole("run", _run, folders[start : start + PAGE_RUNS])

    async def points(self, run: Run) -> AsyncIterator[Points]:
        folder = self._folders[run.experiment_id] / run.id / "metrics"
        async for page in threaded(_points(self, folder, list(run.latest))):
            yield page

    async def logged_models(self, experiment: Experiment) -> AsyncIterator[list[LoggedModel]]:
        folders = [
            each for each in _subfolders(self._folders[experiment.id] / MODELS) if (each / META).is_file()
        ]
        for start in range(0, len(folders), PAGE_RUNS):
            page = folders[start : start + PAGE_RUNS]
            yield await asyncio.to_thread(self._whole, "logged model", _logged_model, page)

    async def registered_models(self) -> AsyncIterator[RegisteredModel]:
        for folder in _subfolders(self._root / MODELS):
            if (folder / META).is_file():
                for model in await asyncio.to_thread(
                    self._whole, "registered model", _registered_model, [folder]
                ):
                    yield model

    def _whole(self, kind: str, read: Callable[[Path], T], folders: list[Path]) -> list[T]:
        """Those that can be read; the others do not end the import, and are told at its end."""
        found = []
        for folder in folders:
            try:
                found.append(read(folder))
            except SourceError as error:
                self._damaged.append(LeftOut(f"a {kind}", 1, error.message.rstrip("."), is_wrong=True))
        return found

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        async for file in self._places.files(owner):
            yield file

    async def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        async for chunk in self._places.content(owner, file):
            yield chunk

    async def left_out(self) -> list[LeftOut]:
        traces = sum(len(_subfolders(folder / "traces")) for folder in self._folders.values())
        deleted = sum(
            _is_deleted(version)
            for model in _subfolders(self._root / MODELS)
            for version in _subfolders(model)
            if (version / META).is_file()
        )
        found = [LeftOut("traces", traces, "Trackside does not have them")] if traces else []
        if self.halves:
            found.append(
                LeftOut("last lines of metrics", self.halves, "they are being written: they have no end")
            )
        return [
            *self._damaged,
            *found,
            *([LeftOut("deleted model versions", deleted, "MLflow had emptied them")] if deleted else []),
        ]

    async def close(self) -> None:
        await self._places.close()


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir())
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}.") from error


def _is_deleted(version: Path) -> bool:
    try:
        return Fields(version).text("current_stage") == DELETED_STAGE
    except SourceError:
        return False  # with its model, it has been named


def _texts(folder: Path) -> dict[str, str]:
    """Files below a folder: their names, which may have slashes, and what they hold."""
    found = {}
    for path in _files(folder):
        try:
            found[path.relative_to(folder).as_posix()] = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path} cannot be read: {error}.") from error
    return found


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in found:
        if not is_utf8(path.name):
            raise SourceError(f"{printable(str(path))} cannot be read: {NOT_UTF8}.")
    return found


def _experiment(folder: Path) -> Experiment:
    told = Fields(folder)
    made = told.number("creation_time") or 0
    deleted = folder.parent.name == TRASH
    return Experiment(
        folder.name, told.needed("name"), told.text("artifact_location"), "deleted" if deleted else _lifecycle(told),
        made, told.number("last_update_time") or made,
        _texts(folder / "tags"),
    )  # fmt: skip


def _run(folder: Path) -> Run:
    told = Fields(folder)
    tags = _texts(folder / "tags")
    run = Run(
        id=folder.name,
        experiment_id=folder.parent.name,
        artifact_uri=_root(told.text("artifact_uri"), folder / "artifacts"),
        name=told.text("run_name") or tags.get("mlflow.runName", ""),
        user_id=told.text("user_id"),
        status=told.known("status", tuple(_RUN_STATUS.values()), "RUNNING", _RUN_STATUS),
        lifecycle=_lifecycle(told),
        start_ms=told.number("start_time") or 0,
        end_ms=told.number("end_time"),
        params=_texts(folder / "params"),
        tags=tags,
    )
    if run.lifecycle == "deleted":
        run.deleted_ms = told.number("deleted_time")
    metrics = folder / "metrics"
    for path in _files(metrics):
        status_of = path.stat()  # a file that has grown is another
        run.latest[path.relative_to(metrics).as_posix()] = (status_of.st_size, status_of.st_mtime_ns, "")
    _add_inputs(run, folder)
    return run


def _add_inputs(run: Run, folder: Path) -> None:
    for each in _subfolders(folder / "inputs"):
        told = Fields(each)
        if told.text("source_type") == "DATASET":
            dataset = folder.parent / "datasets" / told.needed("source_id")
            if not (dataset / META).is_file():
                continue  # MLflow, too, goes on without it
            of = Fields(dataset)
            run.datasets.append(
                DatasetUse(
                    of.needed("name"), of.needed("digest"), of.text("source_type"), of.text("source"),
                    of.text_or_none("schema"), of.text_or_none("profile"), told.texts("tags"),
                )
            )  # fmt: skip
        else:
            run.models_read.append(ModelUse(told.needed("source_id")))
    for each in _subfolders(folder / "outputs"):
        run.models_written.append(ModelUse(each.name, Fields(each).number("step") or 0))


def _lifecycle(told: Fields) -> str:
    return told.known("lifecycle_stage", LIFECYCLES, "active")


def _root(uri: str, beside: Path) -> str:
    """An artifact root. One that named this very folder does so also after it was moved or copied."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return uri
    path = Path(unquote(parts.path) if parts.scheme else uri)
    return uri if uri and path.is_absolute() and path.is_dir() else str(beside)


def _points(source: FolderSource, folder: Path, names: list[str]) -> Iterator[Points]:
    """Lines of `timestamp value step`, and what more MLflow 3 writes behind them."""
    rows: list[tuple[str, int, int, float]] = []
    for name in names:
        path = folder / name
        try:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.endswith("\n"):
                        source.halves += 1  # of a run that goes on: the next import brings it
                    elif line.strip():
                        rows.append((name, *_point(path, number, line)))
                    if len(rows) >= PAGE_POINTS:
                        yield points_of(rows)
                        rows = []
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path} cannot be read: {error}.") from error
    if rows:
        yield points_of(rows)


def _point(path: Path, number: int, line: str) -> tuple[int, int, float]:
    parts = line.split()
    try:
        step, time = int(parts[2]) if len(parts) > 2 else 0, int(parts[0])
        (step.to_bytes(8, signed=True), time.to_bytes(8, signed=True))  # more is no number of a store's
        return step, time, float(parts[1])
    except (ValueError, IndexError, OverflowError):
        raise SourceError(f"{path}, line {number}: '{line.strip()[:80]}' is no metric point.") from None


def _logged_model(folder: Path) -> LoggedModel:
    told = Fields(folder)
    made = told.number("creation_timestamp") or 0
    return LoggedModel(
        id=folder.name,
        experiment_id=folder.parent.parent.name,
        name=told.needed("name"),
        location=_root(told.text("artifact_location"), folder / "artifacts"),
        status=told.known("status", tuple(MODEL_STATUS.values()), "READY", {0: "READY", **MODEL_STATUS}),
        status_message=told.text_or_none("status_message"),
        lifecycle=_lifecycle(told),
        model_type=told.text_or_none("model_type"),
        run_id=told.text_or_none("source_run_id"),
        created_ms=made,
        updated_ms=told.number("last_updated_timestamp") or made,
        params=_texts(folder / "params"),
        tags=_texts(folder / "tags"),
        metrics=list(_model_metrics(folder / "metrics")),
    )


def _model_metrics(folder: Path) -> Iterator[ModelMetric]:
    """Lines of `timestamp value step run`, with the name and digest of a data set if there is one."""
    for name, text in _texts(folder).items():
        for number, line in enumerate(text.rpartition("\n")[0].splitlines(), 1):
            step, time, value = _point(folder / name, number, line)
            of_run, *rest = line.split()[3:] or [""]
            dataset, digest = (" ".join(rest[:-1]), rest[-1]) if len(rest) > 1 else (None, None)
            yield ModelMetric(name, step, time, hexed(value), of_run, dataset, digest)


def _registered_model(folder: Path) -> RegisteredModel:
    told = Fields(folder)
    made = told.number("creation_timestamp") or 0
    model = RegisteredModel(
        told.needed("name"),
        told.text_or_none("description"),
        made,
        told.number("last_updated_timestamp") or made,
    )
    model.tags = _texts(folder / "tags")
    model.aliases = {
        alias: _number(folder / "aliases" / alias, text) for alias, text in _texts(folder / "aliases").items()
    }
    for each in _subfolders(folder):
        if each.name.startswith("version-") and (each / META).is_file():
            version = _version(each)
            model.last_version = max(model.last_version, version.version)
            if version.stage != DELETED_STAGE:
                model.versions.append(version)
    model.versions.sort(key=lambda version: version.version)
    for fault in bad_numbers(model):
        raise SourceError(f"{folder} is damaged: {fault}.")
    return model


def _number(path: Path, text: str) -> int:
    """Of a version."""
    if not re.fullmatch(r"[0-9]{1,10}", text.strip()):
        raise SourceError(f"{path} is damaged: {text[:40]!r} is no number of a version.")
    return int(text)


def _version(folder: Path) -> Version:
    from trackside.core.registry import STAGES  # noqa: PLC0415 - tests/test_layout.py

    told = Fields(folder)
    made, source, location = (
        told.number("creation_timestamp") or 0,
        told.text("source"),
        told.text("storage_location"),
    )
    return Version(
        _number(folder / META, told.needed("version")), source, "" if location == source else location,
        told.known("current_stage", (*STAGES, DELETED_STAGE), "None"),
        told.known("status", VERSION_STATUSES, "READY"), told.text_or_none("status_message"),
        told.text_or_none("description"), told.text_or_none("user_id"), told.text_or_none("run_id"),
        told.text_or_none("run_link"), told.text_or_none("model_id") or model_of(source), made,
        told.number("last_updated_timestamp") or made, _texts(folder / "tags"),
    )  # fmt: skip
