"""Fills a server with runs as a small vision team would have them, through the real mlflow client.

    python tests/ui/seed.py http://127.0.0.1:8000 [--many N]

Prints a JSON object with the ids that the browser journeys need.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
import numpy as np
from mlflow.entities import Metric, Param, RunTag
from PIL import Image, ImageDraw

CLASSES = ["Bread", "Dairy", "Dessert", "Egg", "Fried", "Meat", "Noodles", "Rice", "Seafood", "Soup", "Fruit"]
NOTE = """## Frozen backbone, then fine-tuning

Five epochs with a **frozen backbone** at 1e-4, then the whole network at 1e-5.

- Soup and seafood are still confused, see `confusion.png`
- Next: a longer warm-up
"""


def curve(start: float, end: float, epoch: int, epochs: int, noise: float, rng: random.Random) -> float:
    """An exponential approach from `start` to `end` with noise: what a loss looks like."""
    share = 1 - math.exp(-3.2 * epoch / max(1, epochs))
    return start + (end - start) * share + rng.gauss(0, noise)


def confusion(path: Path) -> None:
    """A confusion matrix as an image file."""
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 30, (11, 11)) + np.eye(11, dtype=int) * 260
    image = Image.new("RGB", (640, 640), "white")
    pen = ImageDraw.Draw(image)
    for (row, column), count in np.ndenumerate(counts):
        shade = 255 - int(count / counts.max() * 215)
        box = (70 + column * 50, 40 + row * 50, 118 + column * 50, 88 + row * 50)
        pen.rectangle(box, fill=(shade, shade + (255 - shade) // 3, 255))
        pen.text((box[0] + 14, box[1] + 18), str(count), fill="black" if shade > 120 else "white")
    for index, name in enumerate(CLASSES):
        pen.text((8, 58 + index * 50), name, fill="black")
    image.save(path)


def system_metrics(
    client: mlflow.MlflowClient, run_id: str, start_ms: int, samples: int, rng: random.Random
) -> None:
    """What MLflow's own sampler logs, one sample every ten seconds."""
    points = []
    for step in range(samples):
        at = start_ms + step * 10_000
        busy = 62 + 20 * math.sin(step / 6)
        values = {
            "cpu_utilization_percentage": busy + rng.gauss(0, 6),
            "system_memory_usage_megabytes": 5200 + step * 9 + rng.gauss(0, 25),
            "system_memory_usage_percentage": 32 + step * 0.05,
            "disk_usage_percentage": 41.2,
            "disk_available_megabytes": 152_000 - step * 3,
            "network_receive_megabytes": step * 0.6 + rng.random(),
            "network_transmit_megabytes": step * 1.9 + rng.random(),
            "gpu_0_utilization_percentage": max(0, min(100, busy + 12 + rng.gauss(0, 11))),
            "gpu_0_memory_usage_megabytes": 7100 + rng.gauss(0, 60),
            "gpu_0_power_usage_watts": 118 + busy * 0.5 + rng.gauss(0, 7),
        }
        points += [Metric(f"system/{key}", value, at, step) for key, value in values.items()]
    for first in range(0, len(points), 1000):
        client.log_batch(run_id, metrics=points[first : first + 1000])


