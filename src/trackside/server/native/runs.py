"""The runs table and a run's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, columns, experiments, logged_models, logging, registry, runs, search
from trackside.errors import InvalidParameter, NotFound
from trackside.model import (
    DATASET_CONTEXT,
    NOTE,
    PARENT_RUN,
    DatasetInput,
    Latest,
    LoggedModel,
    Page,
    Run,
    RunInfo,
)
from trackside.server.guards import actor_of, signed_in
from trackside.server.native import guards, shapes
from trackside.server.native.bodies import ROOT, number, read
from trackside.server.routing import Route, answer, app_of

MOST = 1000  # runs a window
MOST_COLUMNS = 500


async def query(request: Request) -> Response:
    body = await read(request, shapes.RunsQuery)
    if not 1 <= body.limit <= MOST or body.offset < 0:
        raise InvalidParameter(f"'limit' must be from 1 to {MOST} and 'offset' not negative.")
    if len(body.columns) > MOST_COLUMNS:
        raise InvalidParameter(f"A query can name at most {MOST_COLUMNS} columns.")
    readable = access.readable_experiments(actor_of(request), body.experiment_ids, access.RUN)
    wanted = search.Search(readable, body.filter, body.order_by, body.view)
    app = app_of(request)
    found, more, _ = await search.find(app, wanted, Page(body.limit, body.offset))
    # A page that is the last one says how many there are.
    known = not more and (found or not body.offset)
    total = body.offset + len(found) if known else await search.count(app, wanted)
    return answer(_page(found, body.columns, total))


def _page(found: list[Run], wanted: list[str], total: int) -> shapes.RunsPage:
    infos = [run.info for run in found]
    latest = [{metric.key: metric for metric in run.metrics} for run in found]
    return shapes.RunsPage(
        total=total,
        total_is_exact=total < search.COUNT_LIMIT,
        run_ids=[info.uuid for info in infos],
        names=[info.name for info in infos],
        experiment_ids=[str(info.experiment_id) for info in infos],
        statuses=[info.status for info in infos],
        start_ms=[info.start_ms or None for info in infos],
        end_ms=[info.end_ms for info in infos],
        parent_run_ids=[run.tags.get(PARENT_RUN) for run in found],
        cells={column: _cells(found, latest, column) for column in wanted},
    )


_ATTRIBUTES: dict[str, Callable[[RunInfo], Any]] = {
    "run_id": lambda info: info.uuid,
    "run_name": lambda info: info.name,
    "status": lambda info: info.status,
    "user_id": lambda info: info.user_id,
    "start_time": lambda info: info.start_ms,
    "end_time": lambda info: info.end_ms,
    "artifact_uri": lambda info: info.artifact_uri,
    "duration": lambda info: None if info.end_ms is None else info.end_ms - info.start_ms,
}


# What is shown of a metric, by the function in a column's name.
_OF_METRIC: dict[str, Callable[[Latest], float | None]] = {
    "": lambda metric: metric.value,
    "last": lambda metric: metric.value,
    "min": lambda metric: metric.min,
    "max": lambda metric: metric.max,
}


def _cells(
    found: list[Run], latest: list[dict[str, Latest]], column: str
) -> list[shapes.Number | str | None]:
    name = columns.named(column)
    kind, key = name.entity, name.key
    if kind == "params":
        return [run.params.get(key) for run in found]
    if kind == "tags":
        return [run.tags.get(key) for run in found]
    if kind == "metrics" and (of_metric := _OF_METRIC.get(name.function)):
        values = [of_metric(metrics[key]) if key in metrics else None for metrics in latest]
        return [None if value is None else number(value) for value in values]
    if kind == "attributes" and key == "last_logged":
        return [max((metric.timestamp_ms for metric in run.metrics), default=None) for run in found]
    if kind == "attributes" and key in _ATTRIBUTES:
        return [_ATTRIBUTES[key](run.info) for run in found]
    raise InvalidParameter(
        f"Unknown column '{column}'. Columns are metrics.KEY, min(metrics.KEY), max(…), last(…), params.KEY,"
        f" tags.KEY and attributes.{{{', '.join([*_ATTRIBUTES, 'last_logged'])}}}."
    )


async def _one(request: Request) -> Response:
    app = app_of(request)
    uuid = request.path_params["run_id"]
    run = await runs.get(app, uuid)
    experiment = await experiments.get(app, str(run.info.experiment_id))
    parent = await _parent(request, run.tags.get(PARENT_RUN))
    versions = [
        version
        for version in await registry.versions_of_run(app, uuid)
        if await access.versions(app, actor_of(request), "read", version.name)
    ]
    info = run.info
    return answer(
        shapes.Run(
            run_id=info.uuid,
            name=info.name,
            experiment_id=str(info.experiment_id),
            experiment_name=experiment.name,
            status=info.status,
            lifecycle=info.lifecycle,
            user=info.user_id,
            start_ms=info.start_ms or None,
            end_ms=info.end_ms,
            artifact_uri=info.artifact_uri,
            description=run.tags.get(NOTE, ""),
            params=run.params,
            tags={key: value for key, value in run.tags.items() if key != NOTE},
            metrics=[_metric(metric) for metric in run.metrics],
            datasets=[_dataset(used) for used in run.datasets],
            models=[_model(model) for model in await logged_models.of_run(app, uuid)],
            versions=[shapes.VersionRef(version.name, str(version.version)) for version in versions],
            parent=parent,
            children=[_ref(child) for child in await runs.children(app, uuid) if _seen(request, child)],
        )
    )


async def _parent(request: Request, uuid: str | None) -> shapes.RunRef | None:
    try:
        parent = (await runs.get(app_of(request), uuid)).info if uuid else None
    except NotFound:
        return None  # the tag can name a run that was never here
    return _ref(parent) if parent and _seen(request, parent) else None


def _seen(request: Request, info: RunInfo) -> bool:
    """A run can name another as its parent that the reader may not read."""
    return access.sees_runs(actor_of(request), info.experiment_id)


def _ref(info: RunInfo) -> shapes.RunRef:
    return shapes.RunRef(info.uuid, info.name, info.status)


def _metric(metric: Latest) -> shapes.MetricSummary:
    return shapes.MetricSummary(
        key=metric.key,
        value=number(metric.value),
        step=metric.step,
        timestamp_ms=metric.timestamp_ms,
        min=metric.min,
        max=metric.max,
    )


def _dataset(used: DatasetInput) -> shapes.Dataset:
    of = used.dataset
    context = used.tags.get(DATASET_CONTEXT)
    return shapes.Dataset(of.name, of.digest, of.source_type, of.source, context, of.schema, of.profile)


def _model(model: LoggedModel) -> shapes.LoggedModel:
    return shapes.LoggedModel(model.uuid, model.name, model.status, model.artifact_location, model.created_ms)


async def get(request: Request) -> Response:
    return await _one(request)


async def patch(request: Request) -> Response:
    body = await read(request, shapes.RunPatch)
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    await runs.edit(app_of(request), request.path_params["run_id"], **given)
    return await _one(request)


async def delete(request: Request) -> Response:
    await runs.delete(app_of(request), request.path_params["run_id"])
    return answer({})


async def restore(request: Request) -> Response:
    await runs.restore(app_of(request), request.path_params["run_id"])
    return answer({})


async def set_tag(request: Request) -> Response:
    body = await read(request, shapes.TagValue)
    at: dict[str, Any] = request.path_params
    await logging.set_tag(app_of(request), at["run_id"], at["key"], body.value)
    return answer({})


async def delete_tag(request: Request) -> Response:
    at: dict[str, Any] = request.path_params
    await logging.delete_tag(app_of(request), at["run_id"], at["key"])
    return answer({})


_ONE = f"{ROOT}/runs/{{run_id}}"
routes = [
    Route("POST", f"{ROOT}/runs/query", query, signed_in, shapes.RunsQuery, shapes.RunsPage),
    Route("GET", _ONE, get, guards.run("read"), gives=shapes.Run),
    Route("PATCH", _ONE, patch, guards.run("update"), shapes.RunPatch, shapes.Run),
    Route("DELETE", _ONE, delete, guards.run("delete"), gives=shapes.Empty),
    Route("POST", f"{_ONE}/restore", restore, guards.run("delete"), gives=shapes.Empty),
    Route("PUT", f"{_ONE}/tags/{{key:path}}", set_tag, guards.run("update"), shapes.TagValue, shapes.Empty),
    Route("DELETE", f"{_ONE}/tags/{{key:path}}", delete_tag, guards.run("update"), gives=shapes.Empty),
]
