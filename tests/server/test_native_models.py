"""Registered models in the native API: what the UI's model pages ask for and do."""

from __future__ import annotations

import json
import uuid
from urllib.parse import quote

import httpx
import msgspec
import pytest

from trackside.server.native import shapes

ROOT = "/api/trackside/v1"
MLFLOW = "/api/2.0/mlflow"


def as_shape(answer, shape):
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=shape)


def refusal(answer):
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["code"], answer.json()["message"]


@pytest.fixture
def at():
    """A new model's address; its name has what names may have."""
    return f"{ROOT}/models/{quote(f'model 100% «é» #{uuid.uuid4().hex}', safe='')}"


@pytest.fixture
def run(client):
    """A run with a model's folder `net` among its artifacts: its info."""
    made = client.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "run_name": "trained"}).json()[
        "run"
    ]["info"]
    put(client, f"{made['artifact_uri']}/net/MLmodel")
    return made


def put(client, uri):
    path = uri.removeprefix("mlflow-artifacts:/")
    client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=b"flavors: {}\n").raise_for_status()


def new_logged_model(client, run, name):
    body = {"experiment_id": "0", "name": name, "source_run_id": run["run_id"]}
    return client.post(f"{MLFLOW}/logged-models", json=body).json()["model"]["info"]


def register(client, at, **body):
    return client.post(f"{at}/versions", json=body)


def test_a_model_from_first_to_last(client, at):
    name = str(httpx.URL(f"http://h{at}").path).rpartition("/")[2]
    made = as_shape(
        client.post(f"{ROOT}/models", json={"name": name, "description": "d"}), shapes.RegisteredModel
    )
    assert (made.name, made.description, made.versions, made.aliases, made.tags) == (name, "d", [], {}, {})
    assert refusal(client.post(f"{ROOT}/models", json={"name": name}))[1] == "RESOURCE_ALREADY_EXISTS"
    patched = as_shape(client.patch(at, json={"description": "*new*"}), shapes.RegisteredModel)
    assert patched.description == "*new*"
    for key in ("team", "a/b"):
        assert client.put(f"{at}/tags/{quote(key, safe='')}", json={"value": "v"}).json() == {}
    assert client.delete(f"{at}/tags/team").json() == {}
    assert as_shape(client.get(at), shapes.RegisteredModel).tags == {"a/b": "v"}
    assert client.delete(at).json() == {}
    gone = (404, "RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")
    assert refusal(client.get(at)) == gone
    assert refusal(client.delete(at)) == gone


def test_registering_a_runs_folder_makes_the_model(client, at, run):
    answer = register(client, at, run_id=run["run_id"], path="net", description="first")
    version = as_shape(answer, shapes.ModelVersion)
    assert (version.version, version.status, version.stage, version.description) == (
        "1",
        "READY",
        "None",
        "first",
    )
    assert (version.run_id, version.run_name, version.experiment_id) == (run["run_id"], "trained", "0")
    assert (version.source, version.model_id) == (f"{run['artifact_uri']}/net", None)
    again = as_shape(register(client, at, run_id=run["run_id"], path="net/"), shapes.ModelVersion)
    assert (again.version, again.source) == ("2", version.source)
    model = as_shape(client.get(at), shapes.RegisteredModel)
    assert [each.version for each in model.versions] == ["2", "1"]
    shown = as_shape(client.get(f"{ROOT}/runs/{run['run_id']}"), shapes.Run)
    assert shown.versions == [shapes.VersionRef(model.name, "1"), shapes.VersionRef(model.name, "2")]


def test_registering_a_logged_model_by_id_and_by_name(client, at, run):
    logged = new_logged_model(client, run, "best")
    put(client, f"{logged['artifact_uri']}/MLmodel")
    for body in ({"model_id": logged["model_id"]}, {"path": "best"}):
        version = as_shape(register(client, at, run_id=run["run_id"], **body), shapes.ModelVersion)
        assert (version.model_id, version.run_id) == (logged["model_id"], run["run_id"])
        assert version.source == f"models:/{logged['model_id']}"
        file = client.get(f"{at}/versions/{version.version}/artifacts/file?path=MLmodel")
        assert file.text == "flavors: {}\n"
    tags = client.get(f"{MLFLOW}/logged-models/{logged['model_id']}").json()["model"]["info"]["tags"]
    [made_of_it] = [json.loads(tag["value"]) for tag in tags if tag["key"] == "mlflow.modelVersions"]
    assert [each["version"] for each in made_of_it] == [1, 2]


