"""MLflow's endpoints for what a training script logs, and for metric histories."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import logging, metrics
from trackside.core.app import App
from trackside.core.permissions import Actor
from trackside.errors import InvalidParameter
from trackside.model import ModelMetric, Point
from trackside.server.guards import guard
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import RunId, Tag
from trackside.server.mlflow.paging import limit_of, place_of, token_of_place
from trackside.server.routing import Route, answer, app_of

HISTORY_PAGE = 25_000  # points
HISTORY_RUNS = 100
MOST_SAMPLED = 2500  # points of a run
_DONE = b"{}"


class Metric(Struct):
    key: str = ""
    value: float | str | bool | None = None
    timestamp: wire.Int | None = None
    step: wire.Int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogMetric(wire.Shape):
    run_id: str = ""
    key: str = ""
    value: float | str | bool | None = None
    timestamp: wire.Int | None = None
    step: wire.Int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id", "key", "value", "timestamp")


class LogParam(RunId):
    key: str = ""
    value: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id", "key")


class SetTag(LogParam):
    pass


class DeleteTag(RunId):
    key: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id", "key")


class LogBatch(RunId):
    metrics: list[Metric] = []
    params: list[Tag] = []
    tags: list[Tag] = []


class GetHistory(RunId):
    metric_key: str = ""
    max_results: wire.Int | None = None
    page_token: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id", "metric_key")


def _point(metric: Metric | LogMetric, path: str) -> Point:
    value = metric.value
    if type(value) is not float:
        value = wire.double(value, f"{path}value")
    if metric.timestamp is None:
        raise wire.missing(f"{path}timestamp")
    return Point(metric.key, metric.step, metric.timestamp, value + 0.0)  # -0.0 is stored as 0.0


def _points(metrics: Sequence[Metric]) -> list[Point]:
    found = [
        (metric.key, metric.step, metric.timestamp, metric.value + 0.0)
        for metric in metrics
        if type(metric.value) is float and metric.timestamp is not None
    ]
    if len(found) == len(metrics):
        # A thousand calls of Point would take as long as reading the request.
        return list(map(partial(tuple.__new__, Point), found))
    return [_point(metric, f"metrics[{index}].") for index, metric in enumerate(metrics)]


def _of_models(
    run_uuid: str, logged: Sequence[Metric | LogMetric], points: Sequence[Point]
) -> list[logging.OfModel]:
    """Those of the metrics that name a logged model."""
    return [
        logging.OfModel(
            metric.model_id,
            ModelMetric(
                point.key,
                point.step,
                point.timestamp_ms,
                point.value,
                run_uuid,
                metric.dataset_name or None,
                metric.dataset_digest or None,
            ),
        )
        for metric, point in zip(logged, points, strict=True)
        if metric.model_id
    ]


@guard("update run and logged model")
async def logs_metric(request: Request, actor: Actor) -> bool:
    body = await wire.read_fast(request, LogMetric)
    return await guards.run_and_models(request, actor, body.run_id, [body.model_id])


@guard("update run and logged models")
async def logs_batch(request: Request, actor: Actor) -> bool:
    body = await wire.read_fast(request, LogBatch)
    return await guards.run_and_models(request, actor, body.run_id, [each.model_id for each in body.metrics])


async def log_metric(app: App, body: LogMetric) -> bytes:
    point = _point(body, "")
    of_models = _of_models(body.run_id, [body], [point]) if body.model_id else ()
    await logging.log_metric(app, body.run_id, point, of_models)
    return _DONE


async def log_batch(app: App, body: LogBatch) -> bytes:
    sent: dict[str, Sequence[Metric | Tag]] = {
        "metrics": body.metrics,
        "params": body.params,
        "tags": body.tags,
    }
    for name, items in sent.items():
        for index, item in enumerate(items):
            if not item.key:
                raise wire.missing(f"{name}[{index}].key")
    points = _points(body.metrics)
    batch = logging.Batch(
        points,
        [(param.key, param.value) for param in body.params],
        [(tag.key, tag.value) for tag in body.tags],
        _of_models(body.run_id, body.metrics, points),
    )
    await logging.log_batch(app, body.run_id, batch)
    return _DONE


async def log_param(app: App, body: LogParam) -> bytes:
    await logging.log_param(app, body.run_id, body.key, body.value)
    return _DONE


async def set_tag(app: App, body: SetTag) -> bytes:
    await logging.set_tag(app, body.run_id, body.key, body.value)
    return _DONE


async def delete_tag(request: Request) -> Response:
    body = await wire.read(request, DeleteTag)
    await logging.delete_tag(app_of(request), body.run_id, body.key)
    return answer({})


class GetHistories(wire.Shape):
    run_id: list[str] = []
    metric_key: str | None = None
    max_results: wire.Int = HISTORY_PAGE


class GetSamples(wire.Shape):
    run_ids: list[str] | None = None
    metric_key: str = ""
    max_results: wire.Int = MOST_SAMPLED
    start_step: wire.Int | None = None
    end_step: wire.Int | None = None
    required: ClassVar[tuple[str, ...]] = ("run_ids", "metric_key")


async def get_history(request: Request) -> Response:
    body = await wire.read(request, GetHistory)
    begin = place_of(body.page_token)
    limit = None if body.max_results is None else limit_of(body.max_results, 1, 2**63)
    shown, following = await metrics.page(app_of(request), body.run_id, body.metric_key, begin, limit)
    more = {"next_page_token": token_of_place(following)} if following else {}
    found = _metrics_json(body.metric_key, *shown)
    return answer({**({"metrics": found} if found else {}), **more})


def _metrics_json(key: str, steps: Any, times: Any, values: Any) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": wire.number(value), "timestamp": time, "step": step}
        for step, time, value in zip(steps.tolist(), times.tolist(), values.tolist(), strict=True)
    ]


async def get_history_bulk(request: Request) -> Response:
    """For MLflow's UI: whole histories of one metric of several runs, up to 25,000 points in all."""
    body = await wire.read(request, GetHistories)
    if not body.run_id:
        raise InvalidParameter("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(body.run_id) > HISTORY_RUNS:
        raise InvalidParameter(
            f"GetMetricHistoryBulk request cannot specify more than {HISTORY_RUNS} run_ids."
            f" Received {len(body.run_id)} run_ids."
        )
    if body.metric_key is None:
        raise InvalidParameter("GetMetricHistoryBulk request must specify a metric_key.")
    most = min(limit_of(body.max_results or None, 0, 2**63), HISTORY_PAGE)
    found: list[dict[str, Any]] = []
    for uuid in sorted(set(body.run_id)):
        left = most - len(found)
        shown, _ = await metrics.page(app_of(request), uuid, body.metric_key, metrics.Place(), left)
        found += [{**metric, "run_id": uuid} for metric in _metrics_json(body.metric_key, *shown)]
        if len(found) == most:
            break
    return answer({"metrics": found})


async def get_history_bulk_interval(request: Request) -> Response:
    """Evenly sampled histories: each run's first and last point in the step window are kept."""
    body = await wire.read(request, GetSamples)
    run_ids = body.run_ids or []
    if len(run_ids) > HISTORY_RUNS:
        raise InvalidParameter(
            f"GetMetricHistoryBulkInterval request must specify at most {HISTORY_RUNS} run_ids."
            f" Received {len(run_ids)} run_ids.{wire.SEE_DOCS}"
        )
    if not 1 <= body.max_results <= MOST_SAMPLED:
        raise InvalidParameter(f"max_results must be between 1 and {MOST_SAMPLED}.{wire.SEE_DOCS}")
    if (body.start_step is None) != (body.end_step is None):
        raise InvalidParameter("If either start step or end step are specified, both must be specified.")
    if body.start_step is not None and body.end_step is not None and body.start_step > body.end_step:
        raise InvalidParameter(
            f"end_step must be greater than start_step. Found start_step={body.start_step} and end_step={body.end_step}."
        )
    found: list[dict[str, Any]] = []
    for uuid in run_ids:
        columns = await metrics.history(app_of(request), uuid, body.metric_key)
        sample = metrics.evenly_sampled(columns, body.max_results, body.start_step, body.end_step)
        found += [{**metric, "run_id": uuid} for metric in _metrics_json(body.metric_key, *sample)]
    return answer({"metrics": found} if found else {})


_RUNS = "/api/2.0/mlflow/runs"
_METRICS = "/api/2.0/mlflow/metrics"
routes = [
    wire.hot(f"{_RUNS}/log-metric", LogMetric, log_metric, logs_metric),
    wire.hot(f"{_RUNS}/log-batch", LogBatch, log_batch, logs_batch),
    wire.hot(f"{_RUNS}/log-parameter", LogParam, log_param, guards.run("update")),
    wire.hot(f"{_RUNS}/set-tag", SetTag, set_tag, guards.run("update")),
    Route("POST", f"{_RUNS}/delete-tag", delete_tag, guards.run("update")),
    Route("GET", f"{_METRICS}/get-history", get_history, guards.run("read")),
    Route("GET", f"{_METRICS}/get-history-bulk", get_history_bulk, guards.reads_runs),
    Route("GET", f"{_METRICS}/get-history-bulk-interval", get_history_bulk_interval, guards.reads_runs),
]
