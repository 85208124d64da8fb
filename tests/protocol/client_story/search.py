"""Chapters about finding runs: order, filters, pages, the pandas table."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

ACCURACIES = {"a": 0.5, "b": 0.9, "c": None, "d": 0.7, "e": float("nan"), "f": -1.0}

FILTERS = [
    "metrics.test_accuracy > 0.6",
    "metrics.test_accuracy <= 0.5 and params.model = 'MobileNetV2'",
    "params.model != 'MobileNetV2'",
    "params.model LIKE 'Mobile%'",
    "params.model ILIKE 'mobile%'",
    "tags.odd = 'yes' AND attributes.status = 'FINISHED'",
    "attributes.run_name = 'a'",
    "params.`batch size` = '32'",
    "start_time > 0 and metrics.test_accuracy = 0.7",
    "tags.absent = 'x'",
]

ORDERS = [
    ["metrics.test_accuracy DESC"],
    ["metrics.test_accuracy ASC"],
    ["params.model ASC", "attributes.run_name DESC"],
    ["attributes.start_time ASC"],
    [],
]


def found(experiment_id: str, filter_string: str = "", order_by: list[str] | None = None) -> list[str]:
    runs = MlflowClient().search_runs([experiment_id], filter_string, order_by=order_by)
    return [run.info.run_name for run in runs]


def pages(experiment_id: str) -> list[list[str]]:
    """Names by page of two, best first, as a client follows the tokens."""
    seen, token = [], None
    while True:
        page = MlflowClient().search_runs(
            [experiment_id], max_results=2, order_by=["metrics.test_accuracy DESC"], page_token=token
        )
        seen.append([run.info.run_name for run in page])
        token = page.token
        if not token:
            return seen


def search_runs(folder: Path) -> dict[str, Any]:
    experiment_id = mlflow.set_experiment("searching").experiment_id
    client = MlflowClient()
    for index, (name, accuracy) in enumerate(ACCURACIES.items()):
        run = client.create_run(experiment_id, start_time=1000 + index, run_name=name)
        client.log_param(run.info.run_id, "model", "MobileNetV2" if index % 2 == 0 else "ResNet")
        client.log_param(run.info.run_id, "batch size", 32 if index == 0 else 64)
        client.set_tag(run.info.run_id, "odd", "yes" if index % 2 else "no")
        if accuracy is not None:
            client.log_metric(run.info.run_id, "test_accuracy", accuracy)
        if index < 4:
            client.set_terminated(run.info.run_id)
    table = mlflow.search_runs([experiment_id], order_by=["metrics.test_accuracy DESC"])
    by_name = mlflow.search_runs(experiment_names=["searching"], filter_string="params.model = 'ResNet'")
    return {
        "filters": {text: sorted(found(experiment_id, text)) for text in FILTERS},
        "orders": {" ".join(order): found(experiment_id, order_by=order) for order in ORDERS},
        "pages": pages(experiment_id),
        "none": found("0") + [run.info.run_id for run in client.search_runs([], "")],
        "deleted_only": [
            run.info.run_id
            for run in client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)
        ],
        "columns": sorted(name for name in table.columns if not name.startswith("tags.mlflow.")),
        "table": table["tags.mlflow.runName"].tolist(),
        "best": table["metrics.test_accuracy"].tolist()[0],
        "by_name": sorted(by_name["tags.mlflow.runName"]),
    }


def search_experiments(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    for name in ("find-one", "find-two", "other"):
        client.create_experiment(f"se-{name}", tags={"group": name[:4]})
    return {
        "like": [
            e.name
            for e in client.search_experiments(filter_string="name LIKE 'se-find%'", order_by=["name ASC"])
        ],
        "tag": [e.name for e in client.search_experiments(filter_string="tags.group = 'othe'")],
        "newest": client.search_experiments(max_results=1)[0].name,
        "page": len(client.search_experiments(max_results=2)),
        "tags": client.get_experiment_by_name("se-other").tags,
    }


CHAPTERS = [search_runs, search_experiments]
