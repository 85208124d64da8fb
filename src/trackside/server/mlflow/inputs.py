"""MLflow's endpoints for what runs read."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, datasets
from trackside.errors import InvalidParameter
from trackside.model import Dataset, DatasetInput
from trackside.server.guards import actor_of
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import RunId, Tag
from trackside.server.routing import Route, answer, app_of

MOST_EXPERIMENTS = 20  # a search for datasets


class SentDataset(Struct):
    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class SentInput(Struct):
    dataset: SentDataset | None = None
    tags: list[Tag] = []


class SentModel(Struct):
    model_id: str = ""


class LogInputs(RunId):
    is_large: ClassVar[bool] = True
    datasets: list[SentInput] = []
    models: list[SentModel] = []


class SearchDatasets(wire.Shape):
    experiment_ids: list[str] = []


async def log_inputs(request: Request) -> Response:
    body = await wire.read(request, LogInputs)
    inputs = [_input(each, index) for index, each in enumerate(body.datasets)]
    await datasets.log_inputs(app_of(request), body.run_id, inputs, [model.model_id for model in body.models])
    return answer({})


def _input(sent: SentInput, index: int) -> DatasetInput:
    of = sent.dataset or SentDataset()
    for name in ("name", "digest"):
        if not getattr(of, name):
            raise wire.missing(f"datasets[{index}].dataset.{name}")
    dataset = Dataset(of.name, of.digest, of.source_type, of.source, of.schema, of.profile)
    return DatasetInput(dataset, {tag.key: tag.value for tag in sent.tags})


async def search_datasets(request: Request) -> Response:
    body = await wire.read(request, SearchDatasets)
    if not body.experiment_ids:
        raise InvalidParameter("SearchDatasets request must specify at least one experiment_id.")
    if len(body.experiment_ids) > MOST_EXPERIMENTS:
        raise InvalidParameter(
            f"SearchDatasets request cannot specify more than {MOST_EXPERIMENTS} experiment_ids."
            f" Received {len(body.experiment_ids)} experiment_ids."
        )
    readable = access.readable_experiments(actor_of(request), body.experiment_ids, access.RUN)
    found = await datasets.uses(app_of(request), readable)
    return answer({"dataset_summaries": [_use_json(use) for use in found]} if found else {})


def _use_json(use: datasets.DatasetUse) -> dict[str, Any]:
    context = {} if use.context is None else {"context": use.context}
    return {"experiment_id": str(use.experiment_id), "name": use.name, "digest": use.digest, **context}


routes = [
    Route("POST", "/api/2.0/mlflow/runs/log-inputs", log_inputs, guards.logs_models),
    Route(
        "POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", search_datasets, guards.reads_experiments
    ),
]
