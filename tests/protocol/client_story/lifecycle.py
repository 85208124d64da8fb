"""Chapters about deleting, restoring and renaming runs and experiments."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException


def names(experiment_id: str, view: int) -> list[str]:
    return sorted(
        run.info.run_name for run in MlflowClient().search_runs([experiment_id], run_view_type=view)
    )


def deleted_runs(folder: Path) -> dict[str, Any]:
    experiment_id = mlflow.set_experiment("deleted runs").experiment_id
    client = MlflowClient()
    with mlflow.start_run(run_name="gone") as gone:
        mlflow.log_metric("loss", 1)
        mlflow.log_text("kept", "kept.txt")
    with mlflow.start_run(run_name="stays"):
        pass
    client.delete_run(gone.info.run_id)
    views = {
        "active": names(experiment_id, ViewType.ACTIVE_ONLY),
        "deleted": names(experiment_id, ViewType.DELETED_ONLY),
        "all": names(experiment_id, ViewType.ALL),
    }
    read = client.get_run(gone.info.run_id)
    client.delete_run(gone.info.run_id)
    client.restore_run(gone.info.run_id)
    client.restore_run(gone.info.run_id)
    return {
        **views,
        "stage_when_deleted": read.info.lifecycle_stage,
        "restored": names(experiment_id, ViewType.ACTIVE_ONLY),
        "metric": client.get_run(gone.info.run_id).data.metrics,
        "artifact": mlflow.artifacts.load_text(f"runs:/{gone.info.run_id}/kept.txt"),
    }


def deleted_experiments(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    experiment_id = client.create_experiment("to delete", tags={"a": "1"})
    run = client.create_run(experiment_id, run_name="inside")
    client.set_experiment_tag(experiment_id, "b", "2")
    client.rename_experiment(experiment_id, "renamed")
    client.delete_experiment(experiment_id)
    try:
        client.create_run(experiment_id)
        refusal = "none"
    except MlflowException as error:
        refusal = error.error_code
    deleted = client.get_experiment_by_name("renamed")
    run_stage = client.get_run(run.info.run_id).info.lifecycle_stage
    listed = [e.name for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    client.restore_experiment(experiment_id)
    restored = client.get_experiment(experiment_id)
    return {
        "refusal": refusal,
        "deleted_stage": deleted.lifecycle_stage,
        "run_stage_when_deleted": run_stage,
        "listed": "renamed" in listed,
        "restored": [restored.name, restored.lifecycle_stage, restored.tags],
        "run_stage": client.get_run(run.info.run_id).info.lifecycle_stage,
        "old_name_is_free": client.get_experiment_by_name("to delete") is None,
    }


CHAPTERS = [deleted_runs, deleted_experiments]
