"""Fills a store of MLflow's with awkward data, in-process: run by an MLflow release's own Python.

    python fill.py STORE ARTIFACTS RUNS      STORE: sqlite:///…, postgresql://… or a folder

The same arguments make the same data, ids and times of creation apart.
"""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import (
    Dataset,
    DatasetInput,
    ExperimentTag,
    InputTag,
    Metric,
    Param,
    RunStatus,
    RunTag,
)  # fmt: skip
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag

MAJOR = int(mlflow.__version__.partition(".")[0])
NOW = 1_750_000_000_000
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3]


def stores(uri: str, artifacts: str) -> tuple[Any, Any]:
    """The tracking store and the registry, as a server has them."""
    if "://" not in uri:
        from mlflow.store.model_registry.file_store import FileStore as Registry
        from mlflow.store.tracking.file_store import FileStore

        return FileStore(uri, artifacts or None), Registry(uri)
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(uri, artifacts), Registry(uri)


def awkward_metrics() -> list[Metric]:
    """Values, steps and times as nobody expects them."""
    found = [Metric("special", value, NOW + index, index) for index, value in enumerate(SPECIAL)]
    found += [Metric("same step", value, NOW, 7) for value in (1.0, math.nan, 2.0, math.inf)]
    found += [Metric("out/of/order", float(n), NOW - 10 * n, -n) for n in range(20)]
    found += [Metric("steps", 1.0, NOW, step) for step in (-(2**63), -1, 0, 2**53 + 1, 2**63 - 1)]
    return [*found, Metric("time", 0.5, 0, 0), Metric("time", 0.25, 2**53 + 1, 1)]


