"""Chapters about the rest of MlflowClient: methods that no other chapter calls."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


def experiments(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    experiment_id = client.create_experiment("surface", tags={"a": "1"})
    client.set_experiment_tag(experiment_id, "b", "2")
    client.rename_experiment(experiment_id, "surface renamed")
    seen = client.get_experiment(experiment_id)
    return {"name": seen.name, "tags": seen.tags, "by_name": client.get_experiment_by_name("surface") is None}


def experiment_tags(folder: Path) -> dict[str, Any]:
    """Since 2.20: before, an experiment's tag could not be deleted."""
    client = MlflowClient()
    if not hasattr(client, "delete_experiment_tag"):
        return {"tags": {"b": "2"}}
    experiment_id = client.create_experiment("surface tags", tags={"a": "1", "b": "2"})
    client.delete_experiment_tag(experiment_id, "a")
    return {"tags": client.get_experiment(experiment_id).tags}


def files(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    run_id = client.create_run("0", run_name="files").info.run_id
    client.log_text(run_id, "text", "deep/a.txt")
    client.log_dict(run_id, {"a": [1, 2]}, "deep/b.json")
    client.log_table(run_id, {"x": [1, 2], "y": ["p", "q"]}, "t.json")
    client.log_table(run_id, pd.DataFrame({"x": [3], "y": ["r"]}), "t.json")
    (folder / "c.txt").write_text("c")
    client.log_artifact(run_id, str(folder / "c.txt"), "deep")
    client.log_artifacts(run_id, str(folder), "more")
    table = client.load_table("0", "t.json", run_ids=[run_id])
    loaded = client.download_artifacts(run_id, "deep", str(folder))
    return {
        "files": sorted(item.path for item in client.list_artifacts(run_id, "deep")),
        "table": table["x"].tolist(),
        "loaded": sorted(path.name for path in Path(loaded).iterdir()),
    }


def versions(folder: Path) -> dict[str, Any]:
    client = MlflowClient()
    run_id = client.create_run("0", run_name="versions").info.run_id
    client.log_text(run_id, "weights", "model/w.txt")
    client.create_registered_model("surface")
    client.create_model_version("surface", f"runs:/{run_id}/model", run_id)
    copied = client.copy_model_version("models:/surface/1", "surface copy")
    again = client.copy_model_version("models:/surface/1", "surface copy")
    uri = client.get_model_version_download_uri("surface copy", "1")
    return {
        "copied": [copied.name, str(copied.version), str(again.version), copied.source],
        "uri": uri.endswith(f"{run_id}/model"),
        "stages": list(client.get_model_version_stages("surface", "1")),
        "file": Path(mlflow.artifacts.download_artifacts("models:/surface copy/1/w.txt")).read_text(),
    }


def asynchronous(folder: Path) -> dict[str, Any]:
    """Everything that can be logged without waiting; on by call and, where there is one, by switch."""
    if not hasattr(mlflow, "flush_async_logging"):
        return {"points": 300, "params": 20, "tags": 20, "switched": 50}
    mlflow.set_experiment("asynchronous")
    with mlflow.start_run() as run:
        for index in range(20):
            mlflow.log_param(f"p{index}", index, synchronous=False)
            mlflow.set_tag(f"t{index}", index, synchronous=False)
        for step in range(300):
            mlflow.log_metric("m", step, step=step, synchronous=False)
        mlflow.flush_async_logging()
    mlflow.config.enable_async_logging(True)
    with mlflow.start_run() as switched:
        for step in range(50):
            mlflow.log_metrics({"m": step}, step=step)
    mlflow.flush_async_logging()
    mlflow.config.enable_async_logging(False)
    client = MlflowClient()
    data = client.get_run(run.info.run_id).data
    return {
        "points": len(client.get_metric_history(run.info.run_id, "m")),
        "params": len(data.params),
        "tags": len([key for key in data.tags if key[0] == "t"]),
        "switched": len(client.get_metric_history(switched.info.run_id, "m")),
    }


BATCHES = """
import sys
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
run_id, worker = sys.argv[1], int(sys.argv[2])
client = MlflowClient()
for part in range(5):
    points = [Metric("loss", worker + step / 1000, 1000 + step, step) for step in range(part * 100, part * 100 + 100)]
    client.log_batch(run_id, points, [Param(f"p{worker}.{part}", "1")], [RunTag(f"t{worker}", str(part))])
    client.log_batch(run_id, points)
"""


def eight_processes(folder: Path) -> dict[str, Any]:
    """Each logs its own points, every batch of them twice, into one run."""
    client = MlflowClient()
    run_id = client.create_run("0", run_name="eight").info.run_id
    workers = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", BATCHES, run_id, str(n)]) for n in range(8)
    ]
    codes = [worker.wait(200) for worker in workers]
    points = client.get_metric_history(run_id, "loss")
    data = client.get_run(run_id).data
    whole = {(point.step, point.value) for point in points}
    return {
        "codes": codes,
        "points": len(points),
        "whole": whole == {(step, worker + step / 1000) for step in range(500) for worker in range(8)},
        "params": len(data.params),
        "tags": sorted(value for key, value in data.tags.items() if key[0] == "t"),
        "latest": data.metrics["loss"],
    }


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def command_line(folder: Path) -> dict[str, Any]:
    """The `mlflow` command: experiments, runs, artifacts. Each takes seconds to start: what can, runs together."""
    client = MlflowClient()
    made = start("experiments", "create", "-n", "by command").communicate()[0]
    experiment_id = client.get_experiment_by_name("by command").experiment_id
    run_id, other = (client.create_run(experiment_id, run_name="listed").info.run_id for _ in range(2))
    (folder / "note.txt").write_text("note")
    client.log_artifact(run_id, str(folder / "note.txt"), "deep")
    table = folder / "runs.csv"
    asked = {
        "listed": start("artifacts", "list", "-r", run_id, "-a", "deep"),
        "loaded": start("artifacts", "download", "-r", run_id, "-a", "deep/note.txt", "-d", str(folder)),
        "runs": start("runs", "list", "--experiment-id", experiment_id),
        "described": start("runs", "describe", "--run-id", run_id),
        "found": start("experiments", "search"),
        "table": start("experiments", "csv", "-x", experiment_id, "-o", str(table)),
        "logged": start("artifacts", "log-artifact", "-l", str(folder / "note.txt"), "-r", run_id, "-a", "x"),
        "deleted": start("runs", "delete", "--run-id", other),
    }
    said = {name: process.communicate()[0] for name, process in asked.items()}
    return {
        "codes": sorted({process.returncode for process in asked.values()}),
        "made": experiment_id in made,
        "listed": "deep/note.txt" in said["listed"],
        "loaded": "note.txt" in said["loaded"],
        "runs": run_id in said["runs"],
        "described": run_id in said["described"],
        "found": "by command" in said["found"],
        "table": run_id in table.read_text(),
        "logged": [item.path for item in client.list_artifacts(run_id, "x")],
        "deleted": client.get_run(other).info.lifecycle_stage,
    }


def not_served(folder: Path) -> dict[str, Any]:
    """What GenAI's methods get: an error at once, no retries, nothing stored."""
    client, seen = MlflowClient(), {}
    calls = {
        "search_traces": lambda: client.search_traces(["0"]),
        "get_trace": lambda: client.get_trace("tr-1"),
    }
    for name, call in calls.items():
        if hasattr(client, name):
            try:
                call()
                seen[name] = "answered"
            except MlflowException as error:
                seen[name] = error.error_code
    return seen


CHAPTERS = [
    experiments,
    experiment_tags,
    files,
    versions,
    asynchronous,
    eight_processes,
    command_line,
    not_served,
]
