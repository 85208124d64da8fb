"""Reads an `mlruns` folder: the YAML and text files that MLflow writes when it has neither server nor database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import yaml

from trackside.importers.database import DELETED_STAGE, MODEL_STATUS, model_of
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
from trackside.importers.source import PAGE_POINTS, PAGE_RUNS, SourceError, threaded

if TYPE_CHECKING:
    from trackside.importers.places import Places

META, TRASH, MODELS = "meta.yaml", ".trash", "models"
_NO_RUNS = {"tags", "datasets", "traces", MODELS}
_RUN_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
            yield [_run(each) for each in folders[start : start + PAGE_RUNS]]

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
            yield await asyncio.to_thread(lambda wanted: [_logged_model(each) for each in wanted], page)

    async def registered_models(self) -> AsyncIterator[RegisteredModel]:
        for folder in _subfolders(self._root / MODELS):
            if (folder / META).is_file():
                yield await asyncio.to_thread(_registered_model, folder)

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        async for file in self._places.files(owner):
            yield file

    async def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        async for chunk in self._places.content(owner, file):
            yield chunk

    async def left_out(self) -> list[LeftOut]:
        traces = sum(len(_subfolders(folder / "traces")) for folder in self._folders.values())
        deleted = sum(
            _yaml(version)["current_stage"] == DELETED_STAGE
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


def _yaml(folder: Path) -> dict[str, Any]:
    path = folder / META
    try:
        found = yaml.load(path.read_text("utf-8"), _LOADER)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise SourceError(f"{path} is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict):
        raise SourceError(f"{path} is damaged: it holds no fields.")
    return found


def _field(folder: Path, fields: dict[str, Any], name: str) -> str:
    if fields.get(name) is None:
        raise SourceError(f"{folder / META} is damaged: it has no '{name}'.")
    return str(fields[name])


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
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _experiment(folder: Path) -> Experiment:
    told = _yaml(folder)
    made = told.get("creation_time") or 0
    deleted = folder.parent.name == TRASH
    return Experiment(
        folder.name, _field(folder, told, "name"), told.get("artifact_location") or "",
        "deleted" if deleted else told.get("lifecycle_stage", "active"), made, told.get("last_update_time") or made,
        _texts(folder / "tags"),
    )  # fmt: skip


def _run(folder: Path) -> Run:
    told = _yaml(folder)
    status = told.get("status", 1)
    tags = _texts(folder / "tags")
    run = Run(
        id=folder.name,
        experiment_id=folder.parent.name,
        artifact_uri=_root(told.get("artifact_uri") or "", folder / "artifacts"),
        name=str(told.get("run_name") or tags.get("mlflow.runName", "")),
        user_id=str(told.get("user_id") or ""),
        status=_RUN_STATUS.get(status, "RUNNING") if isinstance(status, int) else str(status),
        lifecycle=told.get("lifecycle_stage", "active"),
        start_ms=told.get("start_time") or 0,
        end_ms=told.get("end_time"),
        params=_texts(folder / "params"),
        tags=tags,
    )
    if run.lifecycle == "deleted":
        run.deleted_ms = told.get("deleted_time")
    metrics = folder / "metrics"
    for path in _files(metrics):
        status_of = path.stat()  # a file that has grown is another
        run.latest[path.relative_to(metrics).as_posix()] = (status_of.st_size, status_of.st_mtime_ns, "")
    _add_inputs(run, folder)
    return run


def _add_inputs(run: Run, folder: Path) -> None:
    for each in _subfolders(folder / "inputs"):
        told = _yaml(each)
        if told.get("source_type") == "DATASET":
            dataset = folder.parent / "datasets" / str(told["source_id"])
            if not (dataset / META).is_file():
                continue  # MLflow, too, goes on without it
            of, tags = _yaml(dataset), told.get("tags") or {}
            used = DatasetUse(
                str(of["name"]), str(of["digest"]), of.get("source_type") or "", of.get("source") or ""
            )
            used.schema, used.profile = of.get("schema"), of.get("profile")
            used.tags = {str(key): str(value) for key, value in tags.items()}
            run.datasets.append(used)
        else:
            run.models_read.append(ModelUse(str(told["source_id"])))
    for each in _subfolders(folder / "outputs"):
        run.models_written.append(ModelUse(each.name, _yaml(each).get("step") or 0))


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
        return int(parts[2]) if len(parts) > 2 else 0, int(parts[0]), float(parts[1])
    except (ValueError, IndexError):
        raise SourceError(f"{path}, line {number}: '{line.strip()[:80]}' is no metric point.") from None


def _logged_model(folder: Path) -> LoggedModel:
    told = _yaml(folder)
    made = told.get("creation_timestamp") or 0
    return LoggedModel(
        id=folder.name,
        experiment_id=folder.parent.parent.name,
        name=_field(folder, told, "name"),
        location=_root(told.get("artifact_location") or "", folder / "artifacts"),
        status=MODEL_STATUS.get(told.get("status", 2), "READY"),
        status_message=told.get("status_message"),
        lifecycle=told.get("lifecycle_stage", "active"),
        model_type=told.get("model_type"),
        run_id=told.get("source_run_id"),
        created_ms=made,
        updated_ms=told.get("last_updated_timestamp") or made,
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
    told = _yaml(folder)
    made = told.get("creation_timestamp") or 0
    model = RegisteredModel(
        _field(folder, told, "name"),
        told.get("description"),
        made,
        told.get("last_updated_timestamp") or made,
    )
    model.tags = _texts(folder / "tags")
    model.aliases = {alias: int(version) for alias, version in _texts(folder / "aliases").items()}
    for each in _subfolders(folder):
        if each.name.startswith("version-") and (each / META).is_file():
            version = _version(each)
            model.last_version = max(model.last_version, version.version)
            if version.stage != DELETED_STAGE:
                model.versions.append(version)
    model.versions.sort(key=lambda version: version.version)
    return model


def _version(folder: Path) -> Version:
    told = _yaml(folder)
    made, source, location = (
        told.get("creation_timestamp") or 0,
        told.get("source") or "",
        told.get("storage_location"),
    )
    return Version(
        int(_field(folder, told, "version")), source, "" if location in (None, source) else location,
        told.get("current_stage") or "None", told.get("status") or "READY", told.get("status_message"),
        told.get("description"), told.get("user_id"), told.get("run_id"), told.get("run_link"),
        told.get("model_id") or model_of(source), made, told.get("last_updated_timestamp") or made,
        _texts(folder / "tags"),
    )  # fmt: skip
