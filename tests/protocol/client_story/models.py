"""Chapters about a PyTorch model: log it, load it back from runs:/ and models:/, register it."""

from pathlib import Path
from typing import Any

import mlflow
import mlflow.pytorch
import torch
from mlflow import MlflowClient

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
# Named, so that the client need not start another Python to find out what the model imports.
REQUIREMENTS = ["torch"]
BATCH = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
# The default format of 3.17 traces the model, and so wants an example; older releases keep it beside the model.
OPTIONS = {"pip_requirements": REQUIREMENTS, "input_example": BATCH.numpy()}


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU6(), torch.nn.Flatten(), torch.nn.Linear(144, 11)
    ).eval()


def same(uri: str, model: torch.nn.Module) -> bool:
    """Whether the model at uri gives the very outputs of the one that was logged."""
    with torch.no_grad():
        return torch.equal(mlflow.pytorch.load_model(uri)(BATCH), model(BATCH))


def pytorch_model(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("models")
    model = network()
    with mlflow.start_run() as run:
        mlflow.log_metric("test_accuracy", 0.75)
        # As the lab writes it; 3.17 and newer refuse that on any server, for want of an example.
        info = mlflow.pytorch.log_model(model, "food11", **(OPTIONS if IS_3 else {}))
    run_id = run.info.run_id
    registered = mlflow.register_model(f"runs:/{run_id}/food11", "food11")
    client = MlflowClient()
    version = client.get_model_version("food11", "1")
    fetched = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/food11", dst_path=str(folder / "model"))
    return {
        "from_run": same(f"runs:/{run_id}/food11", model),
        "from_registry": same("models:/food11/1", model),
        "from_info": same(info.model_uri, model),
        "registered": [registered.name, str(registered.version), registered.run_id == run_id],
        "version": [version.status, version.current_stage, version.run_id == run_id],
        "versions": [[v.name, str(v.version)] for v in client.search_model_versions("name='food11'")],
        "by_run": [str(v.version) for v in client.search_model_versions(f"run_id='{run_id}'")],
        "files": sorted(path.name for path in Path(fetched).iterdir()),
        "listed": [Path(item.path).name for item in client.list_artifacts(run_id, "food11")],
    }


def registered_while_logging(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("models")
    model = network()
    with mlflow.start_run() as run:
        mlflow.pytorch.log_model(model, "best", registered_model_name="straight", **OPTIONS)
        mlflow.pytorch.log_model(model, "best", registered_model_name="straight", **OPTIONS)
    client = MlflowClient()
    client.set_registered_model_alias("straight", "champion", "2")
    versions = client.search_model_versions("name = 'straight'", order_by=["version_number ASC"])
    return {
        "versions": [str(version.version) for version in versions],
        "runs": [version.run_id == run.info.run_id for version in versions],
        "by_alias": same("models:/straight@champion", model),
        "latest": same("models:/straight/latest", model),
        "pyfunc": mlflow.pyfunc.load_model("models:/straight/1").metadata.flavors["pytorch"][
            "pytorch_version"
        ]
        is not None,
    }


def logged_model_entity(folder: Path) -> dict[str, Any]:
    """3.x keeps each logged model as an entity of its own, with metrics, params and tags."""
    if not IS_3:
        return {"supported": False}
    experiment_id = mlflow.set_experiment("logged models").experiment_id
    model = network()
    with mlflow.start_run() as run:
        mlflow.log_params({"lr": 0.1})
        info = mlflow.pytorch.log_model(model, name="food11", **OPTIONS, params={"depth": 3}, step=2)
        mlflow.log_metric("val_accuracy", 0.5, step=1, model_id=info.model_id)
        mlflow.log_metric("val_accuracy", 0.6, step=2, model_id=info.model_id)
    mlflow.set_logged_model_tags(info.model_id, {"stage": "best"})
    entity = mlflow.get_logged_model(info.model_id)
    client = MlflowClient()
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    found = mlflow.search_logged_models([experiment_id], "metrics.val_accuracy > 0.55", output_format="list")
    missed = mlflow.search_logged_models([experiment_id], "metrics.val_accuracy > 0.9", output_format="list")
    registered = mlflow.register_model(info.model_uri, "from-entity")
    facts = {
        "supported": True,
        "id": entity.model_id.startswith("m-"),
        "name": entity.name,
        "status": str(entity.status.value),
        "params": entity.params,
        "tags": {key: value for key, value in entity.tags.items() if not key.startswith("mlflow.")},
        "metrics": sorted([metric.key, metric.step, metric.value] for metric in entity.metrics),
        "source_run": entity.source_run_id == run.info.run_id,
        "outputs": [[output.model_id == info.model_id, output.step] for output in outputs],
        "found": [len(found), len(missed)],
        "loads": [same(info.model_uri, model), same("models:/from-entity/1", model)],
        "registered": [registered.model_id == info.model_id, registered.run_id == run.info.run_id],
        "last": mlflow.last_logged_model().model_id == info.model_id,
    }
    mlflow.delete_logged_model_tag(info.model_id, "stage")
    client.delete_logged_model(info.model_id)
    gone = mlflow.search_logged_models([experiment_id], output_format="list")
    return {**facts, "after_delete": len(gone)}


CHAPTERS = [pytorch_model, registered_while_logging, logged_model_entity]
