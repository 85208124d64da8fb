"""Requests that nobody means well: never a 5xx, never a traceback, nothing half-stored, the server goes on."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest

MLFLOW = "/api/2.0/mlflow"
NATIVE = "/api/trackside/v1"
JSON = {"Content-Type": "application/json"}
DEEP = "[" * 100_000
DIGITS = "9" * 5000
HUGE = 2**70


@pytest.fixture
def run_id(client):
    return client.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]


BODIES = [
    ("runs/create", {"experiment_id": "0", "start_time": HUGE}),
    ("runs/create", {"experiment_id": DIGITS}),
    ("runs/create", {"experiment_id": "0", "user_id": "x" * 1_000_000}),
    ("runs/update", {"run_id": "RUN", "end_time": HUGE}),
    ("runs/log-metric", {"run_id": "RUN", "key": "k", "value": 1, "timestamp": 1, "step": HUGE}),
    ("runs/log-metric", {"run_id": "RUN", "key": "k", "value": [], "timestamp": 1}),
    ("runs/log-metric", {"run_id": "RUN", "key": 7, "value": 1, "timestamp": 1}),
    ("runs/log-metric", {"run_id": ["RUN"], "key": "k", "value": 1, "timestamp": 1}),
    ("runs/log-metric", {"run_id": "RUN", "key": "k", "value": "9" * 5000 + "x", "timestamp": 1}),
    ("runs/log-batch", {"run_id": "RUN", "metrics": {"key": "k"}}),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [7]}),
    ("runs/log-batch", {"run_id": "RUN", "params": [{"key": "a\ud800", "value": "b"}]}),
    ("runs/search", {"experiment_ids": ["0"], "filter": "((((" * 1000}),
    ("runs/search", {"experiment_ids": ["0"], "page_token": "AAAA"}),
    ("runs/search", {"experiment_ids": ["0"], "max_results": -1}),
    ("runs/outputs", {"run_id": "RUN", "models": [{"model_id": "m", "step": HUGE}]}),
    ("experiments/create", {"name": "far", "artifact_location": "s3://" + "x" * 1_000_000}),
    ("model-versions/create", {"name": "m", "source": "http://["}),
    ("model-versions/create", {"name": "m", "source": "models://["}),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_bodies(client, run_id, path, body):
    text = json.dumps(body).replace("RUN", run_id)
    answer = client.post(f"{MLFLOW}/{path}", content=text, headers=JSON)
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert "error_code" in answer.json()
    assert len(answer.content) < 20_000 or len(text) > 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"[]",
        b"\xff\xfe",
        b'"{}"',
        DEEP.encode(),
        b'{"x":' + DEEP.encode(),
        b'{"run_id":' * 5000,
    ],
)
@pytest.mark.parametrize(
    "path", [f"{MLFLOW}/runs/log-metric", f"{MLFLOW}/runs/create", f"{NATIVE}/runs/query"]
)
def test_bodies_that_are_no_objects(client, path, body):
    answer = client.post(path, content=body, headers=JSON)
    # An empty object makes a run in "Default", as in MLflow.
    assert answer.status_code == 400 or (answer.status_code == 200 and path.endswith("runs/create"))


@pytest.mark.parametrize(
    "path",
    [
        f"{MLFLOW}/experiments/get?experiment_id={DIGITS}",
        f"{MLFLOW}/metrics/get-history-bulk?run_id=x&metric_key=k&max_results=-1",
        f"/get-artifact?run_id=x&path={'a/' * 1500}b",
        f"/api/2.0/mlflow-artifacts/artifacts/{'a' * 5000}",
        f"/api/2.0/mlflow-artifacts/artifacts?path={'a' * 5000}",
        "/assets/%00",
        f"/assets/{'a' * 300}",
        "/assets/..%2f..%2fapp.py",
        f"{NATIVE}/events",
        f"{NATIVE}/runs/%00",
    ],
)
def test_addresses(client, path):
    assert 400 <= client.get(path).status_code < 500


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "["},
        {"Origin": "http://["},
        {"Range": f"bytes={DIGITS}-"},
        {"Last-Event-ID": f"0-{DIGITS}"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_headers(client, run_id, headers):
    client.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/f", content=b"x")
    for path in ("/get-artifact", f"{MLFLOW}/runs/get"):
        answer = (
            client.post(path, headers=headers)
            if "Origin" in headers
            else client.get(path, params={"run_id": run_id, "path": "f"}, headers=headers)
        )
        assert answer.status_code < 500
        assert "Traceback" not in answer.text


def test_a_last_event_id_of_nowhere(client):
    with client.stream(
        "GET", f"{NATIVE}/events?topic=models", headers={"Last-Event-ID": f"0-{DIGITS}"}
    ) as stream:
        assert stream.status_code == 200


def test_a_path_of_a_thousand_folders(client):
    deep = "/".join("a" * 1500)
    answer = client.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{deep}", content=b"x")
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid path")


def test_a_web_upload_in_chunks_is_counted(client, run_id):
    def chunks():
        for _ in range(12):
            yield b"x" * 1024**2

    where = {"run_uuid": run_id, "path": "big"}
    answer = client.post("/ajax-api/2.0/mlflow/upload-artifact", params=where, content=chunks())
    assert answer.status_code == 400  # as MLflow, whose client retries no 400
    assert "files" not in client.get(f"{MLFLOW}/artifacts/list", params={"run_id": run_id}).json()


def test_nested_nulls_and_camel_case_are_taken_as_mlflow_takes_them(client, run_id):
    metric = {"key": "k", "value": 1, "timestamp": 1, "step": None, "modelId": ""}
    body = {"runId": run_id, "metrics": [metric], "params": [{"key": "p", "value": None}]}
    answer = client.post(f"{MLFLOW}/runs/log-batch", json=body)
    assert answer.status_code == 200, answer.text
    data = client.get(f"{MLFLOW}/runs/get", params={"run_id": run_id}).json()["run"]["data"]
    assert data["metrics"][0]["step"] == 0
    assert data["params"] == [{"key": "p", "value": ""}]


def test_one_bad_name_or_description_changes_neither(client):
    made = client.post(f"{NATIVE}/experiments", json={"name": "whole"}).json()["experiment_id"]
    answer = client.patch(f"{NATIVE}/experiments/{made}", json={"name": "half", "description": "x" * 20_001})
    assert answer.status_code == 400
    assert client.get(f"{NATIVE}/experiments/{made}").json()["name"] == "whole"


def test_refusals_carry_the_security_headers_too(client):
    answer = client.get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (403, "nosniff")


def test_an_endless_header_ends_the_connection_and_nothing_else(tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-m", "trackside", "server", "--port", "0", "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = server.stdout.readline().split()[3]
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
            with pytest.raises(ConnectionError):
                connection.sendall(b"x" * 100_000_000)
        assert httpx.get(f"{url}/health").text == "OK"
    finally:
        server.kill()
        server.communicate()
