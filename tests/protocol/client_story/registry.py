"""Chapters about registered models and versions: tags, aliases, stages, renaming, deletion."""

import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

# Stages are deprecated, and still what existing code calls.
warnings.filterwarnings("ignore", category=FutureWarning)


def logged_folder() -> str:
    """A run with a folder that can be a model version's source; its run id."""
    mlflow.set_experiment("registry")
    with mlflow.start_run() as run:
        mlflow.log_text("weights", "model/weights.txt")
    return run.info.run_id


def stages(name: str) -> dict[str, str]:
    return {str(v.version): v.current_stage for v in MlflowClient().search_model_versions(f"name='{name}'")}


def model_versions(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    run_id = logged_folder()
    client.create_registered_model("classifier", tags={"task": "vision"}, description="all of it")
    for _ in range(3):
        client.create_model_version("classifier", f"runs:/{run_id}/model", run_id, tags={"made": "by test"})
    client.update_model_version("classifier", "1", description="first")
    client.set_model_version_tag("classifier", "1", "accuracy", "0.5")
    client.set_model_version_tag("classifier", "1", "made", "changed")
    client.delete_model_version_tag("classifier", "2", "made")
    client.set_registered_model_tag("classifier", "owner", "me")
    client.delete_registered_model_tag("classifier", "task")
    client.set_registered_model_alias("classifier", "champion", "1")
    client.set_registered_model_alias("classifier", "champion", "2")
    client.set_registered_model_alias("classifier", "candidate", "1")
    client.delete_registered_model_alias("classifier", "candidate")
    model = client.get_registered_model("classifier")
    # The first clients with aliases took none in the URI of a file.
    champion = "classifier/2" if mlflow.__version__ == "2.9.2" else "classifier@champion"
    one, two = client.get_model_version("classifier", "1"), client.get_model_version("classifier", "2")
    return {
        "model": [model.description, model.tags, {key: str(value) for key, value in model.aliases.items()}],
        "one": [
            one.description,
            one.tags,
            list(one.aliases),
            one.source == f"runs:/{run_id}/model",
            one.status,
        ],
        "two": [two.tags, list(two.aliases)],
        "by_alias": str(client.get_model_version_by_alias("classifier", "champion").version),
        "uri": client.get_model_version_download_uri("classifier", "1").endswith("model"),
        "by_tag": [str(v.version) for v in client.search_model_versions("tags.accuracy = '0.5'")],
        "file": Path(mlflow.artifacts.download_artifacts(f"models:/{champion}/weights.txt")).read_text(),
        "models": [m.name for m in client.search_registered_models("name LIKE 'classi%'")],
    }


def model_stages(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    run_id = logged_folder()
    client.create_registered_model("staged")
    for _ in range(3):
        client.create_model_version("staged", f"runs:/{run_id}/model", run_id)
    client.transition_model_version_stage("staged", "1", "production")
    moved = client.transition_model_version_stage("staged", "2", "Production", archive_existing_versions=True)
    client.transition_model_version_stage("staged", "3", "Staging")
    latest = client.get_latest_versions("staged")
    return {
        "moved": moved.current_stage,
        "stages": stages("staged"),
        "latest": {v.current_stage: str(v.version) for v in latest},
        "production": [str(v.version) for v in client.get_latest_versions("staged", ["Production"])],
    }


def renamed_and_deleted(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    run_id = logged_folder()
    client.create_registered_model("before")
    for _ in range(2):
        client.create_model_version("before", f"runs:/{run_id}/model", run_id)
    client.set_registered_model_alias("before", "best", "2")
    client.update_registered_model("before", description="text")
    client.rename_registered_model("before", "after")
    client.delete_model_version("after", "2")
    try:
        client.get_model_version("after", "2")
        gone = "still there"
    except MlflowException as error:
        gone = error.error_code
    third = client.create_model_version("after", f"runs:/{run_id}/model", run_id)
    model = client.get_registered_model("after")
    client.delete_registered_model("after")
    return {
        "gone": gone,
        "third": str(third.version),
        "description": model.description,
        "aliases": dict(model.aliases),
        "left": [m.name for m in client.search_registered_models("name='after'")],
        "versions_left": len(client.search_model_versions("name='after'")),
    }


CHAPTERS = [model_versions, model_stages, renamed_and_deleted]
