"""Nobody reaches another's files or models by what he makes himself."""

from __future__ import annotations

import json

import pytest
from access_server import API, API3, NATIVE, guarded

from trackside.server.mlflow import wire

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
ROLES = f"{API3}/roles"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def experiment(client, name, location=""):
    body = {"name": name, "artifact_location": location}
    return client.post(f"{API}/experiments/create", json=body)


def test_no_location_overlaps_an_experiment_of_somebody_else(server):
    owner, other = server.user("place-owner"), server.user("place-other")
    made = experiment(owner, "placed", "mlflow-artifacts:/team/x").json()["experiment_id"]
    assert owner.put(f"{PROXY}/team/x/f.txt", content=b"mine").status_code == 200
    server.grant("place-other", "experiment", made, "DENY")
    places = [
        *("team/x", "team/x/", "team/x/models", "team", "team/", "", f"{made}", f"{made}/models"),
        *("0", "99", f"00{made}/x"),
    ]
    for number, place in enumerate(places):
        answer = experiment(other, f"taking {number}", f"mlflow-artifacts:/{place}")
        assert answer.status_code == 403, place
    assert other.get(f"{PROXY}/team/x/f.txt").status_code == 403
    server.admin.post(f"{API}/experiments/delete", json={"experiment_id": made})
    assert experiment(other, "taking late", "mlflow-artifacts:/team/x").status_code == 403
    for number, place in enumerate(
        ("mlflow-artifacts:/team/xy", "s3://bucket/team/x", "mlflow-artifacts:/y1")
    ):
        assert experiment(other, f"own {number}", place).status_code == 200, place


@pytest.mark.parametrize(
    "location",
    [
        *("mlflow-artifacts:/./q", "mlflow-artifacts:1/x", "MLFLOW-ARTIFACTS:/1/x", "s3://[::1"),
        *("mlflow-artifacts:/a//b", "mlflow-artifacts:/a/.", "mlflow-artifacts:/a\\b", "mlflow-artifacts:"),
        *("mlflow-artifacts:/%2e%2e/x", "mlflow-artifacts:/C:/x", "mlflow-artifacts:/a\nb"),
    ],
)
def test_a_location_where_no_file_could_be_kept_is_refused(server, location):
    answer = experiment(server.admin, f"nowhere {location!r}", location)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer.json()["message"].startswith("Invalid artifact location: '")


@pytest.mark.parametrize("location", ["mlflow-artifacts:/kept/é b/", "s3://[::1]/x", "/mnt/x", "C:\\x"])
def test_a_location_where_files_can_be_kept_is_taken(server, location):
    assert experiment(server.admin, f"somewhere {location!r}", location).status_code == 200


def test_the_innermost_location_decides(server):
    owner, friend = server.user("nest-owner"), server.user("nest-friend")
    outer = experiment(owner, "outer", "mlflow-artifacts:/nest").json()["experiment_id"]
    inner = experiment(owner, "inner", "mlflow-artifacts:/nest/inside").json()["experiment_id"]
    for path in ("nest/f.txt", "nest/inside/f.txt"):
        assert owner.put(f"{PROXY}/{path}", content=b"mine").status_code == 200
    server.grant("nest-friend", "experiment", outer, "DENY")
    server.grant("nest-friend", "experiment", inner, "READ")
    assert friend.get(f"{PROXY}/nest/inside/f.txt").text == "mine"
    assert friend.get(f"{PROXY}/nest/f.txt").status_code == 403


def test_a_location_in_a_numbered_folder_decides_too(server):
    owner, friend = server.user("number-owner"), server.user("number-friend")
    outer = experiment(owner, "numbered").json()["experiment_id"]
    inner = experiment(owner, "in a number", f"mlflow-artifacts:/{outer}/sub").json()["experiment_id"]
    for path in ("f.txt", "sub/f.txt", "sub/models/m/artifacts/f.txt"):
        assert owner.put(f"{PROXY}/{outer}/{path}", content=b"mine").status_code == 200
    server.grant("number-friend", "experiment", outer, "MANAGE")
    server.grant("number-friend", "experiment", inner, "DENY")
    assert friend.get(f"{PROXY}/{outer}/f.txt").text == "mine"
    assert friend.get(f"{PROXY}/{outer}/sub/f.txt").status_code == 403
    assert friend.get(f"{PROXY}/{outer}/sub/models/m/artifacts/f.txt").status_code == 403
    assert friend.delete(f"{PROXY}/{outer}").status_code == 403  # the inner one's files would go with it
    assert owner.get(f"{PROXY}/{outer}/sub/f.txt").text == "mine"
    assert friend.delete(f"{PROXY}/{outer}/f.txt").status_code == 200


def test_an_ancestor_of_the_location_is_the_root(server):
    owner = server.user("deep-owner")
    outer = experiment(owner, "around deep").json()["experiment_id"]
    number = str(int(outer) + 1)  # kept in a folder of its own folder
    deep = experiment(server.admin, "deep", f"mlflow-artifacts:/{number}/a/b").json()["experiment_id"]
    assert deep == number
    assert server.admin.put(f"{PROXY}/{deep}/a/b/models/m/f.txt", content=b"mine").status_code == 200
    runs_only = with_role(server, "deep-runs", "run", "MANAGE")
    assert runs_only.delete(f"{PROXY}/{deep}/a").status_code == 403
    assert runs_only.delete(f"{PROXY}/{deep}/a/b").status_code == 403
    assert runs_only.delete(f"{PROXY}/{deep}/a/b/some-run").status_code == 200