def write(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


class Fill:
    """One filling."""

    def __init__(self, uri: str, artifacts: str, kept: Path) -> None:
        mlflow.set_tracking_uri(uri)  # a registry asks it for logged models
        self.tracking, self.registry = stores(uri, artifacts)
        self.kept = kept  # the folder behind mlflow-artifacts:/
        self.random = random.Random(7)

    def folder(self, uri: str) -> Path:
        if uri.startswith("mlflow-artifacts:/"):
            return self.kept / uri.removeprefix("mlflow-artifacts:/")
        return Path(uri.removeprefix("file://"))

    def run(self, experiment: str, number: int, *, parent: str = "", model_id: str | None = None) -> Any:
        tags = [RunTag("mlflow.user", "ada"), RunTag("kind", f"k{number % 3}")]
        tags += [RunTag("mlflow.parentRunId", parent)] if parent else []
        run = self.tracking.create_run(experiment, "ada", NOW + number, tags, f"run {number}")
        run_id = run.info.run_id
        metrics = [
            Metric(key, self.random.gauss(0, 1), NOW + 1000 * step, step)
            for key in ("loss", "val/accuracy", "system/cpu")[: 1 + number % 3]
            for step in range(5 + number % 20)
        ]
        params = [
            Param("lr", repr(10 ** self.random.uniform(-5, -1))),
            Param("número", "4096") if number % 50 else Param("empty", ""),
        ]
        self.tracking.log_batch(run_id, metrics, params, [])
        status = [RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED, RunStatus.RUNNING][
            0 if number % 4 else number // 4 % 4
        ]
        if status != RunStatus.RUNNING:
            self.tracking.update_run_info(run_id, status, NOW + number + 5000, None)
        if number % 10 == 0:
            write(self.folder(run.info.artifact_uri), {"notes/a file.txt": f"run {number}".encode()})
        if number % 25 == 0:
            self.tracking.delete_run(run_id)
        return run

    def awkward_run(self, experiment: str) -> str:
        run = self.tracking.create_run(
            experiment, "ada", NOW, [RunTag("ünïcode ключ", "数据\n\t'\"\\")], "awkward / 数据"
        )
        run_id = run.info.run_id
        self.tracking.log_batch(
            run_id,
            awkward_metrics(),
            [Param("long", "x" * 6000), Param("a.b-c d/e", "ё")],
            [RunTag("long", "y" * 5000)],
        )
        tag = InputTag("mlflow.data.context", "training")
        data = Dataset("food-11", "abc123", "local", '{"uri": "/data"}', '{"cols": 1}', '{"rows": 2}')
        self.tracking.log_inputs(
            run_id, [DatasetInput(data, [tag]), DatasetInput(Dataset("other", "d1", "s3", "{}"), [])]
        )
        self.tracking.update_run_info(run_id, RunStatus.FINISHED, NOW + 1, None)
        write(
            self.folder(run.info.artifact_uri),
            {"empty": b"", "a folder/with ünïcode 数据/f+&=.bin": bytes(range(256)) * 9, "large.bin": b"0123456789abcdef" * 20_000, "model/MLmodel": b"flavors: {}\n"},
        )  # fmt: skip
        return run_id

    def logged_model(self, experiment: str, run_id: str) -> str:
        from mlflow.entities import (
            LoggedModelInput,
            LoggedModelOutput,
            LoggedModelParameter,
            LoggedModelStatus,
            LoggedModelTag,
        )  # fmt: skip

        model = self.tracking.create_logged_model(
            experiment, "net", run_id, [LoggedModelTag("t", "ü")], [LoggedModelParameter("depth", "3")], "cnn"
        )
        self.tracking.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        other = self.tracking.create_logged_model(experiment, "unfinished", run_id)
        self.tracking.log_outputs(run_id, [LoggedModelOutput(model.model_id, 3)])
        run = self.tracking.create_run(experiment, "eve", NOW, [], "reads a model")
        self.tracking.log_inputs(run.info.run_id, [], [LoggedModelInput(model.model_id)])
        metrics = [
            Metric(
                "loss",
                value,
                NOW + step,
                step,
                model_id=model.model_id,
                dataset_name="food-11",
                dataset_digest="abc123",
                run_id=run.info.run_id,
            )
            for step, value in enumerate((0.5, 0.25))
        ]
        for metric in metrics:
            self.tracking.log_batch(run.info.run_id, [metric], [], [])
        write(
            self.folder(model.artifact_location), {"MLmodel": b"model: 1\n", "data/weights.bin": bytes(1000)}
        )
        gone = self.tracking.create_logged_model(experiment, "deleted", run_id)
        self.tracking.delete_logged_model(gone.model_id)
        return model.model_id if other else ""

    def models(self, run_id: str, artifact_uri: str, model_id: str) -> None:
        registry = self.registry
        registry.create_registered_model(
            "food net", [RegisteredModelTag("owner", "ada")], "Classifies **food**."
        )
        for number in (1, 2, 3, 4):
            registry.create_model_version(
                "food net",
                f"{artifact_uri}/model",
                run_id,
                [ModelVersionTag("n", str(number))],
                None,
                f"version {number}",
            )
        registry.delete_model_version("food net", 2)
        registry.transition_model_version_stage("food net", 3, "Production", False)
        registry.transition_model_version_stage("food net", 1, "Archived", False)
        registry.set_registered_model_alias("food net", "champion", 3)
        registry.create_registered_model("empty-model")
        if MAJOR > 2:
            mark = ("mlflow.prompt.is_prompt", "true")
            registry.create_registered_model("a-prompt", [RegisteredModelTag(*mark)])
            text = [ModelVersionTag(*mark), ModelVersionTag("mlflow.prompt.text", "Say {{ what }}")]
            registry.create_model_version("a-prompt", "prompt-template", None, text)
        if model_id:
            registry.create_registered_model("from-logged")
            registry.create_model_version(
                "from-logged", f"models:/{model_id}", run_id, [], None, None, None, model_id
            )

    def all(self, runs: int) -> None:
        first = self.tracking.create_experiment(
            "vision / 数据", None, [ExperimentTag("mlflow.note.content", "# Note ü")]
        )
        self.tracking.create_experiment("empty")
        gone = self.tracking.create_experiment("deleted")
        awkward = self.awkward_run(first)
        parent = ""
        for number in range(1, runs - (3 if MAJOR > 2 else 2) + 1):
            run = self.run("0" if number % 5 else first, number, parent=parent)
            parent = run.info.run_id if number % 7 == 0 else ""
        self.run(gone, 3)
        self.tracking.delete_experiment(gone)
        model_id = self.logged_model(first, awkward) if MAJOR > 2 else ""
        self.models(awkward, self.tracking.get_run(awkward).info.artifact_uri, model_id)


if __name__ == "__main__":
    uri, artifacts, runs = sys.argv[1:]
    proxied = artifacts.startswith("proxied:")
    kept = Path(artifacts.removeprefix("proxied:"))
    Fill(uri, "mlflow-artifacts:/" if proxied else artifacts.strip("-"), kept).all(int(runs))
