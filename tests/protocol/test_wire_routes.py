"""Routes, pages, headers and connections, as MLflow 3.17.2 has them."""

import http.client
import json
import uuid

import httpx
import pytest
from servers import Server
from wire import API, new_experiment, new_run, refused

INVALID = "INVALID_PARAMETER_VALUE"
SIX = [[step, 0, float(step)] for step in range(6)]


@pytest.fixture
def run(http: httpx.Client) -> str:
    return new_run(http, new_experiment(http, f"routes {uuid.uuid4().hex}"))


@pytest.fixture
def series(http: httpx.Client, run: str) -> dict[str, str]:
    """The query for a metric of six points."""
    points = [{"key": "m", "value": value, "timestamp": timestamp, "step": 0} for timestamp, _, value in SIX]
    assert http.post(f"{API}/runs/log-batch", json={"run_id": run, "metrics": points}).status_code == 200
    return {"run_id": run, "metric_key": "m"}


def test_history_in_pages(http: httpx.Client, series: dict[str, str]) -> None:
    seen, token = [], ""
    for _ in range(3):
        query = {**series, "max_results": "2", **({"page_token": token} if token else {})}
        page = http.get(f"{API}/metrics/get-history", params=query).json()
        seen += [point["timestamp"] for point in page["metrics"]]
        token = page.get("next_page_token", "")
    assert seen == [0, 1, 2, 3, 4, 5]
    assert token == "", "the last page is exactly full, and there is nothing behind it"


def test_history_of_an_absent_key(http: httpx.Client, run: str) -> None:
    answer = http.get(f"{API}/metrics/get-history", params={"run_id": run, "metric_key": "never"})
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            {"max_results": "0"},
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer",
        ),
        ({"max_results": "2", "page_token": "zz"}, "Invalid page token, could not base64-decode"),
        ({"metric_key": ""}, "Missing value for required parameter 'metric_key'."),
        ({"run_id": ""}, "Missing value for required parameter 'run_id'."),
    ],
)
def test_a_bad_question_about_history(
    http: httpx.Client, series: dict[str, str], query: dict[str, str], words: str
) -> None:
    refused(http.get(f"{API}/metrics/get-history", params={**series, **query}), 400, INVALID, words)


def test_the_prefix_of_the_web_ui_is_the_same_surface(http: httpx.Client, run: str) -> None:
    query = {"run_id": run}
    one, two = (http.get(f"{prefix}/2.0/mlflow/runs/get", params=query) for prefix in ("/api", "/ajax-api"))
    assert one.status_code == 200
    assert one.json() == two.json()


def test_a_list_in_the_query(http: httpx.Client) -> None:
    mark = uuid.uuid4().hex
    names = [f"{letter} {mark}" for letter in "ab"]
    for name in names:
        new_experiment(http, name)
    orders = [("order_by", "name DESC"), ("order_by", "experiment_id ASC")]
    asked = {"max_results": "1000", "view_type": "ACTIVE_ONLY", "filter": f"name LIKE '%{mark}'"}
    query = httpx.QueryParams([*asked.items(), *orders])
    found = http.get(f"{API}/experiments/search", params=query).json()["experiments"]
    assert [item["name"] for item in found if item["name"] in names] == names[::-1]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("POST", "/nope"), ("POST", "/runs/create/more")]
)
def test_an_unknown_route_is_no_json(http: httpx.Client, method: str, path: str) -> None:
    """The client takes this for ENDPOINT_NOT_FOUND, by which it falls back to older routes."""
    answer = http.request(method, API + path, json={})
    assert answer.status_code == 404
    assert "json" not in answer.headers.get("content-type", "")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method(http: httpx.Client, method: str) -> None:
    answer = http.request(method, f"{API}/runs/create")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert "json" not in answer.headers.get("content-type", "")


def test_health_and_version(http: httpx.Client) -> None:
    health, version = http.get("/health"), http.get("/version")
    assert (health.status_code, health.text) == (200, "OK")
    assert http.head("/health").status_code == 200
    # What a client compares with releases: numbers, not a page.
    assert version.status_code == 200
    assert [part.isdigit() for part in version.text.split(".")[:2]] == [True, True]


@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_server_info(http: httpx.Client, prefix: str) -> None:
    info = http.get(f"{prefix}/3.0/mlflow/server-info").json()
    assert info["store_type"] == "SqlStore"
    assert info["workspaces_enabled"] is False
    assert info["multipart_uploads_enabled"] is False
    assert info["multipart_downloads_enabled"] is False
    assert isinstance(info["features_enabled"], dict)


def test_a_workspace_is_refused_not_ignored(http: httpx.Client) -> None:
    query, header = {"experiment_id": "0"}, {"X-MLFLOW-WORKSPACE": "team"}
    answer = http.get(f"{API}/experiments/get", params=query, headers=header)
    assert answer.status_code >= 400
    assert answer.json()["error_code"] == "FEATURE_DISABLED"


def test_a_foreign_host_is_refused(http: httpx.Client) -> None:
    answer = http.get(
        f"{API}/experiments/get", params={"experiment_id": "0"}, headers={"Host": "evil.example"}
    )
    assert answer.status_code == 403
    assert "Invalid Host header" in answer.text
    assert http.get("/health", headers={"Host": "evil.example"}).status_code == 200


def test_another_site_cannot_write(http: httpx.Client, run: str) -> None:
    body = {"run_id": run, "key": "a", "value": "b"}
    foreign = http.post(f"{API}/runs/set-tag", json=body, headers={"Origin": "http://evil.example"})
    assert (foreign.status_code, foreign.text) == (403, "Cross-origin request blocked")
    assert (
        http.post(f"{API}/runs/set-tag", json=body, headers={"Origin": "http://localhost:3000"}).status_code
        == 200
    )
    read = http.get(f"{API}/runs/get", params={"run_id": run}, headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in read.headers


@pytest.mark.parametrize(
    "path", ["/health", "/api/2.0/mlflow/nope", "/api/2.0/mlflow/experiments/get?experiment_id=0"]
)
def test_headers_on_everything(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_connection_outlives_errors(server: Server) -> None:
    """Every answer comes over one connection: http.client raises if the server has closed it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
    connection.connect()
    connection.auto_open = 0
    asked = [
        ("POST", f"{API}/runs/log-metric", b"{oops", 400),
        ("POST", f"{API}/nope", b'{"a": "' + b"x" * 100_000 + b'"}', 404),
        ("GET", f"{API}/runs/get?run_id=zz", b"", 404),
        ("PUT", f"{API}/runs/create", b"x" * 1000, 405),
        ("POST", f"{API}/runs/create", b'{"experiment_id": "99999"}', 404),
        ("GET", "/health", b"", 200),
    ]
    for method, path, body, status in asked:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, path
    connection.close()
