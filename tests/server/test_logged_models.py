"""Logged models: MLflow's endpoints, and what mlflow's own client does with a PyTorch model."""

from __future__ import annotations

import json
import math
import uuid

import mlflow
import pytest

MLFLOW = "/api/2.0/mlflow"
LOGGED = f"{MLFLOW}/logged-models"


def ask(client, method, path, body=None):
    """An answer that must be good."""
    sent = {"params": body} if method == "GET" else {"json": body or {}}
    answer = client.request(method, path, **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(client, method, path, body=None):
    """Status and message of an answer that must be an error."""
    sent = {"params": body} if method == "GET" else {"json": body or {}}
    answer = client.request(method, path, **sent)
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["message"]


@pytest.fixture
def experiment(client):
    return ask(client, "POST", f"{MLFLOW}/experiments/create", {"name": uuid.uuid4().hex})["experiment_id"]


@pytest.fixture
def run(client, experiment):
    return ask(client, "POST", f"{MLFLOW}/runs/create", {"experiment_id": experiment})["run"]["info"][
        "run_id"
    ]


def new_model(client, experiment, name="net", **more):
    return ask(client, "POST", LOGGED, {"experiment_id": experiment, "name": name, **more})["model"]["info"]


def test_a_logged_model_as_mlflow_gives_it(client, experiment, run):
    made = ask(
        client,
        "POST",
        LOGGED,
        {
            "experiment_id": experiment,
            "name": "net",
            "model_type": "classifier",
            "source_run_id": run,
            "params": [{"key": "lr", "value": "0.1"}],
            "tags": [{"key": "team", "value": "a"}],
        },
    )["model"]
    model_id = made["info"]["model_id"]
    times = {"creation_timestamp_ms", "last_updated_timestamp_ms"}
    assert {key: value for key, value in made["info"].items() if key not in times} == {
        "model_id": model_id,
        "experiment_id": experiment,
        "name": "net",
        "artifact_uri": f"mlflow-artifacts:/{experiment}/models/{model_id}/artifacts",
        "status": "LOGGED_MODEL_PENDING",
        "model_type": "classifier",
        "source_run_id": run,
        "tags": [{"key": "team", "value": "a"}],
    }
    assert made["data"] == {"params": [{"key": "lr", "value": "0.1"}]}
    assert len(model_id) == 34
    assert model_id.startswith("m-")
    assert ask(client, "GET", f"{LOGGED}/{model_id}")["model"] == made


def test_finalize_tag_and_add_params(client, experiment):
    at = f"{LOGGED}/{new_model(client, experiment)['model_id']}"
    for sent, status in (("LOGGED_MODEL_READY", "READY"), (3, "UPLOAD_FAILED"), (2, "READY")):
        assert (
            ask(client, "PATCH", at, {"status": sent})["model"]["info"]["status"] == f"LOGGED_MODEL_{status}"
        )
    assert refusal(client, "PATCH", at, {"status": "FINE"})[0] == 400
    ask(client, "PATCH", f"{at}/tags", {"tags": [{"key": "a/b", "value": "1"}, {"key": "c", "value": "2"}]})
    ask(client, "DELETE", f"{at}/tags/a%2Fb")
    assert refusal(client, "DELETE", f"{at}/tags/a%2Fb")[0] == 404
    for _ in range(2):  # a repeated request
        ask(client, "POST", f"{at}/params", {"params": [{"key": "p", "value": "1"}]})
    status, message = refusal(client, "POST", f"{at}/params", {"params": [{"key": "p", "value": "2"}]})
    assert (status, "was already logged with value='1'" in message) == (400, True)
    model = ask(client, "GET", at)["model"]
    assert model["info"]["tags"] == [{"key": "c", "value": "2"}]
    assert model["data"] == {"params": [{"key": "p", "value": "1"}]}


def test_a_deleted_model_is_gone_unless_asked_for(client, experiment):
    model_id = new_model(client, experiment)["model_id"]
    for _ in range(2):
        ask(client, "DELETE", f"{LOGGED}/{model_id}")
    gone = (404, f"Logged model with ID '{model_id}' not found.")
    assert refusal(client, "GET", f"{LOGGED}/{model_id}") == gone
    assert refusal(client, "PATCH", f"{LOGGED}/{model_id}", {"status": 2}) == gone
    asked = ask(client, "GET", f"{LOGGED}/{model_id}", {"allow_deleted": "true"})
    assert asked["model"]["info"]["model_id"] == model_id
    assert ask(client, "POST", f"{LOGGED}/search", {"experiment_ids": [experiment]}) == {}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "Missing value for required parameter 'experiment_id'."),
        ({"experiment_id": "999999"}, 404, "No Experiment with id=999999 exists"),
        ({"experiment_id": "0", "name": "a/b"}, 400, "cannot contain the following characters"),
        ({"experiment_id": "0", "name": "a.b"}, 400, "cannot contain the following characters"),
        ({"experiment_id": "0", "params": [{"key": "", "value": "1"}]}, 400, "'params[0].key'"),
        ({"experiment_id": "0", "params": [{"key": "a"}, {"key": "a"}]}, 400, "Duplicate parameter keys"),
    ],
)
def test_models_that_are_refused(client, body, status, message):
    found = refusal(client, "POST", LOGGED, body)
    assert (found[0], message in found[1]) == (status, True)