def train(
    client: mlflow.MlflowClient, run_id: str, epochs: int, quality: float, start_ms: int, seed: int
) -> None:
    """Per-epoch and per-step metrics of one training."""
    rng = random.Random(seed)
    points = []
    for epoch in range(1, epochs + 1):
        at = start_ms + epoch * 41_000
        loss = curve(2.35, 0.62 - quality, epoch, epochs, 0.03, rng)
        accuracy = curve(0.12, 0.78 + quality / 2, epoch, epochs, 0.01, rng)
        values = {
            "train_loss": loss,
            "val_loss": loss + 0.09 + 0.012 * epoch,
            "train_accuracy": accuracy,
            "val_accuracy": accuracy - 0.03 - rng.random() * 0.01,
            "epoch_time": 40.2 + rng.gauss(0, 0.9),
            "trainable_params": 14_091 if epoch <= epochs // 3 else 2_237_963,
        }
        points += [Metric(key, value, at, epoch) for key, value in values.items()]
    steps = epochs * 300
    for step in range(steps):
        at = start_ms + step * 137
        value = curve(2.4, 0.55 - quality, step, steps, 0.11, rng)
        points.append(Metric("batch/loss", 9.5 if step == steps // 2 else value, at, step))
        if step % 3 == 0:
            points.append(Metric("batch/lr", 1e-4 if step < steps / 3 else 1e-5, at, step))
            points.append(Metric("batch/gradient_norm", abs(rng.gauss(1.4, 0.4)), at, step))
    points.append(Metric("batch/gradient_norm", math.nan, start_ms + steps * 137, steps))
    for first in range(0, len(points), 1000):
        client.log_batch(run_id, metrics=points[first : first + 1000])


def artifacts() -> None:
    """Files of every kind that the page can show, and a model, into the active run."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "confusion.png"
        confusion(picture)
        mlflow.log_artifact(str(picture), "plots")
        table = Path(folder) / "per_class.csv"
        rows = [f'{name},{0.7 + index / 50:.4f},"{index}, of 11"' for index, name in enumerate(CLASSES)]
        table.write_text("class,recall,note\n" + "\n".join(rows) + "\n")
        mlflow.log_artifact(str(table))
    mlflow.log_text("NVIDIA A100 80GB PCIe, driver 550.54\nmemory 7,160 MiB of 81,920 MiB\n", "gpu-info.txt")
    mlflow.log_dict(
        {"batch_size": 32, "augment": {"flip": 0.5, "rotation": 15}, "layers": [1, 2, 3]}, "config.json"
    )
    mlflow.log_text(
        "# Report\n\nBest at **epoch 14**.\n\n| split | accuracy |\n|---|---|\n| val | 0.79 |\n", "report.md"
    )
    mlflow.log_text("<h1>Hello</h1><script>parent.document.title = 'owned'</script>", "report.html")
    mlflow.log_table(
        {"image": ["a.jpg", "b.jpg"], "truth": ["Soup", "Egg"], "guess": ["Soup", "Rice"]}, "guesses.json"
    )


class Constant(mlflow.pyfunc.PythonModel):
    """The smallest model there is."""

    def predict(self, context: Any, model_input: list[str]) -> list[int]:
        return [0 for _ in model_input]


def main_run(client: mlflow.MlflowClient, experiment_id: str) -> str:
    """The run that most screens are looked at with. Its model becomes food11 version 1."""
    start = int(time.time() * 1000) - 900_000
    tags = {
        "team": "vision",
        "stage": "baseline",
        "mlflow.user": "ada",
        "mlflow.source.name": "examples/train.py",
    }
    run_id = client.create_run(experiment_id, start, tags, "mobilenet-v2-finetune").info.run_id
    with mlflow.start_run(run_id=run_id):
        mlflow.log_params(
            {"initial_epochs": 5, "total_epochs": 20, "lr": 1e-4, "fine_tune_lr": 1e-5, "batch_size": 32}
        )
        mlflow.log_params(
            {"dropout": 0.5, "patience": 5, "weights": "imagenet", "num_workers": 4, "seed": 7, "flip": 0.5}
        )
        mlflow.set_tag("mlflow.note.content", NOTE)
        mlflow.set_tag("mlflow.source.git.commit", "8f3c2d1e9b7a64500c1f2e3d4c5b6a7988776655")
        mlflow.set_tag("mlflow.source.git.branch", "main")
        mlflow.set_tag("mlflow.source.git.repoURL", "https://git.example.org/vision/food11.git")
        data = mlflow.data.from_numpy(np.arange(66, dtype="float32").reshape(22, 3), name="food11-train")
        mlflow.log_input(data, context="training")
        train(client, run_id, 20, 0.06, start, 1)
        system_metrics(client, run_id, start, 90, random.Random(2))
        artifacts()
        mlflow.pyfunc.log_model(name="food11", python_model=Constant(), pip_requirements=[])
        mlflow.log_metrics({"test_loss": 0.641, "test_accuracy": 0.7912}, step=20)
    return run_id


def sweep(client: mlflow.MlflowClient, experiment_id: str) -> list[str]:
    """A parent with nested trials, some of which failed or were killed."""
    ids = []
    start = int(time.time() * 1000) - 7_200_000
    parent = client.create_run(experiment_id, start, run_name="lr-sweep").info.run_id
    for index, lr in enumerate([3e-3, 1e-3, 3e-4, 1e-4, 3e-5]):
        begin = start + index * 400_000
        tags = {"mlflow.parentRunId": parent, "mlflow.user": "ada", "mlflow.source.name": "train.py"}
        trial = client.create_run(experiment_id, begin, tags, f"trial-{index} lr={lr:g}").info.run_id
        params = {"lr": lr, "batch_size": 32, "dropout": 0.5, "weights": "imagenet", "seed": index}
        client.log_batch(trial, params=[Param(key, str(value)) for key, value in params.items()])
        train(client, trial, 8, 0.02 * index, begin, 20 + index)
        client.set_terminated(trial, end_time=begin + 350_000)
        ids.append(trial)
    client.set_terminated(parent, end_time=start + 2_000_000)
    for status in ("FAILED", "KILLED"):
        run = client.create_run(experiment_id, run_name=f"{status.lower()}-early")
        client.log_batch(
            run.info.run_id, [Metric("train_loss", 2.3, int(time.time() * 1000), 1)], [Param("lr", "0.1")]
        )
        client.set_terminated(run.info.run_id, status)
    return ids


def many(client: mlflow.MlflowClient, name: str, amount: int) -> str:
    """An experiment with so many runs that nobody can hold them all."""
    experiment_id = client.create_experiment(name)
    rng = random.Random(3)
    for index in range(amount):
        run = client.create_run(experiment_id, run_name=f"run-{index:05d}", tags={"half": "ab"[index % 2]})
        params = [Param("lr", f"{10 ** rng.uniform(-5, -1):.6f}"), Param("index", str(index))]
        metrics = [
            Metric("loss", rng.random(), run.info.start_time, 1),
            Metric("accuracy", rng.random(), run.info.start_time, 1),
        ]
        client.log_batch(run.info.run_id, metrics, params, [RunTag("n", str(index))])
        client.set_terminated(run.info.run_id)
    return experiment_id


def main(arguments: list[str]) -> None:
    """Seeds the server and prints the ids."""
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("--many", type=int, default=450)
    options = parser.parse_args(arguments)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(options.uri)
    client = mlflow.MlflowClient()
    food = mlflow.set_experiment("vision/food11")
    main_id = main_run(client, food.experiment_id)
    trials = sweep(client, food.experiment_id)
    crowd = many(client, "nightly/search", options.many)
    client.create_experiment("speech/keywords")
    mlflow.register_model(f"runs:/{main_id}/food11", "food11")
    client.set_registered_model_alias("food11", "champion", "1")
    client.update_registered_model("food11", "Sorts photos of meals into **eleven** kinds of food.")
    client.set_registered_model_tag("food11", "owner", "vision")
    ids = {
        "experiment": food.experiment_id,
        "run": main_id,
        "trials": trials,
        "crowd": crowd,
        "many": options.many,
    }
    sys.stdout.write(json.dumps(ids) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
