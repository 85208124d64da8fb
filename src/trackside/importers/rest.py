"""Reads a running server by MLflow's REST API: MLflow's own of any release from 2.9, or whoever speaks it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

from trackside.importers.database import as_logged, model_of
from trackside.importers.http import CONNECTIONS, Http, RefusedError
from trackside.importers.places import NOT_UTF8, Proxied, is_utf8, printable
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
from trackside.importers.source import PAGE_RUNS, FileError, SourceError

API = "/api/2.0/mlflow"
FILES_OF_MODEL = "/ajax-api/2.0/mlflow/logged-models"
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
PAGE = 1000
HISTORY = 25_000  # points of one answer
PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"  # prompts are among the models, and only shown to who asks
_STATUS = {
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
}


class RestSource:
    """What its API tells; everything else is left out, and what that is cannot be counted."""

    keeps_uris = False
    repeats = True
    tells_changes = False  # neither counts of points nor times of files

    def __init__(self, url: str) -> None:
        self._http = Http(url)
        self.name = self.identity = self._http.name
        self._has_models: bool | None = None  # logged models: those of MLflow 3
        # The runs that were read last, and the points that several of them were asked for together.
        self._page: list[Run] = []
        self._bulk: asyncio.Future[dict[str, dict[str, Points]]] | None = None

    async def experiments(self) -> list[Experiment]:
        found = await self._pages(
            f"{API}/experiments/search", "experiments", view_type="ALL", max_results=PAGE
        )
        return sorted((_experiment(each) for each in found), key=lambda each: int(each.id))

    async def runs(self, experiment: Experiment) -> AsyncIterator[list[Run]]:
        wanted = {
            "experiment_ids": [experiment.id],
            "run_view_type": "ALL",
            "max_results": PAGE_RUNS,
            "order_by": ["start_time ASC"],
        }
        async for page in self._each_page(f"{API}/runs/search", "runs", wanted):
            runs = [_run(each) for each in page]
            if self._has_models:
                # A search tells the models that a run wrote, but not those that it read.
                asked = (self._http.ask(f"{API}/runs/get", run_id=run.id) for run in runs)
                runs = [_run(each["run"]) for each in await _bounded(list(asked))]
            self._page, self._bulk = runs, None
            yield runs

    async def points(self, run: Run) -> AsyncIterator[Points]:
        known = await self._together(run)
        for key in run.latest:
            if key in known:
                yield known[key]
                continue
            query: dict[str, Any] = {"run_id": run.id, "metric_key": key, "max_results": HISTORY}
            while True:
                answer = await self._http.ask(f"{API}/metrics/get-history", **query)
                rows = [_point(key, told) for told in answer.get("metrics", [])]
                if rows:
                    yield points_of(rows)
                if not answer.get("next_page_token"):
                    break
                query["page_token"] = answer["next_page_token"]

    async def _together(self, run: Run) -> dict[str, Points]:
        """Those metrics of a run whose points came with those of the other runs of its page."""
        if self._bulk is None:
            self._bulk = asyncio.ensure_future(self._histories(self._page))
        return (await self._bulk).get(run.id, {})

    async def _histories(self, runs: list[Run]) -> dict[str, dict[str, Points]]:
        """The points of each metric that several runs have: one question for a metric instead of one for each run.

        An answer is cut at a number of points; one that may have been is not used.
        """
        found: dict[str, dict[str, Points]] = {run.id: {} for run in runs}
        having: dict[str, list[str]] = {}
        for run in runs:
            for key in run.latest:
                having.setdefault(key, []).append(run.id)

        async def ask(key: str, ids: list[str]) -> None:
            answer = await self._http.ask(BULK, run_id=ids, metric_key=key, max_results=HISTORY)
            told = answer.get("metrics", [])
            if len(told) < HISTORY:
                by_run: dict[str, list[Any]] = {}
                for each in told:
                    by_run.setdefault(each["run_id"], []).append(_point(key, each))
                for run_id, rows in by_run.items():
                    found[run_id][key] = points_of(rows)

        try:
            await _bounded([ask(key, ids) for key, ids in having.items() if len(ids) > 1])
        except RefusedError:
            return {}  # a server without it
        return found

    async def logged_models(self, experiment: Experiment) -> AsyncIterator[list[LoggedModel]]:
        if self._has_models is False:
            return
        wanted = {"experiment_ids": [experiment.id], "max_results": 50}
        try:
            async for page in self._each_page(f"{API}/logged-models/search", "models", wanted):
                self._has_models = True
                yield [_logged_model(each) for each in page]
        except SourceError as error:
            if self._has_models or " answered 404" not in str(error):
                raise
            self._has_models = False  # MLflow 2

    async def registered_models(self) -> AsyncIterator[RegisteredModel]:
        path = f"{API}/registered-models/search"
        found = await self._pages(path, "registered_models", max_results=PAGE)
        found += await self._pages(path, "registered_models", max_results=PAGE, filter=PROMPT)
        for name in sorted({each["name"] for each in found}):
            [model, *_] = [_registered(each) for each in found if each["name"] == name]
            versions = await self._versions(name)
            model.versions = sorted((_version(each) for each in versions), key=lambda each: each.version)
            model.last_version = max((each.version for each in model.versions), default=0)
            for version in model.versions:
                if version.source.startswith("models:"):
                    asked = {"name": name, "version": str(version.version)}
                    answer = await self._http.ask(f"{API}/model-versions/get-download-uri", **asked)
                    version.location = str(answer.get("artifact_uri", ""))
            yield model

    async def _versions(self, name: str) -> list[dict[str, Any]]:
        if "'" in name and '"' in name:  # no filter of MLflow's can say that
            return await self._versions_by_number(name)
        mark = "'" if '"' in name else '"'
        path, named = f"{API}/model-versions/search", f"name={mark}{name}{mark}"
        # A prompt's are only shown to who asks.
        return await self._pages(path, "model_versions", filter=named, max_results=PAGE) or await self._pages(
            path, "model_versions", filter=f"{named} AND {PROMPT}", max_results=PAGE
        )

    async def _versions_by_number(self, name: str) -> list[dict[str, Any]]:
        model = await self._http.ask(f"{API}/registered-models/get", name=name)
        latest = model["registered_model"].get("latest_versions", [])
        last = max((int(each["version"]) for each in latest), default=0)
        found = []
        for number in range(1, last + 1):
            try:
                answer = await self._http.ask(f"{API}/model-versions/get", name=name, version=str(number))
            except RefusedError as error:
                if " answered 404" not in error.message:
                    raise
            else:
                found.append(answer["model_version"])
        return found

    async def files(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        if (proxied := self._proxied(owner)) is not None:
            async for file in proxied.files():
                yield file
            return
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                async for entry in self._entries(owner, folder):
                    if not is_utf8(entry["path"]):
                        yield File(printable(entry["path"]), None, error=NOT_UTF8)
                    elif entry.get("is_dir"):
                        waiting.append(entry["path"])
                    else:
                        yield File(entry["path"], int(entry.get("file_size", 0)))
            except FileError as error:
                yield File(folder, None, error=error.message)

    async def _entries(self, owner: Run | LoggedModel, folder: str) -> AsyncIterator[dict[str, Any]]:
        if isinstance(owner, Run):
            path = f"{API}/artifacts/list"
            query: dict[str, Any] = {"run_id": owner.id, "path": folder}
        else:
            path = f"{API}/logged-models/{owner.id}/artifacts/directories"
            query = {"artifact_directory_path": folder}
        while True:
            answer = await self._http.ask(path, **{name: value for name, value in query.items() if value})
            for entry in answer.get("files", []):
                yield entry
            if not answer.get("next_page_token"):
                return
            query["page_token"] = answer["next_page_token"]

    async def content(self, owner: Run | LoggedModel, file: File) -> AsyncIterator[bytes]:
        if (proxied := self._proxied(owner)) is not None:
            chunks = proxied.content(file.path)
        elif isinstance(owner, Run):
            chunks = self._http.download("/get-artifact", run_id=owner.id, path=file.path)
        else:
            chunks = self._http.download(
                f"{FILES_OF_MODEL}/{owner.id}/artifacts/files", artifact_file_path=file.path
            )
        async for chunk in chunks:
            yield chunk

    def _proxied(self, owner: Run | LoggedModel) -> Proxied | None:
        uri = owner.artifact_uri if isinstance(owner, Run) else owner.location
        scheme, found, path = uri.partition("mlflow-artifacts:/")
        return None if scheme or not found or path.startswith("/") else Proxied(self._http, path)

    async def left_out(self) -> list[LeftOut]:
        why = "the REST API does not tell how many: import from the database to have them counted"
        return [LeftOut("deleted logged models, traces, users, webhooks, evaluation data sets", -1, why)]

    async def close(self) -> None:
        await self._http.close()

    # --- pages

    async def _pages(self, path: str, field: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = await self._http.ask(path, **query)
            found += answer.get(field, [])
            if not answer.get("next_page_token"):
                return found
            query["page_token"] = answer["next_page_token"]

    async def _each_page(
        self, path: str, field: str, wanted: dict[str, Any]
    ) -> AsyncIterator[list[dict[str, Any]]]:
        while True:
            answer = await self._http.ask(path, json=wanted)
            if answer.get(field):
                yield answer[field]
            if not answer.get("next_page_token"):
                return
            wanted = {**wanted, "page_token": answer["next_page_token"]}


async def _bounded(asked: list[Any]) -> list[Any]:
    """The answers, a few questions at a time."""
    turns = asyncio.Semaphore(CONNECTIONS)

    async def one(question: Any) -> Any:
        async with turns:
            return await question

    return await asyncio.gather(*(one(question) for question in asked))


def _point(key: str, told: dict[str, Any]) -> tuple[str, int, int, float]:
    return key, int(told.get("step", 0)), int(told.get("timestamp", 0)), _number(told.get("value"))


def _number(value: Any) -> float:
    """JSON of MLflow has "NaN" and "Infinity" as texts; an absent value is 0, as in protobuf."""
    return float(value) if value is not None else 0.0


def _pairs(found: list[dict[str, Any]] | None) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in found or []}


def _ms(value: Any) -> int:
    return int(value or 0)


def _experiment(each: dict[str, Any]) -> Experiment:
    made = _ms(each.get("creation_time"))
    return Experiment(
        str(each["experiment_id"]), each["name"], each.get("artifact_location", ""), each.get("lifecycle_stage", "active"),
        made, _ms(each.get("last_update_time")) or made, _pairs(each.get("tags")),
    )  # fmt: skip


def _run(each: dict[str, Any]) -> Run:
    info, data, inputs = each["info"], each.get("data", {}), each.get("inputs", {})
    end = info.get("end_time")
    return Run(
        id=info.get("run_id") or info["run_uuid"],
        experiment_id=str(info["experiment_id"]),
        artifact_uri=info.get("artifact_uri", ""),
        name=info.get("run_name", ""),
        user_id=info.get("user_id", ""),
        status=info.get("status", "RUNNING"),
        lifecycle=info.get("lifecycle_stage", "active"),
        start_ms=_ms(info.get("start_time")),
        end_ms=None if end is None else int(end),
        params=_pairs(data.get("params")),
        tags=_pairs(data.get("tags")),
        datasets=[_dataset(used) for used in inputs.get("dataset_inputs", [])],
        models_read=[ModelUse(used["model_id"]) for used in inputs.get("model_inputs", [])],
        models_written=[
            ModelUse(used["model_id"], int(used.get("step", 0)))
            for used in each.get("outputs", {}).get("model_outputs", [])
        ],
        latest={
            p["key"]: (int(p.get("step", 0)), int(p.get("timestamp", 0)), repr(_number(p.get("value"))))
            for p in data.get("metrics", [])
        },
    )


def _dataset(used: dict[str, Any]) -> DatasetUse:
    told = used["dataset"]
    return DatasetUse(
        told["name"], told["digest"], told.get("source_type", ""), told.get("source", ""), told.get("schema"),
        told.get("profile"), _pairs(used.get("tags")),
    )  # fmt: skip


def _logged_model(each: dict[str, Any]) -> LoggedModel:
    info, data = each["info"], each.get("data", {})
    made = _ms(info.get("creation_timestamp_ms"))
    return LoggedModel(
        id=info["model_id"],
        experiment_id=str(info["experiment_id"]),
        name=info.get("name", ""),
        location=info.get("artifact_uri", ""),
        status=_STATUS.get(info.get("status", ""), "READY"),
        status_message=info.get("status_message"),
        model_type=info.get("model_type") or None,
        run_id=info.get("source_run_id") or None,
        created_ms=made,
        updated_ms=_ms(info.get("last_updated_timestamp_ms")) or made,
        params=_pairs(data.get("params")),
        tags=_pairs(info.get("tags")),
        metrics=[_model_metric(told) for told in data.get("metrics", [])],
    )


def _model_metric(told: dict[str, Any]) -> ModelMetric:
    value = told.get("value")
    return ModelMetric(
        told["key"], _ms(told.get("step")), _ms(told.get("timestamp")),
        hexed(math.nan if value is None else as_logged(_number(value))),
        told.get("run_id", ""), told.get("dataset_name") or None, told.get("dataset_digest") or None,
    )  # fmt: skip


def _registered(each: dict[str, Any]) -> RegisteredModel:
    made = _ms(each.get("creation_timestamp"))
    model = RegisteredModel(
        each["name"], each.get("description"), made, _ms(each.get("last_updated_timestamp")) or made
    )
    model.tags = _pairs(each.get("tags"))
    model.aliases = {told["alias"]: int(told["version"]) for told in each.get("aliases", [])}
    return model


def _version(each: dict[str, Any]) -> Version:
    made, source = _ms(each.get("creation_timestamp")), each.get("source", "")
    return Version(
        int(each["version"]), source, "", each.get("current_stage") or "None", each.get("status", "READY"),
        each.get("status_message"), each.get("description"), each.get("user_id"), each.get("run_id") or None,
        each.get("run_link") or None, each.get("model_id") or model_of(source), made,
        _ms(each.get("last_updated_timestamp")) or made, _pairs(each.get("tags")),
    )  # fmt: skip
