"""What runs read: datasets with their context, and logged models."""

from __future__ import annotations

import uuid

import pytest

MLFLOW = "/api/2.0/mlflow"
CONTEXT = "mlflow.data.context"


@pytest.fixture
def experiment(client):
    made = client.post(f"{MLFLOW}/experiments/create", json={"name": uuid.uuid4().hex})
    return made.json()["experiment_id"]


@pytest.fixture
def run(client, experiment):
    return new_run(client, experiment)


def new_run(client, experiment):
    made = client.post(f"{MLFLOW}/runs/create", json={"experiment_id": experiment})
    return made.json()["run"]["info"]["run_id"]


def dataset(name="food11", digest="abc", **more):
    return {"name": name, "digest": digest, "source_type": "local", "source": "{}", **more}


def log(client, run, *datasets, models=()):
    """Each dataset as a pair with its tags."""
    inputs = [
        {"dataset": of, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
        for of, tags in datasets
    ]
    body = {"run_id": run, "datasets": inputs, "models": [{"model_id": model} for model in models]}
    return client.post(f"{MLFLOW}/runs/log-inputs", json=body)


def inputs_of(client, run):
    return client.get(f"{MLFLOW}/runs/get", params={"run_id": run}).json()["run"]["inputs"]


def test_a_run_has_its_inputs(client, run):
    whole = dataset(schema='{"columns": []}', profile='{"rows": 3}')
    answer = log(client, run, (whole, {CONTEXT: "training"}), (dataset("b"), {}), models=["m-1"])
    assert (answer.status_code, answer.json()) == (200, {})
    assert inputs_of(client, run) == {
        "dataset_inputs": [
            {"tags": [{"key": CONTEXT, "value": "training"}], "dataset": whole},
            {"dataset": dataset("b")},
        ],
        "model_inputs": [{"model_id": "m-1"}],
    }


def test_logging_again_changes_nothing(client, experiment, run):
    log(client, run, (dataset(), {CONTEXT: "training"}), models=["m-1"])
    other = dataset(source_type="http", schema="{}")
    log(client, run, (other, {CONTEXT: "evaluation", "more": "1"}), (other, {}), models=["m-1", "m-1"])
    once = {"tags": [{"key": CONTEXT, "value": "training"}], "dataset": dataset()}
    assert inputs_of(client, run) == {"dataset_inputs": [once], "model_inputs": [{"model_id": "m-1"}]}
    # Another run has its own context for the dataset, which is what was said of it first.
    second = new_run(client, experiment)
    log(client, second, (other, {CONTEXT: "evaluation"}))
    assert inputs_of(client, second)["dataset_inputs"] == [
        {"tags": [{"key": CONTEXT, "value": "evaluation"}], "dataset": dataset()}
    ]


def test_datasets_of_experiments(client, experiment, run):
    second = new_run(client, experiment)
    log(client, run, (dataset(), {CONTEXT: "training"}), (dataset("b"), {}))
    log(client, second, (dataset(), {CONTEXT: "training"}), (dataset("b"), {CONTEXT: "evaluation"}))
    path = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    found = client.post(path, json={"experiment_ids": [experiment]}).json()["dataset_summaries"]
    assert [(each["name"], each["digest"], each.get("context")) for each in found] == [
        ("b", "abc", None),
        ("b", "abc", "evaluation"),
        ("food11", "abc", "training"),
    ]
    assert {each["experiment_id"] for each in found} == {experiment}
    assert client.post(path, json={"experiment_ids": ["999999"]}).json() == {}
    none = client.post(path, json={})
    assert none.json()["message"] == "SearchDatasets request must specify at least one experiment_id."
    many = client.post(path, json={"experiment_ids": [str(number) for number in range(21)]})
    assert (many.status_code, "more than 20 experiment_ids" in many.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("of", "tags", "message"),
    [
        ({}, {}, "Missing value for required parameter 'datasets[0].dataset.name'."),
        ({"name": "n"}, {}, "Missing value for required parameter 'datasets[0].dataset.digest'."),
        (dataset("n" * 501), {}, "'name' exceeds the maximum length of 500 characters"),
        (dataset(digest="d" * 37), {}, "'digest' exceeds the maximum length of 36 characters"),
        (dataset(source="s" * 65_536), {}, "'source' exceeds the maximum length of 65535 characters"),
        (dataset(schema="s" * 1_048_576), {}, "'schema' exceeds the maximum length of 1048575 characters"),
        (dataset(), {"k" * 256: ""}, "'key' exceeds the maximum length of 255 characters"),
        (dataset(), {"k": "v" * 501}, "'value' exceeds the maximum length of 500 characters"),
    ],
)
def test_inputs_that_are_refused(client, run, of, tags, message):
    answer = log(client, run, (dataset("fine"), {}), (of, tags))
    sent = message.replace("datasets[0]", "datasets[1]")
    assert (answer.status_code, answer.json()["message"].startswith(sent)) == (400, True)
    assert inputs_of(client, run) == {}  # all or nothing


def test_runs_that_cannot_have_inputs(client, run):
    assert log(client, "none", (dataset(), {})).status_code == 404
    client.post(f"{MLFLOW}/runs/delete", json={"run_id": run})
    answer = log(client, run, (dataset(), {}))
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("must be in the 'active' state. Current state is deleted.")


@pytest.mark.filterwarnings("ignore")  # what mlflow warns of is its own
def test_inputs_of_mlflows_client(url, client, run, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    import mlflow
    import numpy as np
    from mlflow.data.numpy_dataset import from_numpy
    from mlflow.entities import DatasetInput, InputTag, LoggedModelInput

    tracking = mlflow.MlflowClient(url)
    pixels = from_numpy(np.arange(6.0).reshape(2, 3), name="pixels")
    used = DatasetInput(pixels._to_mlflow_entity(), [InputTag(CONTEXT, "training")])
    tracking.log_inputs(run, [used], [LoggedModelInput("m-1")])
    inputs = tracking.get_run(run).inputs
    [found] = inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("pixels", pixels.digest)
    assert [model.model_id for model in inputs.model_inputs] == ["m-1"]
    [shown] = client.get(f"/api/trackside/v1/runs/{run}").json()["datasets"]
    assert (shown["name"], shown["context"]) == ("pixels", "training")
