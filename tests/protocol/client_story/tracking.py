"""Chapters about a run and what is logged to it: parameters, metrics, tags, system metrics, children, resuming."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag


def run_facts(run_id: str) -> dict[str, Any]:
    """What any client shows of a run, without what differs between machines."""
    run = MlflowClient().get_run(run_id)
    return {
        "status": run.info.status,
        "name": run.info.run_name,
        "stage": run.info.lifecycle_stage,
        "ended": run.info.end_time is not None and run.info.end_time >= run.info.start_time > 0,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": run.data.tags,
    }


def history(run_id: str, key: str) -> list[Any]:
    return [[point.step, point.value] for point in MlflowClient().get_metric_history(run_id, key)]


def training_run(folder: Path) -> dict[str, Any]:
    """The food11 script's calls, in its order."""
    experiment = mlflow.set_experiment("food11-classifier")
    run = mlflow.start_run(run_name="baseline", log_system_metrics=True, description="first try")
    mlflow.log_params({"lr": 1e-4, "batch_size": 32, "pretrained": True, "optimizer": "Adam", "note": ""})
    mlflow.log_param("total_epochs", 3)
    mlflow.log_text("no GPU found", "gpu-info.txt")
    for epoch in range(3):
        losses = {"train_loss": 2.0 - epoch / 4, "val_loss": 2.5 - epoch / 2, "val_accuracy": 0.25 * epoch}
        mlflow.log_metrics(losses, step=epoch)
    mlflow.log_metric("test_accuracy", 0.75)
    mlflow.log_metric("epoch_time", 12)
    mlflow.set_tag("early_stopping", "no")
    mlflow.set_tags({"team": "food", "priority": 1, "early_stopping": "yes"})
    mlflow.delete_tag("team")
    mlflow.end_run()
    client = MlflowClient()
    client.set_tag(run.info.run_id, "mlflow.note.content", "## Result\nGood ✓ 好")
    found = client.get_experiment_by_name("food11-classifier")
    facts = run_facts(run.info.run_id)
    return {
        **facts,
        "experiment_found": found.experiment_id == experiment.experiment_id == run.info.experiment_id,
        "experiment_stage": found.lifecycle_stage,
        "no_such_experiment": client.get_experiment_by_name("not there") is None,
        "run_id_length": len(run.info.run_id),
        "artifact_uri_is_proxied": run.info.artifact_uri.startswith("mlflow-artifacts:/")
        and run.info.artifact_uri.endswith(f"/{run.info.run_id}/artifacts"),
        "val_loss": history(run.info.run_id, "val_loss"),
        "absent_history": history(run.info.run_id, "never logged"),
        "gpu_info": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/gpu-info.txt"),
    }


