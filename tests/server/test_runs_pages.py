"""Pages of runs over the wire: tokens, ours and MLflow's, and columns of a metric's least and greatest value."""

from __future__ import annotations

import base64
import json
import time

import pytest

from trackside.core import rankings

MLFLOW = "/api/2.0/mlflow"
NATIVE = "/api/trackside/v1"
RUNS = 23


@pytest.fixture(scope="module")
def experiment(url):
    import httpx

    with httpx.Client(base_url=f"{url}{MLFLOW}") as client:
        made = client.post("/experiments/create", json={"name": "pages"}).json()["experiment_id"]
        for number in range(RUNS):
            run = client.post("/runs/create", json={"experiment_id": made, "start_time": 1 + number // 4})
            values = [
                {"key": "loss", "value": value, "timestamp": 10 + step, "step": step}
                for step, value in enumerate([number % 7 + 1, number % 7 + 9, number % 7])
            ]
            body = {"run_id": run.json()["run"]["info"]["run_id"], "metrics": values if number % 5 else []}
            assert client.post("/runs/log-batch", json=body).status_code == 200
        yield made


def token(**content) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def search(client, experiment, **given):
    answer = client.post(f"{MLFLOW}/runs/search", json={"experiment_ids": [experiment], **given})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return [run["info"]["run_id"] for run in found.get("runs", [])], found.get("next_page_token", "")


def walk(client, experiment, size, **given):
    seen, at = search(client, experiment, max_results=size, **given)
    while at:
        more, at = search(client, experiment, max_results=size, page_token=at, **given)
        seen += more
    return seen


@pytest.mark.parametrize("order_by", [[], ["metrics.loss DESC"], ["min(metrics.loss)", "start_time"]])
@pytest.mark.parametrize("large", [1000, 0])
def test_pages_by_tokens_are_one_page(server, client, experiment, monkeypatch, order_by, large):
    monkeypatch.setattr(rankings, "LARGE", large)
    whole, _ = search(client, experiment, order_by=order_by)
    assert len(whole) == RUNS
    assert walk(client, experiment, 4, order_by=order_by) == whole
    deadline = time.monotonic() + 10
    while server[1].rankings._wanted and time.monotonic() < deadline:
        time.sleep(0.01)  # the order is being indexed
    assert walk(client, experiment, 4, order_by=order_by) == whole
    by_offset, _ = search(client, experiment, order_by=order_by, max_results=5, page_token=token(offset=7))
    assert by_offset == whole[7:12]


def test_a_token_of_another_order_counts_as_its_offset(client, experiment):
    _, at = search(client, experiment, max_results=4)
    whole, _ = search(client, experiment, order_by=["metrics.loss"])
    assert (
        search(client, experiment, max_results=4, page_token=at, order_by=["metrics.loss"])[0] == whole[4:8]
    )


@pytest.mark.parametrize("after", [5, "???", None, ["x"], "YQ"])
def test_a_broken_token_is_refused(client, experiment, after):
    body = {"experiment_ids": [experiment], "page_token": token(offset=1, after=after)}
    answer = client.post(f"{MLFLOW}/runs/search", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid page token, decoded value=")


def test_a_place_that_no_server_gave_is_an_offset(client, experiment):
    whole, _ = search(client, experiment)
    made_up = base64.b64encode(b"x" * 40).decode()
    found, _ = search(client, experiment, page_token=token(offset=3, after=made_up), max_results=2)
    assert found == whole[3:5]


def test_columns_of_a_metric(client, experiment):
    columns = ["metrics.loss", "last(metrics.loss)", "min(metrics.loss)", "max(metrics.loss)"]
    body = {
        "experiment_ids": [experiment],
        "filter": "min(metrics.loss) < 6.5",
        "order_by": ["max(metrics.loss) DESC"],
        "columns": [*columns, "attributes.last_logged"],
        "limit": 2,
    }
    page = client.post(f"{NATIVE}/runs/query", json=body).json()
    cells = [page["cells"][column] for column in columns]
    assert cells == [[6, 6], [6, 6], [6, 6], [15, 15]]
    assert page["cells"]["attributes.last_logged"] == [12, 12]
    bare = client.post(f"{NATIVE}/runs/query", json={**body, "filter": "metrics.loss IS NULL"}).json()
    assert bare["cells"]["min(metrics.loss)"] == [None] * 2
    for column in ("len(metrics.loss)", "min(params.lr)"):
        refused = client.post(f"{NATIVE}/runs/query", json={**body, "columns": [column]})
        assert (refused.status_code, column in refused.json()["message"]) == (400, True)


def test_columns_of_odd_names_and_values(client):
    made = client.post(f"{MLFLOW}/experiments/create", json={"name": "odd columns"}).json()["experiment_id"]
    run = client.post(f"{MLFLOW}/runs/create", json={"experiment_id": made}).json()["run"]["info"]["run_id"]
    logged = [("val loss", 3.0), ("val loss", 1.0), ("val loss", 2.0), ("val loss", "NaN"), ("never", "NaN")]
    metrics = [
        {"key": key, "value": value, "timestamp": 1, "step": step} for step, (key, value) in enumerate(logged)
    ]
    body = {"run_id": run, "metrics": metrics, "params": [{"key": "batch-size", "value": "8"}]}
    assert client.post(f"{MLFLOW}/runs/log-batch", json=body).status_code == 200
    expected = {
        "metrics.`val loss`": "NaN",
        "metrics.val loss": "NaN",
        "min(metrics.`val loss`)": 1,
        'max(metrics."val loss")': 3,
        "metrics.never": "NaN",
        "min(metrics.never)": None,
        "max(metrics.missing)": None,
        "params.`batch-size`": "8",
    }
    asked = {
        "experiment_ids": [made],
        "columns": [*expected],
        "order_by": ["min(metrics.`val loss`) ASC", "max(metrics.never) DESC"],
    }
    page = client.post(f"{NATIVE}/runs/query", json=asked).json()
    assert page["cells"] == {column: [value] for column, value in expected.items()}
    refused = client.post(f"{NATIVE}/runs/query", json={**asked, "columns": ["metrics.loss"] * 501})
    assert (refused.status_code, "500 columns" in refused.json()["message"]) == (400, True)
