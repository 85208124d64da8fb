"""MLflow's run endpoints: life and search."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, runs, search
from trackside.core.app import App
from trackside.core.permissions import Actor
from trackside.errors import InvalidParameter
from trackside.model import DatasetInput, Latest, ModelUse, Run, RunInfo
from trackside.server.guards import actor_of, guard, signed_in
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import RunId, Tag, tags_json
from trackside.server.mlflow.paging import limit_of, page_of, token_behind
from trackside.server.routing import Route, answer, app_of

MOST = 50_000  # runs a page


class CreateRun(wire.Shape):
    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: wire.Int = 0
    tags: list[Tag] = []
    required: ClassVar[tuple[str, ...]] = ("experiment_id",)


class UpdateRun(RunId):
    status: str | wire.Int | None = None
    end_time: wire.Int | None = None
    run_name: str = ""


class SearchRuns(wire.Shape):
    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | wire.Int = ""
    max_results: wire.Int | None = None
    order_by: list[str] = []
    page_token: str = ""


_STATUS_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def run_json(run: Run) -> dict[str, Any]:
    data = {
        "metrics": [_metric_json(metric) for metric in run.metrics],
        "params": [{"key": key, "value": value} for key, value in run.params.items()],
        **tags_json(run.tags),
    }
    inputs = {
        "dataset_inputs": [_dataset_json(used) for used in run.datasets],
        "model_inputs": [{"model_id": used.model_uuid} for used in run.models_read],
    }
    outputs = {"model_outputs": [_output_json(made) for made in run.models_written]}
    return {
        "info": info_json(run.info),
        "data": _without_empty(data),
        "inputs": _without_empty(inputs),
        "outputs": _without_empty(outputs),
    }


def info_json(info: RunInfo) -> dict[str, Any]:
    return {
        "run_uuid": info.uuid,
        "experiment_id": str(info.experiment_id),
        "run_name": info.name,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_ms,
        **({"end_time": info.end_ms} if info.end_ms else {}),
        "artifact_uri": info.artifact_uri,
        "lifecycle_stage": info.lifecycle,
        "run_id": info.uuid,
    }


def _metric_json(metric: Latest) -> dict[str, Any]:
    return {
        "key": metric.key,
        "value": wire.number(metric.value),
        "timestamp": metric.timestamp_ms,
        "step": metric.step,
    }


def _dataset_json(used: DatasetInput) -> dict[str, Any]:
    of = used.dataset
    dataset = {"name": of.name, "digest": of.digest, "source_type": of.source_type, "source": of.source}
    dataset |= {
        name: value for name, value in (("schema", of.schema), ("profile", of.profile)) if value is not None
    }
    return {**tags_json(used.tags), "dataset": dataset}


def _output_json(made: ModelUse) -> dict[str, Any]:
    return {"model_id": made.model_uuid, "step": made.step}


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


@guard("update experiment")
async def creates(request: Request, actor: Actor) -> bool:
    experiment_id = (await wire.read_fast(request, CreateRun)).experiment_id
    return access.may_add_to_experiment(actor, experiment_id, access.RUN)


async def create(app: App, body: CreateRun) -> bytes:
    new = runs.NewRun(
        experiment_id=body.experiment_id,
        name=body.run_name,
        user_id=body.user_id,
        start_ms=body.start_time,
        tags={tag.key: tag.value for tag in body.tags},
    )
    made = run_json(await runs.create(app, new))
    del made["outputs"]  # as MLflow: only a run that is read has them
    return msgspec.json.encode({"run": made})


async def get(request: Request) -> Response:
    body = await wire.read(request, RunId)
    return answer({"run": run_json(await runs.get(app_of(request), body.run_id))})


async def update(request: Request) -> Response:
    body = await wire.read(request, UpdateRun)
    status = _STATUS_NUMBERS.get(body.status) if isinstance(body.status, int) else body.status
    if body.status is not None and status is None:
        raise wire.wrong_type("status", body.status)
    info = await runs.update(
        app_of(request), body.run_id, status=status, end_ms=body.end_time, name=body.run_name or None
    )
    return answer({"run_info": info_json(info)})


async def delete(request: Request) -> Response:
    body = await wire.read(request, RunId)
    await runs.delete(app_of(request), body.run_id)
    return answer({})


async def restore(request: Request) -> Response:
    body = await wire.read(request, RunId)
    await runs.restore(app_of(request), body.run_id)
    return answer({})


async def find(request: Request) -> Response:
    body = await wire.read(request, SearchRuns)
    if body.max_results is not None and body.max_results < 1:
        raise InvalidParameter(
            f"Invalid value {body.max_results} for parameter 'max_results' supplied. It must be a positive integer"
        )
    page = page_of(body.page_token, limit_of(body.max_results, 1000, MOST))
    readable = access.readable_experiments(actor_of(request), body.experiment_ids, access.RUN)
    wanted = search.Search(readable, body.filter, body.order_by, wire.view(body.run_view_type))
    found = await search.find(app_of(request), wanted, page)
    more = {"next_page_token": token_behind(page, found.after)} if found.more else {}
    return answer({**({"runs": [run_json(run) for run in found.runs]} if found.runs else {}), **more})


_AT = "/api/2.0/mlflow/runs"
routes = [
    wire.hot(f"{_AT}/create", CreateRun, create, creates),
    Route("GET", f"{_AT}/get", get, guards.run("read")),
    Route("POST", f"{_AT}/update", update, guards.run("update")),
    Route("POST", f"{_AT}/delete", delete, guards.run("delete")),
    Route("POST", f"{_AT}/restore", restore, guards.run("delete")),
    Route("POST", f"{_AT}/search", find, signed_in),
]