def test_metrics_of_a_model_and_search(client, experiment, run):
    first, second = (new_model(client, experiment, name)["model_id"] for name in ("first", "second"))
    for model_id, value, step in ((first, 0.5, 1), (first, "NaN", 2), (second, 0.7, 1)):
        body = {"run_id": run, "key": "acc", "value": value, "timestamp": 10 + step, "step": step}
        ask(client, "POST", f"{MLFLOW}/runs/log-metric", {**body, "model_id": model_id, "dataset_name": "d"})
    metrics = ask(client, "GET", f"{LOGGED}/{first}")["model"]["data"]["metrics"]
    assert [(each["value"], each["step"], each["run_id"], each["dataset_name"]) for each in metrics] == [
        (0.5, 1, run, "d"),
        ("NaN", 2, run, "d"),
    ]

    def found(**wanted):
        body = {"experiment_ids": [experiment], **wanted}
        answer = ask(client, "POST", f"{LOGGED}/search", body)
        return [model["info"]["name"] for model in answer.get("models", [])], answer.get("next_page_token")

    assert found(filter="metrics.acc > 0.6") == (["second"], None)
    assert found(filter="metrics.acc > 0.6", datasets=[{"dataset_name": "other"}]) == ([], None)
    by_name = [{"field_name": "name", "ascending": False}]
    names, token = found(order_by=by_name, max_results=1)
    assert names == ["second"]
    assert found(order_by=by_name, max_results=1, page_token=token) == (["first"], None)
    assert refusal(client, "POST", f"{LOGGED}/search", {})[0] == 400
    unnamed = {"experiment_ids": [experiment], "datasets": [{"dataset_digest": "1"}]}
    assert refusal(client, "POST", f"{LOGGED}/search", unnamed)[1].startswith(
        "`dataset_name` in the `datasets`"
    )


def test_files_of_a_model(client, experiment):
    model = new_model(client, experiment)
    path = model["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for name in ("MLmodel", "data/w.bin"):
        client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}/{name}", content=b"bytes").raise_for_status()
    at = f"{LOGGED}/{model['model_id']}/artifacts/directories"
    listed = ask(client, "GET", at)
    assert listed["root_uri"] == model["artifact_uri"]
    assert listed["files"] == [
        {"path": "MLmodel", "is_dir": False, "file_size": 5},
        {"path": "data", "is_dir": True},
    ]
    below = ask(client, "GET", at, {"artifact_directory_path": "data"})["files"]
    assert below == [{"path": "data/w.bin", "is_dir": False, "file_size": 5}]
    assert refusal(client, "GET", at, {"artifact_directory_path": "../x"}) == (400, "Invalid path")
    files = f"/ajax-api/2.0/mlflow/logged-models/{model['model_id']}/artifacts/files"
    assert client.get(files, params={"artifact_file_path": "data/w.bin"}).content == b"bytes"
    assert refusal(client, "GET", files, {"artifact_file_path": "none"})[0] == 404
    assert (
        refusal(client, "GET", files)[1] == 'Request must include the "artifact_file_path" query parameter.'
    )


