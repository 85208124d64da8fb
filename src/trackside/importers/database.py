"""Reads a database of MLflow's: the tables behind a tracking server, without the server."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from trackside.importers.engines import Engine, Record, opened
from trackside.importers.records import (
    LARGEST,
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
from trackside.importers.sound import bad_numbers
from trackside.importers.source import PAGE_RUNS, SourceError

if TYPE_CHECKING:
    from trackside.importers.places import Places

_EXPERIMENT = (
    "experiment_id",
    "name",
    "artifact_location",
    "lifecycle_stage",
    "creation_time",
    "last_update_time",
)
_RUN = (
    *("run_uuid", "experiment_id", "artifact_uri", "name", "user_id", "status", "lifecycle_stage"),
    *("start_time", "end_time", "deleted_time"),
)  # fmt: skip
_MODEL = (
    *("model_id", "experiment_id", "name", "artifact_location", "status", "status_message", "lifecycle_stage"),
    *("model_type", "source_run_id", "creation_timestamp_ms", "last_updated_timestamp_ms"),
)  # fmt: skip
_VERSION = (
    *("version", "source", "storage_location", "current_stage", "status", "status_message", "description"),
    *("user_id", "run_id", "run_link", "creation_time", "last_updated_time"),
)  # fmt: skip
MODEL_STATUS = {1: "PENDING", 2: "READY", 3: "FAILED"}
DELETED_STAGE = "Deleted_Internal"  # how MLflow marks a version that was deleted

# Tables whose rows stay behind: what is in them, and why.
_NOT_SERVED = "Trackside does not have them"
_LEFT = {
    "trace_info": ("traces", _NOT_SERVED),
    "assessments": ("assessments of traces", _NOT_SERVED),
    "evaluation_datasets": ("evaluation data sets", _NOT_SERVED),
    "scorers": ("scorers", _NOT_SERVED),
    "issues": ("issues", _NOT_SERVED),
    "label_schemas": ("label schemas", _NOT_SERVED),
    "review_queues": ("review queues", _NOT_SERVED),
    "mcp_servers": ("MCP servers", _NOT_SERVED),
    "secrets": ("secrets of the gateway", _NOT_SERVED),
    "endpoints": ("endpoints of the gateway", _NOT_SERVED),
    "budget_policies": ("budgets of the gateway", _NOT_SERVED),
    "guardrails": ("guardrails of the gateway", _NOT_SERVED),
    "jobs": ("jobs", _NOT_SERVED),
    "webhooks": ("webhooks", "their secrets are encrypted: make them again"),
    "users": ("users", "passwords cannot be read back: make users with `trackside user add`"),
}


class DatabaseSource:
    """Every value as it stands there; NaN and infinities as they were logged."""

    keeps_uris = False
    repeats = False
    tells_changes = True

    def __init__(self, engine: Engine, name: str, places: Places) -> None:
        missing = {"experiments", "runs", "metrics", "params", "tags"} - engine.tables.keys()
        if missing:
            raise SourceError(
                f"{name} is no database of MLflow: it has no table {', '.join(sorted(missing))}."
            )
        self.name = self.identity = name
        self._db = engine
        self._places = places

    @classmethod
    async def open(cls, url: str, places: Places) -> DatabaseSource:
        engine, name = await opened(url)
        return cls(engine, name, places)

    async def experiments(self) -> list[Experiment]:
        tags: dict[str, dict[str, str]] = defaultdict(dict)
        for number, key, value in await self._all("experiment_tags", ("experiment_id", "key", "value")):
            tags[str(number)][key] = value or ""
        where, values = self._here("experiments")
        found = await self._all("experiments", _EXPERIMENT, f"{where} ORDER BY experiment_id", values)
        return [
            Experiment(str(number), name, location or "", lifecycle or "active", made or 0, changed or made or 0, tags[str(number)])
            for number, name, location, lifecycle, made, changed in found
        ]  # fmt: skip

    async def runs(self, experiment: Experiment) -> AsyncIterator[list[Run]]:
        where = "WHERE experiment_id = ? ORDER BY start_time, run_uuid"
        ids = [row[0] for row in await self._all("runs", ("run_uuid",), where, [int(experiment.id)])]
        for start in range(0, len(ids), PAGE_RUNS):
            yield await self._whole(ids[start : start + PAGE_RUNS])

    async def _whole(self, ids: Sequence[str]) -> list[Run]:
        among, order = f"IN ({', '.join('?' * len(ids))})", "ORDER BY start_time, run_uuid"
        rows = await self._all("runs", _RUN, f"WHERE run_uuid {among} {order}", ids)
        runs = {row[0]: _run(row) for row in rows}
        for table, kind in (("params", "params"), ("tags", "tags")):
            for uuid, key, value in await self._all(
                table, ("run_uuid", "key", "value"), f"WHERE run_uuid {among}", ids
            ):
                getattr(runs[uuid], kind)[key] = value or ""
        latest = ("run_uuid", "key", "step", "timestamp", "value", "is_nan")
        for uuid, key, step, time, value, nan in await self._all(
            "latest_metrics", latest, f"WHERE run_uuid {among}", ids
        ):
            runs[uuid].latest[key] = (step, time or 0, "nan" if nan else repr(float(value)))
        sql = f"SELECT run_uuid, count(*) FROM metrics WHERE run_uuid {among} GROUP BY run_uuid"  # noqa: S608
        async for page in self._db.rows(sql, ids):
            for uuid, count in page:
                runs[uuid].points = count
        await self._add_inputs(runs, among, ids)
        return list(runs.values())

    async def _add_inputs(self, runs: dict[str, Run], among: str, ids: Sequence[str]) -> None:
        if "inputs" not in self._db.tables:
            return
        await self._add_datasets(runs, among, ids)
        # By their source: of runs that read a logged model, and of those that wrote one.
        wanted = ("source_type", "source_id", "destination_id", "step")
        where = f"WHERE source_id {among} AND destination_type IN ('MODEL_INPUT', 'MODEL_OUTPUT') ORDER BY destination_id"
        for kind, uuid, model_id, step in await self._all("inputs", wanted, where, ids):
            run = runs[uuid]
            uses = run.models_read if kind == "RUN_INPUT" else run.models_written
            uses.append(ModelUse(model_id, step or 0))

    async def _add_datasets(self, runs: dict[str, Run], among: str, ids: Sequence[str]) -> None:
        where = f"WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id {among} ORDER BY input_uuid"
        uses = await self._all("inputs", ("input_uuid", "source_id", "destination_id"), where, ids)
        if not uses:
            return
        marks = ", ".join("?" * len(uses))
        tags: dict[str, dict[str, str]] = defaultdict(dict)
        named = ("input_uuid", "name", "value")
        for use, key, value in await self._all(
            "input_tags", named, f"WHERE input_uuid IN ({marks})", [use[0] for use in uses]
        ):
            tags[use][key] = value
        columns = (
            "dataset_uuid",
            "name",
            "digest",
            "dataset_source_type",
            "dataset_source",
            "dataset_schema",
            "dataset_profile",
        )
        found = await self._all(
            "datasets", columns, f"WHERE dataset_uuid IN ({marks})", [use[1] for use in uses]
        )
        datasets = {row[0]: row[1:] for row in found}
        for use, dataset, uuid in uses:
            if dataset in datasets:
                runs[uuid].datasets.append(_dataset(datasets[dataset], tags[use]))

    async def points(self, run: Run) -> AsyncIterator[Points]:
        sql = "SELECT key, step, timestamp, CASE WHEN is_nan THEN NULL ELSE value END FROM metrics WHERE run_uuid = ?"
        async for page in self._db.rows(sql, [run.id]):
            yield points_of(
                [(row[0], row[1], row[2], math.nan if row[3] is None else row[3]) for row in page]
            )

    async def logged_models(self, experiment: Experiment) -> AsyncIterator[list[LoggedModel]]:
        rows = await self._all(
            "logged_models",
            _MODEL,
            "WHERE experiment_id = ? ORDER BY creation_timestamp_ms, model_id",
            [int(experiment.id)],
        )
        for start in range(0, len(rows), PAGE_RUNS):
            yield await self._whole_models(rows[start : start + PAGE_RUNS])

    async def _whole_models(self, rows: Sequence[Record]) -> list[LoggedModel]:
        models = {row[0]: _logged_model(row) for row in rows}
        ids = list(models)
        where = f"WHERE model_id IN ({', '.join('?' * len(ids))})"
        for kind in ("param", "tag"):
            columns = ("model_id", f"{kind}_key", f"{kind}_value")
            for model_id, key, value in await self._all(f"logged_model_{kind}s", columns, where, ids):
                getattr(models[model_id], f"{kind}s")[key] = value
        metrics = (
            "model_id",
            "metric_name",
            "metric_step",
            "metric_timestamp_ms",
            "metric_value",
            "run_id",
            "dataset_name",
            "dataset_digest",
        )
        for model_id, key, step, time, value, *rest in await self._all(
            "logged_model_metrics", metrics, where, ids
        ):
            models[model_id].metrics.append(ModelMetric(key, step, time, hexed(as_logged(value)), *rest))
        return list(models.values())

    async def registered_models(self) -> AsyncIterator[RegisteredModel]:
        here, values = self._here("registered_models")
        columns = ("name", "description", "creation_time", "last_updated_time")
        tags = await self._by_name("registered_model_tags", ("name", "key", "value"))
        aliases = await self._by_name("registered_model_aliases", ("name", "alias", "version"))
        versions = await self._by_name("model_versions", ("name", *_VERSION))
        of_versions = await self._by_name("model_version_tags", ("name", "version", "key", "value"))
        for name, description, made, changed in await self._all(
            "registered_models", columns, f"{here} ORDER BY name", values
        ):
            model = RegisteredModel(name, description, made or 0, changed or made or 0)
            model.tags = {key: value or "" for key, value in tags[name]}
            model.aliases = {alias: int(version) for alias, version in aliases[name]}
            model.last_version = max((row[0] for row in versions[name]), default=0)
            kept = [_version(row) for row in versions[name] if row[3] != DELETED_STAGE]
            model.versions = sorted(kept, key=lambda version: version.version)
            for number, key, value in of_versions[name]:
                for version in model.versions:
                    if version.version == number:
                        version.tags[key] = value or ""
            for fault in bad_numbers(model):
                raise SourceError(f"{self.name} is damaged: registered model '{name}': {fault}.")
            yield model

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        async for file in self._places.files(owner):
            yield file

    async def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        async for chunk in self._places.content(owner, file):
            yield chunk

    async def left_out(self) -> list[LeftOut]:
        found = [
            LeftOut(what, count, why)
            for table, (what, why) in _LEFT.items()
            if table in self._db.tables and (count := await self._count(table))
        ]
        for table, what in (("experiments", "experiments"), ("registered_models", "registered models")):
            if "workspace" in self._db.tables.get(table, ()):
                count = await self._count(table, "WHERE workspace <> 'default'")
                found += (
                    [LeftOut(f"{what} of other workspaces", count, "Trackside has no workspaces")]
                    if count
                    else []
                )
        deleted = await self._count("model_versions", f"WHERE current_stage = '{DELETED_STAGE}'")
        found += [LeftOut("deleted model versions", deleted, "MLflow had emptied them")] if deleted else []
        return found

    async def close(self) -> None:
        await self._db.close()
        await self._places.close()

    # --- queries

    async def _all(
        self, table: str, columns: Sequence[str], rest: str = "", values: Sequence[Any] = ()
    ) -> list[Record]:
        known = self._db.tables.get(table)
        if known is None:
            return []
        wanted = ", ".join(f'"{column}"' if column in known else "NULL" for column in columns)
        sql = f'SELECT {wanted} FROM "{table}" {rest}'  # noqa: S608 - names of ours
        return [row async for page in self._db.rows(sql, values) for row in page]

    async def _by_name(self, table: str, columns: Sequence[str]) -> dict[str, list[Record]]:
        where, values = self._here(table)
        found: dict[str, list[Record]] = defaultdict(list)
        for name, *rest in await self._all(table, columns, where, values):
            found[name].append(rest)
        return found

    async def _count(self, table: str, where: str = "") -> int:
        if table not in self._db.tables:
            return 0
        sql = f'SELECT count(*) FROM "{table}" {where}'  # noqa: S608 - names of ours
        return sum([row[0] async for page in self._db.rows(sql) for row in page])

    def _here(self, table: str) -> tuple[str, list[str]]:
        """Only the default workspace, where there are others."""
        has = "workspace" in self._db.tables.get(table, ())
        return ("WHERE workspace = ?", ["default"]) if has else ("", [])


def _run(row: Record) -> Run:
    uuid, experiment_id, uri, name, user_id, status, lifecycle, start, end, deleted = row
    return Run(
        uuid, str(experiment_id), uri or "", name or "", user_id or "", status or "RUNNING", lifecycle or "active",
        start or 0, end, deleted if lifecycle == "deleted" else None,
    )  # fmt: skip


def _dataset(row: Record, tags: dict[str, str]) -> DatasetUse:
    name, digest, source_type, source, schema, profile = row
    return DatasetUse(name, digest, source_type, source, schema, profile, tags)


def _logged_model(row: Record) -> LoggedModel:
    model_id, experiment_id, name, location, status, message, lifecycle, kind, run_id, made, changed = row
    return LoggedModel(
        model_id, str(experiment_id), name, location or "", MODEL_STATUS.get(status, "READY"), message,
        lifecycle or "active", kind, run_id, made or 0, changed or made or 0,
    )  # fmt: skip


def _version(row: Record) -> Version:
    number, source, location, stage, status, message, description, user_id, run_id, link, made, changed = row
    source = source or ""
    return Version(
        number, source, "" if location in (None, source) else location, stage or "None", status or "READY", message,
        description, user_id, run_id, link, model_of(source), made or 0, changed or made or 0,
    )  # fmt: skip


def model_of(source: str) -> str | None:
    """The logged model that a version's source names."""
    name = source.removeprefix("models:/")
    return name if name != source and name.startswith("m-") and "/" not in name else None


def as_logged(value: float | None) -> float:
    """A value of a column that has no flag for NaN."""
    if value is None:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) == LARGEST else float(value)