def with_role(server, name, kind, permission):
    """A user who may do what everybody may, and that to all things of a kind."""
    client = server.user(name)
    body = {"name": f"{name} role", "workspace": "default"}
    role = server.admin.post(f"{ROLES}/create", json=body).json()["role"]["id"]
    held = {"role_id": role, "resource_type": kind, "resource_pattern": "*", "permission": permission}
    assert server.admin.post(f"{ROLES}/permissions/add", json=held).status_code == 200
    body = {"username": name, "role_id": role}
    assert server.admin.post(f"{ROLES}/assign", json=body).status_code == 200
    return client


@pytest.mark.parametrize("place", ["free", "free2/x", "free3/models/x"])
def test_runs_and_models_are_told_apart_below_any_location(server, place):
    short = place.partition("/")[0]
    owner = server.user(f"{short}-owner")
    assert experiment(owner, f"at {short}", f"mlflow-artifacts:/{place}").status_code == 200
    model, file = f"{PROXY}/{place}/models/m/artifacts/secret.txt", f"{PROXY}/{place}/run1/artifacts/f.txt"
    for path in (model, file):
        assert owner.put(path, content=b"mine").status_code == 200
    blind = with_role(server, f"{short}-blind", "logged_model", "DENY")
    assert blind.get(file).text == "mine"
    assert blind.get(model).status_code == 403
    assert blind.get(f"{PROXY}?path={place}").status_code == 403  # it names models
    assert blind.get(f"{PROXY}?path={place}/run1").status_code == 200
    runs_only = with_role(server, f"{short}-runs", "run", "MANAGE")
    assert runs_only.put(f"{PROXY}/{place}/models/evil.txt", content=b"x").status_code == 403
    assert runs_only.delete(f"{PROXY}/{place}").status_code == 403
    assert runs_only.put(f"{PROXY}/{place}/run1/artifacts/g.txt", content=b"x").status_code == 200
    assert owner.get(model).text == "mine"


def test_a_query_says_nothing_of_what_is_deleted(server):
    owner = server.user("query-owner")
    made = experiment(owner, "queried").json()["experiment_id"]
    # The endpoint goes by the address, which names the root of the store here.
    assert owner.delete(f"{PROXY}/", params={"path": f"{made}/x"}).status_code == 403
    assert owner.get(f"{PROXY}/", params={"path": f"{made}/x"}).status_code == 403


def run(client, experiment_id):
    made = client.post(f"{API}/runs/create", json={"experiment_id": experiment_id})
    return made.json()["run"]["info"]["run_id"]


def logged_model(client, experiment_id, **more):
    return client.post(f"{API}/logged-models", json={"experiment_id": experiment_id, "name": "model", **more})


@pytest.fixture(scope="module")
def two(server):
    """A writer with a run, and the id of a model that is not the writer's."""
    owner, writer = server.user("model-owner"), server.user("model-writer")
    theirs = experiment(owner, "theirs").json()["experiment_id"]
    uuid = logged_model(owner, theirs).json()["model"]["info"]["model_id"]
    return writer, run(writer, experiment(writer, "own").json()["experiment_id"]), uuid


SPELLINGS = ("model_id", "modelId", "model\\u0049d", "model\\u005fid", "\\u006dodel_id")


@pytest.mark.parametrize("step", ["0", "null", '"1"', "1.0"])
@pytest.mark.parametrize("spelled", SPELLINGS)
def test_no_spelling_of_a_body_writes_to_a_model_of_somebody_else(server, two, spelled, step):
    writer, uuid, model = two
    metric = f'"key": "acc", "value": 1, "timestamp": 1, "step": {step}, "{spelled}": "{model}"'
    bodies = {
        "log-metric": f'{{"run_id": "{uuid}", {metric}}}',
        "log-batch": f'{{"run_id": "{uuid}", "metrics": [{{{metric}}}]}}',
    }
    for route, body in bodies.items():
        for sent in (body, json.dumps(body)):  # old clients encode twice
            writer.post(f"{API}/runs/{route}", content=sent, headers={"Content-Type": "application/json"})
    shown = server.admin.get(f"{API}/logged-models/{model}").json()["model"]
    assert "metrics" not in shown["data"]


def test_no_model_is_made_in_the_name_of_somebody_elses_run(server):
    owner, other = server.user("run-owner"), server.user("run-other")
    theirs = experiment(owner, "with a run").json()["experiment_id"]
    uuid = run(owner, theirs)
    own = experiment(other, "without one").json()["experiment_id"]
    assert logged_model(other, own, source_run_id=uuid).status_code == 403
    assert logged_model(other, own).status_code == 200
    # An admin may, but the run does not take it for its own either.
    assert logged_model(server.admin, own, source_run_id=uuid).status_code == 200
    assert owner.get(f"{NATIVE}/runs/{uuid}").json()["models"] == []
    mine = logged_model(owner, theirs, source_run_id=uuid).json()["model"]["info"]["model_id"]
    assert [each["model_id"] for each in owner.get(f"{NATIVE}/runs/{uuid}").json()["models"]] == [mine]


def test_guard_and_endpoint_share_one_reading_of_a_body(server, monkeypatch):
    owner = server.user("reader-once")
    made = experiment(owner, "read once").json()["experiment_id"]
    read, parse = [], wire._parsed
    monkeypatch.setattr(wire, "_parsed", lambda body: read.append(body) or parse(body))
    run = owner.post(f"{API}/runs/create", json={"experiment_id": made}).json()["run"]["info"]["run_id"]
    for path, body in (
        ("runs/log-parameter", {"runUuid": run, "key": "k", "value": "v"}),
        ("runs/log-inputs", {"run_id": run, "datasets": []}),
        ("experiments/set-experiment-tag", {"experimentId": made, "key": "k", "value": "v"}),
    ):
        read.clear()
        assert owner.post(f"{API}/{path}", json=body).status_code == 200
        assert len(read) == 1
