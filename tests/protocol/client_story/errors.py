"""Chapter about refusals: which error code and words a client gets for a mistake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException


def refusal(call: Callable[[], object]) -> list[str]:
    """[error code, message], or what the call gave."""
    try:
        return ["no error", repr(call())]
    except MlflowException as error:
        return [error.error_code, error.message]


def refusals(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    experiment_id = mlflow.set_experiment("refusals").experiment_id
    run_id = client.create_run(experiment_id).info.run_id
    deleted = client.create_run(experiment_id).info.run_id
    client.delete_run(deleted)
    client.log_param(run_id, "lr", "0.1")
    client.create_registered_model("refused")
    missing = "0" * 32
    many = [Metric(f"m{i}", 1.0, 1, 0) for i in range(1001)]
    calls: dict[str, Callable[[], object]] = {
        "unknown run": lambda: client.get_run(missing),
        "log to unknown run": lambda: client.log_batch(missing, [Metric("m", 1.0, 1, 0)]),
        "unknown experiment": lambda: client.get_experiment("987654"),
        "experiment id": lambda: client.get_experiment("not a number"),
        "same experiment": lambda: client.create_experiment("refusals"),
        "changed param": lambda: client.log_param(run_id, "lr", "0.2"),
        "changed param in batch": lambda: client.log_batch(run_id, params=[Param("lr", "0.3")]),
        "param twice in batch": lambda: client.log_batch(run_id, params=[Param("a", "1"), Param("a", "2")]),
        "metric key": lambda: client.log_metric(run_id, "../x", 1.0),
        "metric key in batch": lambda: client.log_batch(run_id, [Metric("../x", 1.0, 1, 0)]),
        "metric key characters": lambda: client.log_metric(run_id, "a(b)", 1.0),
        "param key": lambda: client.log_param(run_id, "/abs", 1),
        "tag key": lambda: client.set_tag(run_id, "a//b", 1),
        "long key": lambda: client.log_metric(run_id, "k" * 251, 1.0),
        "1001 metrics": lambda: client.log_batch(run_id, many),
        "deleted run": lambda: client.log_metric(deleted, "m", 1.0),
        "missing tag": lambda: client.delete_tag(run_id, "never set"),
        "filter": lambda: client.search_runs([experiment_id], "metrics.a >"),
        "filter field": lambda: client.search_runs([experiment_id], "attributes.colour = 'red'"),
        "order": lambda: client.search_runs([experiment_id], order_by=["metrics.a SIDEWAYS"]),
        "page token": lambda: client.search_runs([experiment_id], page_token="not a token"),
        "max results": lambda: client.search_runs([experiment_id], max_results=60000),
        "unknown model": lambda: client.get_registered_model("nobody"),
        "same model": lambda: client.create_registered_model("refused"),
        "unknown version": lambda: client.get_model_version("refused", "7"),
        "model name": lambda: client.create_registered_model("a/b"),
        "alias": lambda: client.get_model_version_by_alias("refused", "champion"),
        "restore active experiment": lambda: client.restore_experiment(experiment_id),
    }
    return {name: refusal(call) for name, call in calls.items()}


CHAPTERS = [refusals]
