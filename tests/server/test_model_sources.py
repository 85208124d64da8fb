"""Where a model version's files may be: clients load code from there, so the source must be what the request names."""

from __future__ import annotations

import uuid

import httpx
import pytest
from live_server import running

from trackside.config import ServerSettings

MLFLOW = "/api/2.0/mlflow"


@pytest.fixture
def places(client):
    """Two runs, a logged model of the first, and a registered model with one version of that run."""

    def made(path, body):
        answer = client.post(f"{MLFLOW}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    one, two = (made("runs/create", {"experiment_id": "0"})["run"]["info"] for _ in range(2))
    model = made("logged-models", {"experiment_id": "0", "source_run_id": one["run_id"]})["model"]["info"]
    names = {
        "RUN1": one["run_id"],
        "RUN2": two["run_id"],
        "ROOT1": one["artifact_uri"],
        "ROOT2": two["artifact_uri"],
        "LOGGED": model["model_id"],
        "FILES": model["artifact_uri"],
        "NAME": f"sources {uuid.uuid4().hex}",
    }
    made("registered-models/create", {"name": names["NAME"]})
    source = f"{names['ROOT1']}/model"
    made("model-versions/create", {"name": names["NAME"], "source": source, "run_id": names["RUN1"]})
    return names


def filled(text, places):
    for name, value in places.items():
        text = text.replace(f"<{name}>", value)
    return text


def create(client, places, source, run_id=None, model_id=None):
    ids = {"run_id": run_id, "model_id": model_id}
    body = {"name": places["NAME"], "source": filled(source, places)}
    body |= {key: filled(value, places) for key, value in ids.items() if value is not None}
    return client.post(f"{MLFLOW}/model-versions/create", json=body)


@pytest.mark.parametrize(
    ("source", "run_id", "model_id", "stored_at"),
    [
        ("s3://bucket/path", None, None, "s3://bucket/path"),
        ("dbfs:/path", "anything", None, "dbfs:/path"),
        ("<ROOT1>/model", "<RUN1>", None, "<ROOT1>/model"),
        ("<ROOT1>", "<RUN1>", None, "<ROOT1>"),
        ("runs:/<RUN1>/a/b", "<RUN1>", None, "runs:/<RUN1>/a/b"),
        ("<FILES>", None, "<LOGGED>", "<FILES>"),
        ("models:/<LOGGED>", None, "<LOGGED>", "<FILES>"),
        ("models:/<NAME>/1", None, None, "<ROOT1>/model"),
        ("models:/<NAME>/1", "<RUN1>", None, "<ROOT1>/model"),
        ("models:/<NAME>/latest", None, None, "<ROOT1>/model"),
        ("models:/<NAME>/None", None, None, "<ROOT1>/model"),
    ],
)
def test_sources_that_are_taken(client, places, source, run_id, model_id, stored_at):
    answer = create(client, places, source, run_id, model_id)
    assert answer.status_code == 200, answer.text
    version = answer.json()["model_version"]
    at = {"name": places["NAME"], "version": version["version"]}
    got = client.get(f"{MLFLOW}/model-versions/get-download-uri", params=at).json()
    assert got["artifact_uri"] == filled(stored_at, places)
    if source.startswith(("models:", "<FILES>", "<ROOT1>", "runs:")):
        assert version["run_id"] == places["RUN1"]  # also when only the source leads there


OF_RUN = "The run_id request parameter must identify the resource that contains the source."
OF_MODEL = "The model_id request parameter must identify the resource that contains the source."
ELSEWHERE = "addresses a host other than the tracking server's configured artifact storage"
RELATIVE = "Please provide an absolute path."
LOCAL = "contained within the artifact directory of the run specified by the"


@pytest.mark.parametrize(
    ("source", "run_id", "model_id", "message"),
    [
        ("/etc/passwd", None, None, LOCAL),
        ("/etc/passwd", "<RUN1>", None, LOCAL),
        ("file:///etc", "<RUN1>", None, LOCAL),
        ("relative/path", "<RUN1>", None, LOCAL),
        ("/etc", None, "<LOGGED>", LOCAL),
        ("s3://bucket", None, None, RELATIVE),
        ("s3://bucket/../other", None, None, RELATIVE),
        ("s3://bucket/%2e%2e/other", None, None, RELATIVE),
        ("s3://bucket/%252e%252e/other", None, None, RELATIVE),
        ("<ROOT1>/../x", "<RUN1>", None, RELATIVE),
        ("<ROOT1>/%2e%2e/x", "<RUN1>", None, RELATIVE),
        ("<ROOT1>/a%00", "<RUN1>", None, RELATIVE),
        ("<ROOT1>/model", None, None, OF_RUN),
        ("<ROOT1>/model", "<RUN2>", None, OF_RUN),
        ("<ROOT1>/model", "0" * 32, None, OF_RUN),
        ("<ROOT1>x/model", "<RUN1>", None, OF_RUN),
        ("mlflow-artifacts:/", "<RUN1>", None, RELATIVE),
        ("mlflow-artifacts://elsewhere/0/<RUN1>/artifacts", "<RUN1>", None, ELSEWHERE),
        ("http://h/api/2.0/mlflow-artifacts/artifacts/0", "<RUN1>", None, ELSEWHERE),
        ("<FILES>", "<RUN1>", None, OF_RUN),
        ("runs:/<RUN1>/model", None, None, OF_RUN),
        ("runs:/<RUN1>/model", "<RUN2>", None, OF_RUN),
        ("runs://host/<RUN1>/model", "<RUN1>", None, OF_RUN),
        ("runs:/", "<RUN1>", None, RELATIVE),
        ("models:/<LOGGED>", None, None, OF_MODEL),
        ("models:/m-other", None, "<LOGGED>", OF_MODEL),
        ("<ROOT1>/model", "<RUN1>", "<LOGGED>", OF_MODEL),
        ("runs:/<RUN1>/model", "<RUN1>", "<LOGGED>", OF_MODEL),
        ("<FILES>", None, "m-other", OF_MODEL),
        ("models:/a/b/c", None, None, OF_MODEL),
        ("models:/<NAME>@", None, None, OF_MODEL),
        ("models://host/<NAME>/1", None, None, "must use the active model registry."),
        ("models:/<NAME>/1", "<RUN2>", None, "must match the referenced model version."),
        ("models:/<NAME>@nobody", None, None, "Registered model alias nobody not found."),
        ("models:/<NAME>/Nowhere", None, None, "Invalid Model Version stage: Nowhere."),
        ("s3://b/" + "%25" * 2000, None, None, "'source' exceeds the maximum length of 4096 characters"),
    ],
)
def test_sources_that_are_refused(client, places, source, run_id, model_id, message):
    answer = create(client, places, source, run_id, model_id)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer.json()["message"]
    [only] = client.get(
        f"{MLFLOW}/model-versions/search", params={"filter": f"name = '{places['NAME']}'"}
    ).json()["model_versions"]
    assert only["version"] == "1"  # nothing was made


@pytest.mark.parametrize("source", ["models:/none/1", "models:/<NAME>/99", "models:/<NAME>/Staging"])
def test_versions_that_are_not_there(client, places, source):
    answer = create(client, places, source)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_pattern_can_limit_sources(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX", "^s3://ours/")
    assert ServerSettings(tmp_path).model_source_pattern == "^s3://ours/"


def test_a_source_that_the_pattern_does_not_match_is_refused(tmp_path):
    settings = ServerSettings(data_dir=tmp_path / "data", port=0, model_source_pattern="^s3://ours/")
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        client.post(f"{MLFLOW}/registered-models/create", json={"name": "n"})
        sent = [{"name": "n", "source": source} for source in ("s3://theirs/a", "s3://ours/a")]
        answers = [client.post(f"{MLFLOW}/model-versions/create", json=body) for body in sent]
    assert [answer.status_code for answer in answers] == [400, 200]
    assert answers[0].json()["message"] == "Invalid model version source: 's3://theirs/a'."
