"""Registered models and their versions: MLflow's endpoints, with MLflow's codes and words."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

MLFLOW = "/api/2.0/mlflow"
MODELS = f"{MLFLOW}/registered-models"
VERSIONS = f"{MLFLOW}/model-versions"
SEE_DOCS = " See the API docs for more information about request parameters."


def ask(client, method, path, body=None):
    """An answer that must be good."""
    sent = {"params": body} if method == "GET" else {"json": body or {}}
    answer = client.request(method, path, **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(client, method, path, body=None):
    """Status, code and message of an answer that must be an error."""
    sent = {"params": body} if method == "GET" else {"json": body or {}}
    answer = client.request(method, path, **sent)
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["error_code"], answer.json()["message"]


@pytest.fixture
def name():
    return f"model {uuid.uuid4().hex}"


@pytest.fixture
def model(client, name):
    ask(client, "POST", f"{MODELS}/create", {"name": name})
    return name


@pytest.fixture
def run(client):
    """A run with a file in its artifact folder `model`: its info."""
    made = ask(client, "POST", f"{MLFLOW}/runs/create", {"experiment_id": "0", "run_name": "trained"})["run"][
        "info"
    ]
    path = made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    put = client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}/model/MLmodel", content=b"flavors: {}\n")
    assert put.status_code == 200
    return made


def add(client, name, source="s3://bucket/model", **more):
    return ask(client, "POST", f"{VERSIONS}/create", {"name": name, "source": source, **more})[
        "model_version"
    ]


# --- models


def test_a_model_is_made_described_tagged_renamed_and_deleted(client, name):
    tags = [{"key": "team", "value": "a"}, {"key": "team", "value": "b"}]
    made = ask(client, "POST", f"{MODELS}/create", {"name": name, "description": "d", "tags": tags})
    assert made["registered_model"].items() >= {"name": name, "description": "d"}.items()
    assert made["registered_model"]["tags"] == [{"key": "team", "value": "b"}]
    ask(client, "POST", f"{MODELS}/set-tag", {"name": name, "key": "k", "value": "v"})
    for _ in range(2):  # deleting a tag that is gone is fine
        ask(client, "DELETE", f"{MODELS}/delete-tag", {"name": name, "key": "team"})
    before = ask(client, "GET", f"{MODELS}/get", {"name": name})["registered_model"]
    assert before["tags"] == [{"key": "k", "value": "v"}]
    assert before["last_updated_timestamp"] == made["registered_model"]["last_updated_timestamp"]
    version = add(client, name)
    ask(client, "PATCH", f"{MODELS}/update", {"name": name, "description": ""})
    ask(client, "POST", f"{MODELS}/rename", {"name": name, "new_name": f"{name} 2"})
    after = ask(client, "GET", f"{MODELS}/get", {"name": f"{name} 2"})["registered_model"]
    assert "description" not in after
    assert [each["name"] for each in after["latest_versions"]] == [f"{name} 2"]
    assert after["latest_versions"][0]["last_updated_timestamp"] >= version["last_updated_timestamp"]
    ask(client, "DELETE", f"{MODELS}/delete", {"name": f"{name} 2"})
    assert ask(client, "GET", f"{VERSIONS}/search", {"filter": f"name = '{name} 2'"}) == {}


def test_models_that_are_not_there(client, model):
    gone = (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=none not found")
    assert refusal(client, "GET", f"{MODELS}/get", {"name": "none"}) == gone
    assert refusal(client, "DELETE", f"{MODELS}/delete", {"name": "none"}) == gone
    assert refusal(client, "PATCH", f"{MODELS}/update", {"name": "none"}) == gone
    assert refusal(client, "POST", f"{MODELS}/set-tag", {"name": "none", "key": "k"}) == gone
    assert refusal(client, "DELETE", f"{MODELS}/delete-tag", {"name": "none", "key": "k"}) == gone
    assert refusal(client, "DELETE", f"{MODELS}/alias", {"name": "none", "alias": "a"}) == gone
    assert refusal(client, "POST", f"{MODELS}/get-latest-versions", {"name": "none"}) == gone
    assert refusal(client, "POST", f"{VERSIONS}/create", {"name": "none", "source": "s3://b/c"}) == gone
    assert refusal(client, "GET", f"{VERSIONS}/get", {"name": model, "version": "1"}) == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        f"Model Version (name={model}, version=1) not found",
    )


def test_a_name_is_taken_once(client, model):
    taken = (400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={model}) already exists.")
    assert refusal(client, "POST", f"{MODELS}/create", {"name": model}) == taken
    ask(client, "POST", f"{MODELS}/create", {"name": f"{model} other"})
    renaming = {"name": f"{model} other", "new_name": model}
    assert refusal(client, "POST", f"{MODELS}/rename", renaming) == taken
    prompt = {"name": model, "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    assert "already taken by a registered model" in refusal(client, "POST", f"{MODELS}/create", prompt)[2]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, f"Missing value for required parameter 'name'.{SEE_DOCS}"),
        ({"name": " "}, "Missing value for required parameter 'name'."),
        ({"name": "a/b"}, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        ({"name": "a:b"}, "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
        ({"name": "n" * 257}, "'name' exceeds the maximum length of 256 characters"),
        (
            {"name": "n", "tags": [{"key": "k" * 251, "value": ""}]},
            "'key' exceeds the maximum length of 250 characters",
        ),
    ],
)
def test_names_and_tags_that_are_refused(client, body, message):
    assert refusal(client, "POST", f"{MODELS}/create", body) == (400, "INVALID_PARAMETER_VALUE", message)


def test_a_name_that_is_a_folders_is_refused(client):
    assert "must not resolve to other names" in refusal(client, "POST", f"{MODELS}/create", {"name": ".."})[2]


def test_search_pages_and_orders(client, name):
    for letter in "abc":
        ask(client, "POST", f"{MODELS}/create", {"name": f"{name} {letter}"})
    ask(client, "PATCH", f"{MODELS}/update", {"name": f"{name} b", "description": "newest"})
    wanted = {"filter": f"name LIKE '{name}%'", "max_results": 2}

    def names(found):
        return [each["name"][-1] for each in found["registered_models"]]

    first = ask(client, "GET", f"{MODELS}/search", wanted)
    assert names(first) == ["a", "b"]
    last = ask(client, "GET", f"{MODELS}/search", {**wanted, "page_token": first["next_page_token"]})
    assert names(last) == ["c"]
    assert "next_page_token" not in last
    by_time = ask(client, "GET", f"{MODELS}/search", {**wanted, "order_by": ["timestamp DESC"]})
    assert names(by_time)[0] == "b"
    full = ask(client, "GET", f"{MODELS}/search", {**wanted, "max_results": 3})
    assert "next_page_token" not in full
    assert refusal(client, "GET", f"{MODELS}/search", {"max_results": 1001}) == (
        400,
        "INVALID_PARAMETER_VALUE",
        f"Invalid value \"1001\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'.{SEE_DOCS}",
    )
    assert refusal(client, "GET", f"{MODELS}/search", {"max_results": 0})[0] == 400


def test_prompts_are_hidden_until_asked_for(client, name):
    tag = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    ask(client, "POST", f"{MODELS}/create", {"name": name, "tags": [tag]})
    assert add(client, name, "dummy-source", tags=[tag])["version"] == "1"
    message = "Invalid prompt source: 's3://b/c'. Prompt sources must use an MLflow placeholder."
    body = {"name": name, "source": "s3://b/c", "tags": [tag]}
    assert refusal(client, "POST", f"{VERSIONS}/create", body)[2] == message
    asked = f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'"
    for noun, path in (("registered_models", MODELS), ("model_versions", VERSIONS)):
        assert ask(client, "GET", f"{path}/search", {"filter": f"name = '{name}'"}) == {}
        assert len(ask(client, "GET", f"{path}/search", {"filter": asked})[noun]) == 1
    assert name not in client.get("/api/trackside/v1/models").text


def test_text_that_no_store_takes_is_a_malformed_body(client):
    answer = client.post(
        f"{MODELS}/create", content=b'{"name": "\\ud800"}', headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


# --- versions


def test_version_numbers_are_never_used_again(client, model):
    assert [add(client, model)["version"] for _ in range(3)] == ["1", "2", "3"]
    for _ in range(2):
        answer = client.request("DELETE", f"{VERSIONS}/delete", json={"name": model, "version": "3"})
    assert answer.status_code == 404
    assert add(client, model)["version"] == "4"


def test_versions_made_at_once_have_numbers_of_their_own(client, model):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: add(client, model)["version"], range(24)))
    assert sorted(made, key=int) == [str(number) for number in range(1, 25)]


def test_a_version_as_mlflow_gives_it(client, model, run):
    source = f"runs:/{run['run_id']}/model"
    made = add(client, model, source, run_id=run["run_id"], tags=[{"key": "t", "value": "1"}])
    times = {"creation_timestamp", "last_updated_timestamp"}
    assert {key: value for key, value in made.items() if key not in times} == {
        "name": model,
        "version": "1",
        "current_stage": "None",
        "description": "",
        "source": source,
        "run_id": run["run_id"],
        "run_link": "",
        "status": "READY",
        "tags": [{"key": "t", "value": "1"}],
    }
    at = {"name": model, "version": "1"}
    assert (
        ask(client, "PATCH", f"{VERSIONS}/update", {**at, "description": "x"})["model_version"]["description"]
        == "x"
    )
    assert "description" not in ask(client, "PATCH", f"{VERSIONS}/update", at)["model_version"]
    ask(client, "POST", f"{VERSIONS}/set-tag", {**at, "key": "k", "value": "v"})
    for _ in range(2):
        ask(client, "DELETE", f"{VERSIONS}/delete-tag", {**at, "key": "t"})
    got = ask(client, "GET", f"{VERSIONS}/get", at)["model_version"]
    assert got["tags"] == [{"key": "k", "value": "v"}]
    assert ask(client, "GET", f"{VERSIONS}/get-download-uri", at) == {"artifact_uri": source}


def test_a_versions_file_is_read_through_the_server(client, model, run):
    add(client, model, f"{run['artifact_uri']}/model", run_id=run["run_id"])
    add(client, model, f"runs:/{run['run_id']}/model", run_id=run["run_id"])
    for version in ("1", "2"):
        at = {"name": model, "version": version, "path": "MLmodel"}
        answer = client.get("/model-versions/get-artifact", params=at)
        assert answer.text == "flavors: {}\n"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert refusal(client, "GET", "/model-versions/get-artifact", {**at, "path": "none"})[0] == 404
        escaped = {**at, "path": "%252e%252e/x"}
        assert refusal(client, "GET", "/model-versions/get-artifact", escaped)[::2] == (400, "Invalid path")


def test_stages(client, model):
    for _ in range(3):
        add(client, model)

    def move(version, stage, **more):
        body = {"name": model, "version": version, "stage": stage, **more}
        return ask(client, "POST", f"{VERSIONS}/transition-stage", body)["model_version"]["current_stage"]

    assert move("1", "pRoduction") == "Production"
    assert move("2", "Production", archive_existing_versions=True) == "Production"
    latest = ask(client, "GET", f"{MODELS}/get-latest-versions", {"name": model})["model_versions"]
    assert {each["current_stage"]: each["version"] for each in latest} == {
        "Archived": "1",
        "Production": "2",
        "None": "3",
    }
    body = {"name": model, "stages": ["production"]}
    [only] = ask(client, "POST", f"{MODELS}/get-latest-versions", body)["model_versions"]
    assert only["version"] == "2"
    wrong = "Invalid Model Version stage: no. Value must be one of None, Staging, Production, Archived."
    body = {"name": model, "version": "1", "stage": "no"}
    assert refusal(client, "POST", f"{VERSIONS}/transition-stage", body)[2] == wrong
    body = {"name": model, "version": "1", "stage": "None", "archive_existing_versions": True}
    # 400, where MLflow has 500: its client would send it again for minutes.
    assert refusal(client, "POST", f"{VERSIONS}/transition-stage", body)[:2] == (
        400,
        "INVALID_PARAMETER_VALUE",
    )


def test_aliases_move_and_go_with_their_version(client, model):
    for _ in range(2):
        add(client, model)
    for version in ("1", "2"):
        ask(client, "POST", f"{MODELS}/alias", {"name": model, "alias": "champion", "version": version})
    ask(client, "POST", f"{MODELS}/alias", {"name": model, "alias": "v1x", "version": "1"})
    at = {"name": model, "alias": "champion"}
    assert ask(client, "GET", f"{MODELS}/alias", at)["model_version"].items() >= {"version": "2"}.items()
    assert ask(client, "GET", f"{MODELS}/alias", {**at, "alias": "latest"})["model_version"]["version"] == "2"
    got = ask(client, "GET", f"{MODELS}/get", {"name": model})["registered_model"]
    assert got["aliases"] == [{"alias": "champion", "version": "2"}, {"alias": "v1x", "version": "1"}]
    for version, alias in (("1", "v1x"), ("2", "champion")):
        one = ask(client, "GET", f"{VERSIONS}/get", {"name": model, "version": version})["model_version"]
        assert one["aliases"] == [alias]
    ask(client, "DELETE", f"{VERSIONS}/delete", {"name": model, "version": "2"})
    unknown = (400, "INVALID_PARAMETER_VALUE", "Registered model alias champion not found.")
    assert refusal(client, "GET", f"{MODELS}/alias", at) == unknown
    ask(client, "DELETE", f"{MODELS}/alias", at)


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("Latest", "'latest' alias name (case insensitive) is reserved."),
        ("V12", "Version alias name 'V12' is reserved."),
        (
            "a b",
            "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
        ),
        ("a" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
    ],
)
def test_aliases_that_are_refused(client, model, alias, message):
    add(client, model)
    body = {"name": model, "alias": alias, "version": "1"}
    assert refusal(client, "POST", f"{MODELS}/alias", body) == (400, "INVALID_PARAMETER_VALUE", message)


def test_version_search(client, model, run):
    add(client, model, "s3://b/first", tags=[{"key": "good", "value": "yes"}])
    add(client, model, f"{run['artifact_uri']}/model", run_id=run["run_id"])
    add(client, model, "s3://b/third")

    def numbers(text, **more):
        asked = {"filter": text, **more}
        return [
            each["version"]
            for each in ask(client, "GET", f"{VERSIONS}/search", asked).get("model_versions", [])
        ]

    named = f"name = '{model}'"
    assert numbers(named, order_by=["version_number ASC"]) == ["1", "2", "3"]
    assert numbers(f"run_id = '{run['run_id']}'") == ["2"]
    assert numbers(f"{named} AND source_path LIKE 's3%' AND version_number > 1") == ["3"]
    assert numbers(f"{named} AND tags.good = 'yes'") == ["1"]
    assert refusal(client, "GET", f"{VERSIONS}/search", {"max_results": 200_001})[0] == 400
    assert (
        refusal(client, "GET", f"{VERSIONS}/search", {"filter": "color = 'red'"})[1]
        == "INVALID_PARAMETER_VALUE"
    )
