"""Chapter about mlflow.autolog while PyTorch Lightning trains: the user's code calls no log function."""

from pathlib import Path
from typing import Any

import lightning
import mlflow
import torch
from lightning.pytorch.loggers import MLFlowLogger
from mlflow import MlflowClient


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 11)

    def training_step(self, batch, index):
        inputs, labels = batch
        loss = torch.nn.functional.cross_entropy(self.layer(inputs), labels)
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


def lightning_logger(folder: Path) -> dict[str, Any]:
    """Lightning's own MLFlowLogger, which calls MlflowClient and not the fluent functions."""
    logger = MLFlowLogger("lightning logger", run_name="by logger", tags={"kind": "x"}, log_model=True)
    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.rand(32, 4), torch.randint(11, (32,)))
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=1,
        logger=logger,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(folder),
    )
    logger.log_hyperparams({"lr": 0.01, "nested": {"a": 1}})
    trainer.fit(Classifier(), torch.utils.data.DataLoader(data, batch_size=8))
    client = MlflowClient()
    run = client.get_run(logger.run_id)
    return {
        "status": run.info.status,
        "name": run.info.run_name,
        "params": run.data.params,
        "kind": run.data.tags["kind"],
        "steps": [point.step for point in client.get_metric_history(logger.run_id, "train_loss")],
        "files": len(client.list_artifacts(logger.run_id)) > 0,
    }


def lightning_training(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("lightning")
    mlflow.autolog(log_models=True, silent=True)
    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.rand(32, 4), torch.randint(11, (32,)))
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(folder),
    )
    trainer.fit(Classifier(), torch.utils.data.DataLoader(data, batch_size=8))
    mlflow.autolog(disable=True)
    client = MlflowClient()
    (run,) = mlflow.search_runs(experiment_names=["lightning"], output_format="list")
    history = client.get_metric_history(run.info.run_id, "train_loss")
    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    return {
        "status": run.info.status,
        "params": {key: run.data.params.get(key) for key in ("epochs", "optimizer_name", "lr")},
        "steps": [point.step for point in history],
        "falls": history[-1].value < history[0].value,
        "summary": "model_summary.txt" in [item.path for item in client.list_artifacts(run.info.run_id)],
        "loaded": tuple(loaded.layer.weight.shape) == (11, 4),
    }


CHAPTERS = [lightning_training, lightning_logger]
