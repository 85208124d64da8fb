"""How much one request may hold, and how long names and values may be: MLflow's limits, in its words."""

from typing import Any

import httpx
import pytest
from wire import API, fill, refused

INVALID = "INVALID_PARAMETER_VALUE"
LONG = "exceeds the maximum length of"
SPLIT = "across multiple requests and try again."


def metrics(count: int) -> list[dict[str, Any]]:
    return [{"key": f"m{number}", "value": 1, "timestamp": 1} for number in range(count)]


def pairs(count: int) -> list[dict[str, str]]:
    return [{"key": f"k{number}", "value": "1"} for number in range(count)]


def one(key: str, value: str = "v") -> list[dict[str, str]]:
    return [{"key": key, "value": value}]


@pytest.mark.parametrize(
    "batch",
    [
        {"metrics": metrics(1000)},
        {"params": pairs(100)},
        {"tags": pairs(100)},
        {"metrics": metrics(800), "params": pairs(100), "tags": pairs(100)},
        {
            "metrics": [{"key": "k" * 250, "value": 1, "timestamp": 1}],
            "params": one("k" * 250),
            "tags": one("k" * 250),
        },
        {"params": one("p", "v" * 6000), "tags": one("t", "v" * 8000)},
        {"tags": [*one("t", "1"), *one("t", "2")]},
        {},
    ],
    ids="-".join,
)
def test_a_batch_at_the_limit_is_taken(
    http: httpx.Client, places: dict[str, str], batch: dict[str, Any]
) -> None:
    assert http.post(f"{API}/runs/log-batch", json={"run_id": places["run"], **batch}).status_code == 200


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (
            {"metrics": metrics(1001)},
            (
                "A batch logging request can contain at most 1000 metrics. Got 1001 metrics."
                f" Please split up metrics {SPLIT}"
            ),
        ),
        (
            {"params": pairs(101)},
            f"A batch logging request can contain at most 100 params. Got 101 params. Please split up params {SPLIT}",
        ),
        (
            {"tags": pairs(101)},
            f"A batch logging request can contain at most 100 tags. Got 101 tags. Please split up tags {SPLIT}",
        ),
        (
            {"metrics": metrics(801), "params": pairs(100), "tags": pairs(100)},
            (
                "A batch logging request can contain at most 1000 metrics, params, and tags."
                f" Got 1001 metrics, params, and tags. Please split up metrics, params, and tags {SPLIT}"
            ),
        ),
        (
            {"metrics": [{"key": "k" * 251, "value": 1, "timestamp": 1}]},
            f"'Metric name' {LONG} 250 characters",
        ),
        ({"params": one("k" * 251)}, f"'Param key' {LONG} 250 characters"),
        ({"tags": one("k" * 251)}, f"'tags[0].key' {LONG} 250 characters"),
        (
            {"params": [*pairs(3), *pairs(2)]},
            (
                "Duplicate parameter keys have been submitted: ['k0', 'k1']. Please ensure the request contains only one"
                " param value per param key."
            ),
        ),
        (
            {"metrics": [{"value": 1, "timestamp": 1}]},
            "Missing value for required parameter 'metrics[0].key'.",
        ),
        ({"params": [*pairs(1), {"value": "1"}]}, "Missing value for required parameter 'params[1].key'."),
        ({"tags": one("")}, "Missing value for required parameter 'tags[0].key'."),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_batch_beyond_the_limit_is_refused(
    http: httpx.Client, places: dict[str, str], batch: dict[str, Any], words: str
) -> None:
    refused(http.post(f"{API}/runs/log-batch", json={"run_id": places["run"], **batch}), 400, INVALID, words)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (
            "runs/log-parameter",
            {"run_id": "{run}", "key": "k" * 251, "value": "v"},
            f"'Param key' {LONG} 250",
        ),
        ("runs/set-tag", {"run_id": "{run}", "key": "k" * 251, "value": "v"}, f"'key' {LONG} 250"),
        (
            "runs/log-metric",
            {"run_id": "{run}", "key": "k" * 251, "value": 1, "timestamp": 1},
            f"'Metric name' {LONG} 250",
        ),
        ("experiments/create", {"name": "e" * 501}, f"'name' {LONG} 500"),
        (
            "experiments/set-experiment-tag",
            {"experiment_id": "{experiment}", "key": "k", "value": "v" * 20_001},
            f"'value' {LONG} 20000",
        ),
        (
            "experiments/set-experiment-tag",
            {"experiment_id": "{experiment}", "key": "k" * 251, "value": "v"},
            f"'key' {LONG} 250",
        ),
    ],
)
def test_what_is_too_long_is_refused(
    http: httpx.Client, places: dict[str, str], path: str, body: dict[str, Any], words: str
) -> None:
    refused(http.post(f"{API}/{path}", json=fill(body, places)), 400, INVALID, f"{words} characters")


def test_long_params_and_tags_are_cut(http: httpx.Client, places: dict[str, str]) -> None:
    run = {"run_id": places["run"]}
    batch = {"params": one("batch", "v" * 6001), "tags": one("batch", "v" * 8001)}
    assert http.post(f"{API}/runs/log-batch", json={**run, **batch}).status_code == 200
    for path, length in (("log-parameter", 6001), ("set-tag", 8001)):
        body = {**run, "key": "alone", "value": "v" * length}
        assert http.post(f"{API}/runs/{path}", json=body).status_code == 200
    data = http.get(f"{API}/runs/get", params=run).json()["run"]["data"]
    assert {param["key"]: len(param["value"]) for param in data["params"]} == {"batch": 6000, "alone": 6000}
    lengths = {tag["key"]: len(tag["value"]) for tag in data["tags"]}
    assert (lengths["batch"], lengths["alone"]) == (8000, 8000)
