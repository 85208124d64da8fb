"""What still shows of runs and versions that are denied where the experiment or model may be read: nothing."""

from __future__ import annotations

import json

import pytest
from access_server import API, NATIVE, guarded

PROMPT = "mlflow.prompt.is_prompt"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def experiment(client, name):
    return client.post(f"{API}/experiments/create", json={"name": name}).json()["experiment_id"]


def run(client, experiment_id, **more):
    made = client.post(f"{API}/runs/create", json={"experiment_id": experiment_id, **more})
    return made.json()["run"]["info"]["run_id"]


def model(client, name, **more):
    return client.post(f"{API}/registered-models/create", json={"name": name, **more})


def test_where_runs_are_denied_nothing_tells_of_them(server):
    owner, denied = server.user("run-owner"), server.user("run-denied")
    made = experiment(owner, "with hidden runs")
    uuid = run(owner, made, start_time=1000)
    body = {"run_id": uuid, "metrics": [{"key": "loss", "value": 1, "timestamp": 1}]}
    body |= {"params": [{"key": "lr", "value": "1"}], "tags": [{"key": "team", "value": "x"}]}
    assert owner.post(f"{API}/runs/log-batch", json=body).status_code == 200
    dataset = {"name": "food", "digest": "d", "source_type": "local", "source": "s"}
    inputs = {"run_id": uuid, "datasets": [{"dataset": dataset}]}
    assert owner.post(f"{API}/runs/log-inputs", json=inputs).status_code == 200
    server.grant("run-denied", "run", "*", "DENY")

    def told(client):
        one = client.get(f"{NATIVE}/experiments/{made}").json()
        listed = client.get(f"{NATIVE}/experiments").json()["experiments"]
        [in_list] = [each for each in listed if each["experiment_id"] == made]
        assert one == in_list
        columns = client.get(f"{NATIVE}/experiments/{made}/columns").json()
        search = {"experiment_ids": [made]}
        used = client.post("/ajax-api/2.0/mlflow/experiments/search-datasets", json=search)
        return one["runs"], one["running"], one["last_activity_ms"], columns, used.json()

    names = {"metrics": ["loss"], "params": ["lr"], "tags": ["mlflow.runName", "team"]}
    used = {"dataset_summaries": [{"experiment_id": made, "name": "food", "digest": "d"}]}
    shown = told(owner)
    assert shown == (1, 1, 1000, names, used)
    assert told(denied) == (0, 0, None, {"metrics": [], "params": [], "tags": []}, {})


def test_where_runs_are_denied_no_live_update_tells_of_them(server):
    owner, denied = server.user("update-owner"), server.user("update-denied")
    made = experiment(owner, "with hidden updates")
    server.grant("update-denied", "run", "*", "DENY")
    topics = [("topic", f"experiment:{made}"), ("topic", "experiments")]

    def first(client):
        with client.stream("GET", f"{NATIVE}/events", params=topics, timeout=10) as stream:
            assert stream.status_code == 200
            lines = stream.iter_lines()
            assert next(lines).startswith("retry")
            # In this order: of the run, then of the list of experiments.
            run(owner, made)
            return json.loads(next(line for line in lines if line.startswith("data: "))[6:])["topic"]

    assert first(owner) == f"experiment:{made}"
    assert first(denied) == "experiments"


def test_where_runs_are_denied_logged_models_name_none(server):
    owner, denied = server.user("source-owner"), server.user("source-denied")
    made = experiment(owner, "with hidden sources")
    uuid = run(owner, made)
    body = {"experiment_id": made, "name": "m", "source_run_id": uuid}
    number = owner.post(f"{API}/logged-models", json=body).json()["model"]["info"]["model_id"]
    metric = {"run_id": uuid, "key": "acc", "value": 1, "timestamp": 1, "model_id": number}
    assert owner.post(f"{API}/runs/log-metric", json=metric).status_code == 200
    server.grant("source-denied", "run", "*", "DENY")
    server.grant("source-denied", "experiment", made, "EDIT")
    search, one = f"{API}/logged-models/search", f"{API}/logged-models/{number}"

    def answers(client):
        yield client.get(one).json()["model"]
        [found] = client.post(search, json={"experiment_ids": [made]}).json()["models"]
        yield found
        yield client.patch(one, json={"status": "LOGGED_MODEL_READY"}).json()["model"]

    for shown in answers(owner):
        assert shown["info"]["source_run_id"] == shown["data"]["metrics"][0]["run_id"] == uuid
    for shown in answers(denied):
        assert (shown["info"]["name"], shown["data"]["metrics"][0]["key"]) == ("m", "acc")
        assert uuid not in json.dumps(shown)
    for wanted in (f"source_run_id = '{uuid}'", f"attributes.`source_run_id` = '{uuid}'"):
        asked = {"experiment_ids": [made], "filter": wanted}
        assert len(owner.post(search, json=asked).json()["models"]) == 1
        assert denied.post(search, json=asked).status_code == 403


def test_where_versions_are_denied_models_show_none(server):
    denied = server.user("version-denied")
    prompt = [{"key": PROMPT, "value": "true"}]
    for name, tags in (("has-versions", []), ("has-prompts", prompt)):
        assert model(server.admin, name, tags=tags).status_code == 200
        version = {"name": name, "source": "prompt-template" if tags else "s3://bucket/m", "tags": tags}
        assert server.admin.post(f"{API}/model-versions/create", json=version).status_code == 200
        alias = {"name": name, "alias": "best", "version": "1"}
        assert server.admin.post(f"{API}/registered-models/alias", json=alias).status_code == 200
    server.grant("version-denied", "registered_model_version", "*", "DENY")
    server.grant("version-denied", "registered_model", "*", "EDIT")

    def answers(client, name):
        asked = {"filter": f"name = '{name}'"}
        if name == "has-prompts":
            asked["filter"] += f" AND tags.`{PROMPT}` = 'true'"
        yield client.get(f"{API}/registered-models/get", params={"name": name}).json()["registered_model"]
        [found] = client.get(f"{API}/registered-models/search", params=asked).json()["registered_models"]
        yield found
        if client is denied and name == "has-prompts":
            return
        change = {"name": name, "description": "d"}
        yield client.patch(f"{API}/registered-models/update", json=change).json()["registered_model"]
        same = {"name": name, "new_name": name}
        yield client.post(f"{API}/registered-models/rename", json=same).json()["registered_model"]

    def versions(client, name):
        return [len(each.get("latest_versions", [])) for each in answers(client, name)]

    assert versions(server.admin, "has-versions") == [1, 1, 1, 1]
    assert versions(denied, "has-versions") == [0, 0, 0, 0]
    assert versions(denied, "has-prompts") == [1, 1], "prompts' versions are granted apart"
    server.grant("version-denied", "prompt_version", "*", "DENY")
    assert versions(denied, "has-prompts") == [0, 0]
    for client, count, newest in ((server.admin, 1, "1"), (denied, 0, None)):
        assert len(client.get(f"{NATIVE}/models/has-versions").json()["versions"]) == count
        [listed] = client.get(f"{NATIVE}/models", params={"search": "has-versions"}).json()["models"]
        assert (listed["versions"], listed["latest_version"]) == (count, newest)
        assert listed["aliases"] == {"best": "1"}, "an alias is the model's, as in MLflow"