def system_metrics(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("system-metrics")
    os.environ["MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"] = "1"
    os.environ["MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"] = "1"
    with mlflow.start_run(log_system_metrics=True) as run:
        time.sleep(3.2)
    metrics = MlflowClient().get_run(run.info.run_id).data.metrics
    cpu = history(run.info.run_id, "system/cpu_utilization_percentage")
    return {
        "keys": sorted(metrics),
        "steps": [step for step, _ in cpu],
        "values": [value for _, value in cpu],
    }


def nested_runs(folder: Path) -> dict[str, Any]:
    experiment = mlflow.set_experiment("nested")
    with mlflow.start_run(run_name="sweep") as parent:
        for index in range(2):
            with mlflow.start_run(run_name=f"trial-{index}", nested=True):
                mlflow.log_param("index", index)
    children = MlflowClient().search_runs(
        [experiment.experiment_id],
        f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        order_by=["params.index ASC"],
    )
    return {
        "children": [child.info.run_name for child in children],
        "parents": [child.data.tags["mlflow.parentRunId"] == parent.info.run_id for child in children],
        "get_parent": mlflow.get_parent_run(children[0].info.run_id).info.run_name,
    }


def resume_and_ends(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("resume")
    with mlflow.start_run(run_name="first half") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_metric("loss", 2, step=0)
    with mlflow.start_run(run_id=run.info.run_id) as again:
        during = MlflowClient().get_run(run.info.run_id).info.status
        mlflow.log_param("lr", 0.1)
        mlflow.log_metric("loss", 1, step=1)
    mlflow.start_run()
    killed = mlflow.active_run().info.run_id
    mlflow.end_run(status="KILLED")
    with contextlib.suppress(ZeroDivisionError), mlflow.start_run() as failed:
        mlflow.log_metric("loss", 1 / 0)
    client = MlflowClient()
    client.update_run(run.info.run_id, name="whole")
    return {
        "same_run": again.info.run_id == run.info.run_id,
        "during": during,
        "after": run_facts(run.info.run_id)["status"],
        "renamed": [run_facts(run.info.run_id)[key] for key in ("name", "params")],
        "name_tag": client.get_run(run.info.run_id).data.tags["mlflow.runName"],
        "history": history(run.info.run_id, "loss"),
        "killed": client.get_run(killed).info.status,
        "failed": client.get_run(failed.info.run_id).info.status,
    }


def metric_values(folder: Path) -> dict[str, Any]:
    """Values, steps and order that a series must keep."""
    mlflow.set_experiment("metric values")
    client = MlflowClient()
    with mlflow.start_run() as run:
        run_id = run.info.run_id
        for step, value in enumerate([float("nan"), float("inf"), float("-inf"), 1e-300, -0.1]):
            client.log_metric(run_id, "odd", value, timestamp=1000 + step, step=step)
        for step, timestamp, value in [
            (5, 10, 1.0),
            (-3, 20, 2.0),
            (5, 10, 3.0),
            (2**40, 5, 4.0),
            (5, 10, 1.0),
        ]:
            client.log_metric(run_id, "order", value, timestamp=timestamp, step=step)
        mlflow.log_metric("val/acc-top 5.x:y", True)
    data = client.get_run(run_id).data.metrics
    return {
        "odd": [[step, repr(value)] for step, value in history(run_id, "odd")],
        "order": history(run_id, "order"),
        "latest": data["order"],
        "key": data["val/acc-top 5.x:y"],
    }


def batches(folder: Path) -> dict[str, Any]:
    mlflow.set_experiment("batches")
    client = MlflowClient()
    with mlflow.start_run() as run:
        run_id = run.info.run_id
        metrics = [Metric("loss", 1 / (1 + step), 1000 + step, step) for step in range(800)]
        client.log_batch(
            run_id, metrics, [Param(f"p{i}", str(i)) for i in range(100)], [RunTag("t", "x")] * 100
        )
        client.log_batch(run_id, metrics)
        mlflow.log_metrics({f"m{i}": i for i in range(1500)}, step=1)
        mlflow.log_params({f"q{i}": i for i in range(150)})
        mlflow.log_param("long", "x" * 6100)
        mlflow.set_tag("long", "y" * 8100)
        waits = {"synchronous": False} if hasattr(mlflow, "flush_async_logging") else {}  # since 2.10
        for step in range(50):
            mlflow.log_metric("asynchronous", step, step=step, **waits)
        if waits:
            mlflow.flush_async_logging()
    data = client.get_run(run_id).data
    return {
        "loss": history(run_id, "loss") == [[metric.step, metric.value] for metric in metrics],
        "metrics": len(data.metrics),
        "m1499": data.metrics["m1499"],
        "params": len(data.params),
        "long": [len(data.params["long"]), len(data.tags["long"])],
        "asynchronous": history(run_id, "asynchronous") == [[step, float(step)] for step in range(50)],
    }


def git_commit(folder: Path) -> dict[str, Any]:
    """A script inside a git work tree carries its commit; the client finds it, the server keeps it."""
    script = folder / "train.py"
    script.write_text("import mlflow\nmlflow.set_experiment('git')\nwith mlflow.start_run(): pass\n")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run([sys.executable, str(script)], check=True, capture_output=True)
    (run,) = mlflow.search_runs(experiment_names=["git"], output_format="list")
    return {
        "commit": run.data.tags["mlflow.source.git.commit"] == head,
        "source": Path(run.data.tags["mlflow.source.name"]).name,
        "type": run.data.tags["mlflow.source.type"],
    }


CHAPTERS = [training_run, system_metrics, nested_runs, resume_and_ends, metric_values, batches, git_commit]