def test_nothing_is_registered_that_is_not_there(client, at, run):
    empty = new_logged_model(client, run, "empty")["model_id"]
    of_run = {"run_id": run["run_id"]}
    for body, message in (
        ({"run_id": "none"}, "Run with id=none not found"),
        ({**of_run, "path": "nets"}, "has no folder 'nets' among its artifacts"),
        ({**of_run, "path": "net/MLmodel"}, "has no folder 'net/MLmodel' among its artifacts"),
        ({**of_run, "path": "empty"}, f"The logged model 'empty' ({empty}) has no files"),
        ({**of_run, "model_id": empty}, f"The logged model 'empty' ({empty}) has no files"),
        ({**of_run, "model_id": "m-none"}, "has no logged model 'm-none'"),
    ):
        status, code, said = refusal(register(client, at, **body))
        assert (status, code, message in said) == (404, "RESOURCE_DOES_NOT_EXIST", True), said
    assert refusal(register(client, at, **of_run, path="../x"))[::2] == (400, "Invalid path")
    assert refusal(register(client, at))[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert refusal(register(client, f"{ROOT}/models/a:b", **of_run, path="net"))[0] == 400
    assert refusal(client.get(at))[0] == 404  # no model without a version was left


def test_a_version_is_changed_tagged_aliased_and_deleted(client, at, run):
    for _ in range(2):
        register(client, at, run_id=run["run_id"], path="net")
    one = f"{at}/versions/1"
    assert as_shape(client.patch(one, json={"description": "x"}), shapes.ModelVersion).description == "x"
    assert client.put(f"{one}/tags/good", json={"value": "yes"}).json() == {}
    assert client.put(f"{one}/tags/bad", json={"value": "no"}).json() == {}
    assert client.delete(f"{one}/tags/bad").json() == {}
    for version in ("2", "1"):
        assert client.put(f"{at}/aliases/champion", json={"version": version}).json() == {}
    assert client.put(f"{at}/aliases/gone", json={"version": "2"}).json() == {}
    assert client.delete(f"{at}/aliases/gone").json() == {}
    got = as_shape(client.get(one), shapes.ModelVersion)
    assert (got.tags, got.aliases) == ({"good": "yes"}, ["champion"])
    assert refusal(client.put(f"{at}/aliases/latest", json={"version": "1"}))[0] == 400
    assert refusal(client.put(f"{at}/aliases/a", json={"version": "9"}))[0] == 404
    assert refusal(client.put(f"{at}/aliases/a", json={"version": 1}))[2].endswith(
        "got `int` - at `$.version`"
    )
    assert client.delete(one).json() == {}
    model = as_shape(client.get(at), shapes.RegisteredModel)
    assert ([each.version for each in model.versions], model.aliases) == (["2"], {})


def test_files_of_a_version(client, at, run):
    put(client, f"{run['artifact_uri']}/net/data/page.html")
    register(client, at, run_id=run["run_id"], path="net")
    files = f"{at}/versions/1/artifacts"
    listed = as_shape(client.get(files), shapes.ArtifactList)
    assert listed.root_uri == f"{run['artifact_uri']}/net"
    assert [(file.path, file.is_dir, file.size_bytes) for file in listed.files] == [
        ("data", True, None),
        ("MLmodel", False, 12),
    ]
    page = client.get(f"{files}/file", params={"path": "data/page.html"})
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert refusal(client.get(f"{files}/file", params={"path": "none"}))[0] == 404
    assert refusal(client.get(f"{at}/versions/9/artifacts"))[0] == 404


def test_the_list_of_models(client, at, run):
    register(client, at, run_id=run["run_id"], path="net")
    register(client, at, run_id=run["run_id"], path="net")
    client.put(f"{at}/aliases/best", json={"version": "1"})
    name = as_shape(client.get(at), shapes.RegisteredModel).name
    client.post(f"{ROOT}/models", json={"name": f"{name} empty"})

    def listed(text):
        return as_shape(
            client.get(f"{ROOT}/models", params={"search": text}), shapes.RegisteredModelList
        ).models

    newest, older = listed(name[-20:].upper())
    assert (newest.name, newest.versions, newest.latest_version) == (f"{name} empty", 0, None)
    assert (older.versions, older.latest_version, older.aliases) == (2, "2", {"best": "1"})
    assert listed('nobody\'s "model" %') == []
    assert len(listed("")) >= 2


def test_models_are_announced(client, url, at, run):
    register(client, at, run_id=run["run_id"], path="net")
    name = as_shape(client.get(at), shapes.RegisteredModel).name
    topics = {"models", f"model:{name}", f"run:{run['run_id']}"}
    query = {"topic": sorted(topics)}
    with (
        httpx.Client(base_url=url, timeout=10) as other,
        other.stream("GET", f"{ROOT}/events", params=query) as events,
    ):
        lines = events.iter_lines()
        next(line for line in lines if line.startswith("id: "))
        register(client, at, run_id=run["run_id"], path="net")
        heard = set()
        while heard != topics:
            line = next(lines)
            if line.startswith("data: ") and line != "data: {}":
                heard |= {json.loads(line[6:])["topic"]} & topics
