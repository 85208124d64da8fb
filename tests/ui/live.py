"""A training script that a browser journey steers: one JSON command a line in, one answer a line out.

    {"do": "start", "experiment": "e", "name": "n"}                  -> {"run": ID}
    {"do": "log", "run": ID, "metrics": {"loss": 0.5}, "step": 3}    -> {}
    {"do": "end", "run": ID, "status": "FINISHED"}                   -> {}

The mlflow client is the real one; only the moment of each call is chosen outside.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
from mlflow.entities import Metric


def act(client: mlflow.MlflowClient, command: dict[str, Any]) -> dict[str, Any]:
    """Carries out one command."""
    match command["do"]:
        case "start":
            experiment = client.get_experiment_by_name(command["experiment"])
            experiment_id = (
                experiment.experiment_id if experiment else client.create_experiment(command["experiment"])
            )
            run = client.create_run(experiment_id, run_name=command["name"])
            return {"run": run.info.run_id, "experiment": experiment_id}
        case "log":
            now = int(time.time() * 1000)
            values = [
                Metric(key, float(value), now, command["step"]) for key, value in command["metrics"].items()
            ]
            client.log_batch(command["run"], values, synchronous=True)
            return {}
        case "tag":
            client.set_tag(command["run"], command["key"], command["value"])
            return {}
        case "end":
            client.set_terminated(command["run"], command["status"])
            return {}
    raise ValueError(f"unknown command {command}")


def main() -> None:
    """Reads commands until the input ends."""
    client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
    answers = sys.stdout
    sys.stdout = sys.stderr  # where the client prints its links
    for line in sys.stdin:
        answers.write(json.dumps(act(client, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
