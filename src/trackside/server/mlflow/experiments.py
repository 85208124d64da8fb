"""MLflow's experiment endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, experiments
from trackside.errors import InvalidParameter
from trackside.model import Experiment, Page
from trackside.server.guards import actor_of, signed_in
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import Tag, tags_json
from trackside.server.mlflow.paging import offset_of, token_of
from trackside.server.routing import Route, answer, app_of

MOST = 50_000  # experiments a page


class CreateExperiment(wire.Shape):
    name: str = ""
    artifact_location: str = ""
    tags: list[Tag] = []
    required: ClassVar[tuple[str, ...]] = ("name",)


class ExperimentId(wire.Shape):
    experiment_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id",)


class ExperimentName(wire.Shape):
    experiment_name: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_name",)


class SearchExperiments(wire.Shape):
    max_results: wire.Int | None = None
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str | wire.Int = ""


class UpdateExperiment(ExperimentId):
    new_name: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "new_name")


class SetExperimentTag(ExperimentId):
    key: str = ""
    value: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "key")


class DeleteExperimentTag(ExperimentId):
    key: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "key")


def experiment_json(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": str(experiment.id),
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.lifecycle,
        "last_update_time": experiment.updated_ms,
        "creation_time": experiment.created_ms,
        **tags_json(experiment.tags),
    }


async def create(request: Request) -> Response:
    body = await wire.read(request, CreateExperiment)
    tags = {tag.key: tag.value for tag in body.tags}
    experiment_id = await experiments.create(
        app_of(request), body.name, body.artifact_location, tags, actor_of(request)
    )
    return answer({"experiment_id": str(experiment_id)})


async def get(request: Request) -> Response:
    body = await wire.read(request, ExperimentId)
    experiment = await experiments.get(app_of(request), body.experiment_id)
    return answer({"experiment": experiment_json(experiment)})


async def get_by_name(request: Request) -> Response:
    body = await wire.read(request, ExperimentName)
    experiment = await experiments.get_by_name(app_of(request), body.experiment_name)
    return answer({"experiment": experiment_json(experiment)})


async def search(request: Request) -> Response:
    body = await wire.read(request, SearchExperiments)
    limit = body.max_results or 0
    if not 1 <= limit <= MOST:
        bound = "a positive integer" if limit < 1 else f"at most {MOST}"
        raise InvalidParameter(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be {bound}"
        )
    page = Page(limit, offset_of(body.page_token))
    found = await experiments.search(
        app_of(request),
        body.filter,
        body.order_by,
        wire.view(body.view_type),
        page._replace(limit=page.limit + 1),
        actor_of(request).visible(access.EXPERIMENT),
    )
    shown = found[: page.limit]
    more = {"next_page_token": token_of(page.offset + page.limit)} if len(found) > len(shown) else {}
    return answer({**({"experiments": [experiment_json(each) for each in shown]} if shown else {}), **more})


async def update(request: Request) -> Response:
    body = await wire.read(request, UpdateExperiment)
    await experiments.edit(app_of(request), body.experiment_id, name=body.new_name)
    return answer({})


async def delete(request: Request) -> Response:
    body = await wire.read(request, ExperimentId)
    await experiments.delete(app_of(request), body.experiment_id)
    return answer({})


async def restore(request: Request) -> Response:
    body = await wire.read(request, ExperimentId)
    await experiments.restore(app_of(request), body.experiment_id)
    return answer({})


async def set_tag(request: Request) -> Response:
    body = await wire.read(request, SetExperimentTag)
    await experiments.set_tag(app_of(request), body.experiment_id, body.key, body.value)
    return answer({})


async def delete_tag(request: Request) -> Response:
    body = await wire.read(request, DeleteExperimentTag)
    await experiments.delete_tag(app_of(request), body.experiment_id, body.key)
    return answer({})


_AT = "/api/2.0/mlflow/experiments"
routes = [
    Route("POST", f"{_AT}/create", create, guards.creates_experiment),
    Route("GET", f"{_AT}/get", get, guards.experiment("read")),
    Route("GET", f"{_AT}/get-by-name", get_by_name, guards.reads_named_experiment),
    Route("POST", f"{_AT}/search", search, signed_in),
    Route("GET", f"{_AT}/search", search, signed_in),
    Route("POST", f"{_AT}/update", update, guards.experiment("update")),
    Route("POST", f"{_AT}/delete", delete, guards.experiment("delete")),
    Route("POST", f"{_AT}/restore", restore, guards.experiment("delete")),
    Route("POST", f"{_AT}/set-experiment-tag", set_tag, guards.experiment("update")),
    Route("POST", f"{_AT}/delete-experiment-tag", delete_tag, guards.experiment("update")),
]
