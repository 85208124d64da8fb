"""Chapters about the data a run read: log_input with pandas and numpy data sets."""

import importlib.util
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None


def logged_inputs(folder: Path) -> dict[str, Any]:
    experiment_id = mlflow.set_experiment("inputs").experiment_id
    csv = folder / "labels.csv"
    frame = pd.DataFrame({"image": ["0_1.jpg", "1_7.jpg"], "label": [0, 1]})
    frame.to_csv(csv, index=False)
    table = mlflow.data.from_pandas(frame, source=str(csv), name="food11-labels", targets="label")
    array = mlflow.data.from_numpy(np.arange(6.0).reshape(2, 3), source=str(csv), name="food11-pixels")
    with mlflow.start_run(run_name="with data") as run:
        mlflow.log_input(table, context="training", tags={"split": "mini"})
        mlflow.log_input(array, context="evaluation")
        mlflow.log_input(table, context="training", tags={"split": "mini"})
    inputs = MlflowClient().get_run(run.info.run_id).inputs.dataset_inputs
    by_name = {item.dataset.name: item for item in inputs}
    source = mlflow.data.get_source(by_name["food11-labels"])
    client = MlflowClient()
    filters = ["dataset.name = 'food11-labels'", "dataset.context = 'evaluation'", "dataset.name = 'other'"]
    return {
        "names": sorted(by_name),
        "count": len(inputs),
        "tags": {name: {tag.key: tag.value for tag in item.tags} for name, item in by_name.items()},
        "digests": [
            by_name["food11-labels"].dataset.digest == table.digest,
            by_name["food11-pixels"].dataset.digest == array.digest,
        ],
        # Without scikit-learn (mlflow-skinny), the client infers no schema.
        "schema": not HAS_SKLEARN or "label" in by_name["food11-labels"].dataset.schema,
        "profile": by_name["food11-labels"].dataset.profile,
        "source": Path(source.uri).name,
        "found": [len(client.search_runs([experiment_id], text)) for text in filters],
    }


CHAPTERS = [logged_inputs]
