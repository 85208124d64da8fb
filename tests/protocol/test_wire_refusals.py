"""What is refused over the wire, with which status, code and words, and that nothing is stored of it.

Expectations are those of MLflow 3.17.2, recorded from it and tested against it in the slow suite.
"""

from typing import Any

import httpx
import pytest
from wire import API, fill, history, refused

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"
POINT = {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1}
JSON = {"Content-Type": "application/json"}

LONG = "k" * 251
TOO_MANY = [{"key": "a", "value": 1, "timestamp": index} for index in range(1001)]
PARAMS = [{"key": f"p{index}", "value": "1"} for index in range(101)]
HINT = "supplied:  Hint: Value was of type "

# Mistake -> (path, body, status, code, words of the message).
MISTAKES: dict[str, tuple[str, Any, int, str, str]] = {
    "both spellings": (
        "/runs/create",
        {"experimentId": "{experiment}", "experiment_id": "{experiment}"},
        400,
        INVALID,
        "Request specifies both 'experiment_id' and 'experimentId'; provide only one of them.",
    ),
    "both spellings on a hot path": (
        "/runs/log-metric",
        {**POINT, "model_id": "m-1", "modelId": "m-2"},
        400,
        INVALID,
        "Request specifies both 'model_id' and 'modelId'; provide only one of them.",
    ),
    "experiment id as a number": (
        "/runs/create",
        {"experiment_id": 1},
        400,
        INVALID,
        "Invalid value 1 for parameter 'experiment_id'",
    ),
    "unknown experiment": (
        "/runs/create",
        {"experiment_id": "99999"},
        404,
        MISSING,
        "No Experiment with id=99999 exists",
    ),
    "experiment id no number": (
        "/runs/create",
        {"experiment_id": "abc"},
        400,
        INVALID,
        "Experiment ID must be a valid integer.",
    ),
    "start time no number": (
        "/runs/create",
        {"experiment_id": "{experiment}", "start_time": "abc"},
        400,
        INVALID,
        f"Invalid value \"abc\" for parameter 'start_time' {HINT}'str'",
    ),
    "name is a number": (
        "/runs/create",
        {"experiment_id": "{experiment}", "run_name": 5},
        400,
        INVALID,
        f"Invalid value 5 for parameter 'run_name' {HINT}'int'",
    ),
    "two names": (
        "/runs/create",
        {"experiment_id": "{experiment}", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
        400,
        INVALID,
        (
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            "(run_name='a', mlflow.runName='b')."
        ),
    ),
    "metric without run": (
        "/runs/log-metric",
        {"key": "m", "value": 1, "timestamp": 1},
        400,
        INVALID,
        "Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.",
    ),
    "metric of unknown run": (
        "/runs/log-metric",
        {**POINT, "run_id": "f" * 32},
        404,
        MISSING,
        f"Run with id={'f' * 32} not found",
    ),
    "metric of a run id that is a path": (
        "/runs/log-metric",
        {**POINT, "run_id": "../etc"},
        404,
        MISSING,
        "Run with id=../etc not found",
    ),
    "no value": (
        "/runs/log-metric",
        {**POINT, "value": None},
        400,
        INVALID,
        "Missing value for required parameter 'value'.",
    ),
    "no timestamp": (
        "/runs/log-metric",
        {**POINT, "timestamp": None},
        400,
        INVALID,
        "Missing value for required parameter 'timestamp'.",
    ),
    "empty key": (
        "/runs/log-metric",
        {**POINT, "key": ""},
        400,
        INVALID,
        "Missing value for required parameter 'key'.",
    ),
    "value no number": (
        "/runs/log-metric",
        {**POINT, "value": "abc"},
        400,
        INVALID,
        f"Invalid value \"abc\" for parameter 'value' {HINT}'str'",
    ),
    "negative timestamp": (
        "/runs/log-metric",
        {**POINT, "timestamp": -1},
        400,
        INVALID,
        (
            "Invalid value -1 for parameter 'timestamp' supplied: metric 'm' (value=1.0). "
            "Timestamp must be a nonnegative long (64-bit integer) "
        ),
    ),
    "key is a path": (
        "/runs/log-metric",
        {**POINT, "key": "../x"},
        400,
        INVALID,
        (
            "Invalid value \"../x\" for parameter 'name' supplied: Names may be treated as files in certain cases, and must "
            "not resolve to other names when treated as such. This name would resolve to '../x'"
        ),
    ),
    "long key": (
        "/runs/log-metric",
        {**POINT, "key": LONG},
        400,
        INVALID,
        "'Metric name' exceeds the maximum length of 250 characters",
    ),
    "place in a batch": (
        "/runs/log-batch",
        {
            "run_id": "{run}",
            "metrics": [{"key": "a", "value": 1, "timestamp": 1}, {"key": "b", "timestamp": 1}],
        },
        400,
        INVALID,
        "Missing value for required parameter 'metrics[1].value'.",
    ),
    "1001 metrics": (
        "/runs/log-batch",
        {"run_id": "{run}", "metrics": TOO_MANY},
        400,
        INVALID,
        (
            "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. "
            "Please split up metrics across multiple requests and try again."
        ),
    ),
    "101 params": (
        "/runs/log-batch",
        {"run_id": "{run}", "params": PARAMS},
        400,
        INVALID,
        "A batch logging request can contain at most 100 params. Got 101 params.",
    ),
    "1001 in all": (
        "/runs/log-batch",
        {"run_id": "{run}", "params": PARAMS[:50], "metrics": TOO_MANY[:960]},
        400,
        INVALID,
        "A batch logging request can contain at most 1000 metrics, params, and tags. Got 1010 metrics, params, and tags.",
    ),
    "metrics no list": (
        "/runs/log-batch",
        {"run_id": "{run}", "metrics": "x"},
        400,
        INVALID,
        f"Invalid value \"x\" for parameter 'metrics' {HINT}'str'",
    ),
    "param is a number": (
        "/runs/log-parameter",
        {"run_id": "{run}", "key": "p", "value": 5},
        400,
        INVALID,
        f"Invalid value 5 for parameter 'value' {HINT}'int'",
    ),
    "tag that is not there": (
        "/runs/delete-tag",
        {"run_id": "{run}", "key": "zz"},
        404,
        MISSING,
        "No tag with name: zz in run with id {run}",
    ),
    "page too large": (
        "/runs/search",
        {"experiment_ids": ["{experiment}"], "max_results": 60000},
        400,
        INVALID,
        "Invalid value 60000 for parameter 'max_results' supplied",
    ),
    "experiments without a limit": (
        "/experiments/search",
        {},
        400,
        INVALID,
        "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(http: httpx.Client, places: dict[str, str], name: str) -> None:
    path, body, status, code, words = fill(list(MISTAKES[name]), places)
    refused(http.post(API + path, json=body), status, code, words)
    assert history(http, places["run"], "m") == []


@pytest.mark.parametrize("content", ['{"run_id": ', "{oops", "null", "", "\x00"])
def test_a_malformed_body_counts_as_empty(http: httpx.Client, content: str) -> None:
    answer = http.post(f"{API}/runs/log-metric", content=content, headers=JSON)
    refused(answer, 400, INVALID, "Missing value for required parameter 'run_id'.")
    assert http.post(f"{API}/runs/create", content=content, headers=JSON).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_must_be_json(http: httpx.Client, kind: str) -> None:
    answer = http.post(f"{API}/runs/create", content="{}", headers={"Content-Type": kind})
    refused(answer, 400, INVALID, "Bad Request. Content-Type must be one of ['application/json'].")


# --- where Trackside is stricter: MLflow fails with a 500 here, or stores a point that nobody sent ----------------

NEVER_STORED: dict[str, dict[str, Any]] = {
    "fraction of a step": {"step": 1.5},
    "step is true": {"step": True},
    "step beyond 64 bits": {"step": 2**63},
    "fraction of a timestamp": {"timestamp": 1.5},
    "value is a list": {"value": [1]},
    "value is an object": {"value": {}},
    "value is an empty string": {"value": ""},
    "value with more behind it": {"value": "1e9x"},
    "key is a number": {"key": 5},
}


@pytest.mark.parametrize("name", NEVER_STORED)
def test_a_wrong_type_is_refused(ours: httpx.Client, our_run: str, name: str) -> None:
    answer = ours.post(f"{API}/runs/log-metric", json={**POINT, "run_id": our_run, **NEVER_STORED[name]})
    refused(answer, 400, INVALID, "Invalid value" if name != "value is an empty string" else "value")
    assert (
        ours.get(f"{API}/runs/get", params={"run_id": our_run}).json()["run"]["data"].get("metrics", []) == []
    )


@pytest.mark.parametrize("body", [{"experiment_id": "0", "tags": "x"}, {"experiment_id": "0", "tags": ["x"]}])
def test_a_run_of_wrong_shape_is_refused(ours: httpx.Client, body: dict[str, Any]) -> None:
    refused(ours.post(f"{API}/runs/create", json=body), 400, INVALID, "tags")


def test_a_body_that_is_a_list_counts_as_empty(ours: httpx.Client) -> None:
    refused(
        ours.post(f"{API}/runs/log-metric", json=[1]), 400, INVALID, "Missing value for required parameter"
    )


def test_a_refused_batch_leaves_nothing(ours: httpx.Client, our_run: str) -> None:
    ours.post(f"{API}/runs/log-parameter", json={"run_id": our_run, "key": "lr", "value": "1"})
    before = ours.get(f"{API}/runs/get", params={"run_id": our_run}).json()
    batch = {
        "run_id": our_run,
        "metrics": [{"key": "m", "value": 1, "timestamp": 1}],
        "tags": [{"key": "t", "value": "1"}],
        "params": [{"key": "new", "value": "1"}, {"key": "lr", "value": "2"}],
    }
    refused(
        ours.post(f"{API}/runs/log-batch", json=batch), 400, INVALID, "Changing param values is not allowed."
    )
    assert ours.get(f"{API}/runs/get", params={"run_id": our_run}).json() == before
