"""What a training script logs while it runs: metrics, params, tags, alone or in batches."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

from trackside.core import rankings, runs, validate
from trackside.core.app import App
from trackside.errors import InvalidParameter, NotFound
from trackside.model import RUN_NAME, ModelMetric, Point
from trackside.store.database import Row, Transaction

EVENT_POINTS = 64  # points that an event carries; for more, listeners ask

Pair = tuple[str, str]


class OfModel(NamedTuple):
    """A metric that also belongs to a logged model."""

    model_uuid: str
    metric: ModelMetric


class Batch(NamedTuple):
    """What one request logs to a run."""

    points: Sequence[Point] = ()
    params: Sequence[Pair] = ()
    tags: Sequence[Pair] = ()
    of_models: Sequence[OfModel] = ()


async def log_metric(app: App, uuid: str, point: Point, of_models: Sequence[OfModel] = ()) -> None:
    """Add one point. Logging the same one again changes nothing."""
    validate.point(point, "")
    await _log(app, uuid, Batch([point], of_models=of_models))


async def log_param(app: App, uuid: str, key: str, value: str) -> None:
    """Set a param, once. Raises InvalidParameter for another value than was logged."""
    value = validate.param(key, value, "", app.settings.long_values)

    async def job(tx: Transaction) -> Row:
        run = await runs.active_row_of(tx, uuid)
        known = await tx.one("param_of_run", run_id=run["id"], key=key)
        if known and known["value"] != value:
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with"
                f" value='{known['value']}' for run ID='{uuid}'. Attempted logging new value '{value}'."
            )
        await tx.run("set_param", run_id=run["id"], key=key, value=value)
        await rankings.changed(tx, run)
        return run

    run = await app.db.write(job, runs=(uuid,))
    runs.announce(app, uuid, run["experiment_id"])


async def set_tag(app: App, uuid: str, key: str, value: str) -> None:
    """Set a tag; mlflow.runName renames the run."""
    value = validate.tag(key, value, "", app.settings.long_values)
    await _log(app, uuid, Batch(tags=[(key, value)]))


async def delete_tag(app: App, uuid: str, key: str) -> None:
    async def job(tx: Transaction) -> Row:
        run = await runs.active_row_of(tx, uuid)
        if not await tx.run("delete_tag", run_id=run["id"], key=key):
            raise NotFound(f"No tag with name: {key} in run with id {uuid}")
        await rankings.changed(tx, run)
        await tx.run("doubt_key", experiment_id=run["experiment_id"], kind="tag", key=key)
        return run

    run = await app.db.write(job, runs=(uuid,))
    runs.announce(app, uuid, run["experiment_id"])


async def log_batch(app: App, uuid: str, batch: Batch) -> None:
    """Log all of these or, when one of them is bad, none."""
    points, params, tags, of_models = batch
    validate.batch_sizes(points, params, tags)
    long_values = app.settings.long_values
    validate.points(points)
    params = [(k, validate.param(k, v, f"params[{i}]", long_values)) for i, (k, v) in enumerate(params)]
    tags = [(k, validate.tag(k, v, f"tags[{i}]", long_values)) for i, (k, v) in enumerate(tags)]
    validate.params_once(key for key, _ in params)
    await _log(app, uuid, Batch(points, params, tags, of_models))


async def _log(app: App, uuid: str, batch: Batch) -> None:
    async def job(tx: Transaction) -> Row:
        run = await runs.active_row_of(tx, uuid)
        if batch.params:
            await _add_params(tx, run, dict(batch.params))
        for key, value in batch.tags:
            if key == RUN_NAME and not value:
                continue  # as MLflow: a run keeps its name
            await tx.run("set_tag", run_id=run["id"], key=key, value=value)
            if key == RUN_NAME:
                await tx.run("rename_run", id=run["id"], name=value)
        if batch.of_models:
            await tx.many("add_logged_model_metric", [_model_metric_row(each) for each in batch.of_models])
        if batch.points:
            await app.series.append(tx, run["id"], batch.points)
        await rankings.changed(tx, run)
        return run

    run = await app.db.write(job, runs=(uuid,))
    if batch.points:
        app.tails.grew(run["id"], len(batch.points))
        _announce_points(app, uuid, batch.points)
    if batch.params or batch.tags:
        runs.announce(app, uuid, run["experiment_id"])
    else:
        app.events.soon(f"experiment:{run['experiment_id']}", kind="run", run_id=uuid)


def _model_metric_row(of_model: OfModel) -> dict[str, object]:
    metric = of_model.metric
    nan = math.isnan(metric.value)
    return {
        "model_uuid": of_model.model_uuid,
        "key": metric.key,
        "timestamp_ms": metric.timestamp_ms,
        "step": metric.step,
        "run_uuid": metric.run_uuid,
        "value": 0.0 if nan else metric.value,
        "is_nan": int(nan),
        "dataset_name": metric.dataset_name,
        "dataset_digest": metric.dataset_digest,
    }


async def _add_params(tx: Transaction, run: Row, params: dict[str, str]) -> None:
    rows = await tx.all("some_params_of_run", run_id=run["id"], keys=json.dumps(list(params)))
    known = {row["key"]: row["value"] for row in rows}
    changed = [
        {"key": key, "old_value": known[key], "new_value": value}
        for key, value in params.items()
        if known.get(key, value) != value
    ]
    if changed:
        raise InvalidParameter(
            f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run['uuid']}'."
        )
    await tx.many("set_param", [{"run_id": run["id"], "key": k, "value": v} for k, v in params.items()])


def _announce_points(app: App, uuid: str, points: Sequence[Point]) -> None:
    topic = f"run:{uuid}"
    if len(points) > EVENT_POINTS:
        app.events.soon(topic, kind="metrics-changed", run_id=uuid)
        return
    by_key: dict[str, list[tuple[int, int, float]]] = {}
    for point in points:
        by_key.setdefault(point.key, []).append((point.step, point.timestamp_ms, point.value))
    app.events.publish(topic, kind="metrics", run_id=uuid, points=by_key)