def test_outputs_of_a_run(client, experiment, run):
    model_id = new_model(client, experiment)["model_id"]
    for step in (3, 3, 4):
        body = {"run_id": run, "models": [{"model_id": model_id, "step": step}]}
        ask(client, "POST", f"{MLFLOW}/runs/outputs", body)
    outputs = ask(client, "GET", f"{MLFLOW}/runs/get", {"run_id": run})["run"]["outputs"]
    assert outputs == {"model_outputs": [{"model_id": model_id, "step": 4}]}
    shown = ask(client, "GET", f"/api/trackside/v1/runs/{run}")["models"]
    assert [model["model_id"] for model in shown] == [model_id]
    missing = refusal(client, "POST", f"{MLFLOW}/runs/outputs", {"run_id": run})
    assert missing[1].startswith("Missing value for required parameter 'models'.")
    assert refusal(client, "POST", f"{MLFLOW}/runs/outputs", {"run_id": "none", "models": []})[0] == 404


def test_the_history_that_older_clients_keep(client, run):
    flavors = {"pytorch": {"version": "2", "config": {"secret": 1}}}
    model = {
        "run_id": run,
        "artifact_path": "m",
        "utc_time_created": "t",
        "flavors": flavors,
        "mlflow_version": "2",
    }
    for path in ("m", "m", "n" * 9000):
        sent = json.dumps({**model, "artifact_path": path})
        ask(client, "POST", f"{MLFLOW}/runs/log-model", {"run_id": run, "model_json": sent})
    tags = ask(client, "GET", f"{MLFLOW}/runs/get", {"run_id": run})["run"]["data"]["tags"]
    [history] = [json.loads(tag["value"]) for tag in tags if tag["key"] == "mlflow.log-model.history"]
    assert [len(entry["artifact_path"]) for entry in history] == [1, 9000]
    assert history[0] == {
        "run_id": run,
        "artifact_path": "m",
        "utc_time_created": "t",
        "model_uuid": None,
        "flavors": {"pytorch": {"version": "2"}},
    }
    for text, message in (("{", "Malformed model info."), ("{}", "Model json is missing mandatory fields:")):
        found = refusal(client, "POST", f"{MLFLOW}/runs/log-model", {"run_id": run, "model_json": text})
        assert (found[0], found[1].startswith(message)) == (400, True)


# --- mlflow's own client


@pytest.fixture
def tracking(url, monkeypatch):
    """mlflow, set to our server, quick to fail."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment(uuid.uuid4().hex)
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(None)


@pytest.mark.filterwarnings("ignore")  # what mlflow and torch warn of is theirs
def test_a_pytorch_model_goes_from_run_to_registry_and_back(tracking, client):
    import mlflow.pytorch
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU6()).eval()
    batch = torch.rand(2, 4)
    options = {"pip_requirements": ["torch"], "input_example": batch.numpy()}
    name = f"net {uuid.uuid4().hex}"
    with mlflow.start_run() as run:
        info = mlflow.pytorch.log_model(net, name="net", **options)
        mlflow.log_metric("accuracy", math.nan, model_id=info.model_id)
        mlflow.pytorch.log_model(net, "older", registered_model_name=name, **options)
    mlflow.register_model(info.model_uri, name)
    mlflow.register_model(f"runs:/{run.info.run_id}/net", name)
    tracking.set_registered_model_alias(name, "best", "2")
    tracking.transition_model_version_stage(name, "3", "Production")

    def gives_the_same(uri):
        with torch.no_grad():
            return torch.equal(mlflow.pytorch.load_model(uri)(batch), net(batch))

    uris = [info.model_uri, f"runs:/{run.info.run_id}/net"]
    uris += [f"models:/{name}{which}" for which in ("/1", "/latest", "/Production", "@best")]
    assert {uri: gives_the_same(uri) for uri in uris} == dict.fromkeys(uris, True)
    found = tracking.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
    assert [version.run_id for version in found] == [run.info.run_id] * 3
    entity = mlflow.get_logged_model(info.model_id)
    assert entity.status.value == "READY"
    assert json.loads(entity.tags["mlflow.modelVersions"])[0] == {"name": name, "version": 2}
    versions = client.get(f"/api/trackside/v1/runs/{run.info.run_id}").json()["versions"]
    assert versions == [{"name": name, "version": number} for number in "123"]
