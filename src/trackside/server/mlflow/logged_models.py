"""MLflow's logged model endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, artifacts, logged_models
from trackside.core.permissions import Actor
from trackside.core.validate import invalid
from trackside.errors import BadRequest, InvalidParameter
from trackside.model import LoggedModel, LoggedModelStatus, ModelMetric, ModelUse, Page
from trackside.server.files import file_answer
from trackside.server.guards import actor_of, refusal, signed_in
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import RunId, Tag, file_json, tags_json
from trackside.server.mlflow.paging import found_json, offset_of
from trackside.server.routing import Route, answer, app_of

MOST = 10_000  # logged models a page

_STATUS_NAMES: dict[LoggedModelStatus, str] = {
    "PENDING": "LOGGED_MODEL_PENDING",
    "READY": "LOGGED_MODEL_READY",
    "FAILED": "LOGGED_MODEL_UPLOAD_FAILED",
}
_STATUSES = {
    **{name: status for status, name in _STATUS_NAMES.items()},
    "1": "PENDING",
    "2": "READY",
    "3": "FAILED",
}


class CreateLoggedModel(wire.Shape):
    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Tag] = []
    tags: list[Tag] = []
    required: ClassVar[tuple[str, ...]] = ("experiment_id",)


class FinalizeLoggedModel(wire.Shape):
    status: str | wire.Int | None = None
    required: ClassVar[tuple[str, ...]] = ("status",)


class OnDataset(Struct):
    dataset_name: str = ""
    dataset_digest: str = ""


class OrderBy(Struct):
    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(wire.Shape):
    experiment_ids: list[str] | None = None
    filter: str = ""
    datasets: list[OnDataset] = []
    max_results: wire.Int | None = None
    order_by: list[OrderBy] = []
    page_token: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_ids",)


class Tags(wire.Shape):
    tags: list[Tag] = []


class Params(wire.Shape):
    params: list[Tag] = []


class Directory(wire.Shape):
    artifact_directory_path: str = ""


class Output(Struct):
    model_id: str = ""
    step: wire.Int = 0


class LogOutputs(RunId):
    models: list[Output] | None = None
    required: ClassVar[tuple[str, ...]] = ("run_id", "models")


class LogModel(RunId):
    is_large: ClassVar[bool] = True
    model_json: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id", "model_json")


def logged_model_json(actor: Actor, model: LoggedModel) -> dict[str, Any]:
    """A logged model as this sender sees it: runs that may not be read are not named."""
    names_runs = access.sees_runs(actor, model.experiment_id)
    info = {
        "model_id": model.uuid,
        "experiment_id": str(model.experiment_id),
        "name": model.name,
        "creation_timestamp_ms": model.created_ms,
        "last_updated_timestamp_ms": model.updated_ms,
        "artifact_uri": model.artifact_location,
        "status": _STATUS_NAMES[model.status],
        "model_type": model.model_type or "",
        **({"source_run_id": model.source_run_uuid or ""} if names_runs else {}),
        **({} if model.status_message is None else {"status_message": model.status_message}),
        **tags_json(model.tags),
    }
    data: dict[str, Any] = {}
    if model.params:
        data["params"] = [{"key": key, "value": value} for key, value in model.params.items()]
    if model.metrics:
        data["metrics"] = [_metric_json(model.uuid, metric, names_runs) for metric in model.metrics]
    return {"info": info, "data": data}


def _metric_json(model_uuid: str, metric: ModelMetric, names_runs: bool) -> dict[str, Any]:
    dataset = {"dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest}
    return {
        "key": metric.key,
        "value": wire.number(metric.value),
        "timestamp": metric.timestamp_ms,
        "step": metric.step,
        "model_id": model_uuid,
        **({"run_id": metric.run_uuid} if names_runs else {}),
        **{name: value for name, value in dataset.items() if value},
    }


def _uuid(request: Request) -> str:
    uuid: str = request.path_params["model_id"]
    return uuid


def _answer(request: Request, model: LoggedModel) -> Response:
    return answer({"model": logged_model_json(actor_of(request), model)})


def _pairs(tags: list[Tag]) -> list[tuple[str, str]]:
    return [(tag.key, tag.value) for tag in tags]


async def create(request: Request) -> Response:
    body = await wire.read(request, CreateLoggedModel)
    new = logged_models.NewLoggedModel(
        body.experiment_id,
        body.name,
        body.model_type,
        body.source_run_id,
        _pairs(body.params),
        _pairs(body.tags),
    )
    return _answer(request, await logged_models.create(app_of(request), new))


async def get(request: Request) -> Response:
    deleted_too = request.query_params.get("allow_deleted", "").lower() == "true"
    return _answer(request, await logged_models.get(app_of(request), _uuid(request), deleted_too=deleted_too))


async def finalize(request: Request) -> Response:
    body = await wire.read(request, FinalizeLoggedModel)
    status = _STATUSES.get(str(body.status))
    if status is None:
        raise invalid("status", body.status, f" It must be one of {', '.join(_STATUS_NAMES.values())}.")
    return _answer(request, await logged_models.finalize(app_of(request), _uuid(request), status))


async def delete(request: Request) -> Response:
    await logged_models.delete(app_of(request), _uuid(request))
    return answer({})


def _check_filter(request: Request, text: str, experiment_ids: list[str]) -> None:
    """What a filter on the run finds would name it: refused, as in MLflow, where runs may not be read."""
    # The name has one spelling. A text that holds it as a value is refused too, which is no loss.
    if "source_run_id" in text and not all(
        access.sees_runs(actor_of(request), each) for each in experiment_ids
    ):
        raise refusal(request)


async def search(request: Request) -> Response:
    body = await wire.read(request, SearchLoggedModels)
    if any(not dataset.dataset_name for dataset in body.datasets):
        raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")
    if body.max_results is not None and body.max_results < 0:
        raise invalid("max_results", body.max_results)
    # A larger page than we give is no mistake: what is missing comes with the next page.
    page = Page(min(body.max_results or 100, MOST), offset_of(body.page_token))
    readable = access.readable_experiments(actor_of(request), body.experiment_ids or [], access.LOGGED_MODEL)
    _check_filter(request, body.filter, readable)
    wanted = logged_models.Search(
        readable,
        body.filter,
        [logged_models.OnDataset(of.dataset_name, of.dataset_digest or None) for of in body.datasets],
        [
            logged_models.SortBy(
                by.field_name, by.ascending, by.dataset_name or None, by.dataset_digest or None
            )
            for by in body.order_by
        ],
    )
    found = await logged_models.search(app_of(request), wanted, page._replace(limit=page.limit + 1))
    return answer(
        found_json("models", [logged_model_json(actor_of(request), model) for model in found], page)
    )


async def set_tags(request: Request) -> Response:
    body = await wire.read(request, Tags)
    await logged_models.set_tags(app_of(request), _uuid(request), _pairs(body.tags))
    return answer({})


async def delete_tag(request: Request) -> Response:
    await logged_models.delete_tag(app_of(request), _uuid(request), request.path_params["tag_key"])
    return answer({})


async def log_params(request: Request) -> Response:
    body = await wire.read(request, Params)
    await logged_models.log_params(app_of(request), _uuid(request), _pairs(body.params))
    return answer({})


async def list_artifacts(request: Request) -> Response:
    body = await wire.read(request, Directory)
    model = await logged_models.get(app_of(request), _uuid(request))
    found = await artifacts.entries(app_of(request), model.artifact_location, body.artifact_directory_path)
    files = {"files": [file_json(entry) for entry in found]} if found else {}
    return answer({"root_uri": model.artifact_location, **files})


async def get_artifact(request: Request) -> Response:
    path = request.query_params.get("artifact_file_path")
    if not path:
        raise BadRequest('Request must include the "artifact_file_path" query parameter.')
    model = await logged_models.get(app_of(request), _uuid(request))
    return await file_answer(request, model.artifact_location, path)


async def log_outputs(request: Request) -> Response:
    body = await wire.read(request, LogOutputs)
    uses = [ModelUse(output.model_id, output.step) for output in body.models or []]
    await logged_models.log_outputs(app_of(request), body.run_id, uses)
    return answer({})


async def log_model(request: Request) -> Response:
    body = await wire.read(request, LogModel)
    await logged_models.log_history(app_of(request), body.run_id, body.model_json)
    return answer({})


_ALL = "/api/2.0/mlflow/logged-models"
_ONE = f"{_ALL}/{{model_id}}"
routes = [
    Route("POST", _ALL, create, guards.creates_logged_model),
    Route("POST", f"{_ALL}/search", search, signed_in),
    Route("GET", _ONE, get, guards.logged_model("read")),
    Route("PATCH", _ONE, finalize, guards.logged_model("update")),
    Route("DELETE", _ONE, delete, guards.logged_model("delete")),
    Route("PATCH", f"{_ONE}/tags", set_tags, guards.logged_model("update")),
    Route("DELETE", f"{_ONE}/tags/{{tag_key:path}}", delete_tag, guards.logged_model("update")),
    Route("POST", f"{_ONE}/params", log_params, guards.logged_model("update")),
    Route("GET", f"{_ONE}/artifacts/directories", list_artifacts, guards.logged_model("read")),
    Route(
        "GET",
        "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
        get_artifact,
        guards.logged_model("read"),
        streams=True,
    ),
    Route("POST", "/api/2.0/mlflow/runs/outputs", log_outputs, guards.logs_models),
    Route("POST", "/api/2.0/mlflow/runs/log-model", log_model, guards.run("update")),
]
