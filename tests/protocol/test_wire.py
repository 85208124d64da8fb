"""What goes over the wire, beyond what MLflow's own client shows: JSON's corners, refusals, routes, headers.

Expectations are those of MLflow 3.17.2, recorded from it and tested against it in the slow suite.
"""

import json
from typing import Any

import httpx
import pytest
from wire import API, differences, fill, history

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"
POINT = {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1}
JSON = {"Content-Type": "application/json"}


# Metric points as they come in, and how they must come back: [timestamp, step, value].
POINTS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "numbers": ({"value": 0.5, "timestamp": 1, "step": 2}, [1, 2, 0.5]),
    "whole number is a double": ({"value": 3}, [1, 0, 3.0]),
    "numeric strings": ({"value": "1e3", "timestamp": "2", "step": "7"}, [2, 7, 1000.0]),
    "no step": ({}, [1, 0, 1.0]),
    "null step": ({"step": None}, [1, 0, 1.0]),
    "negative step": ({"step": -5}, [1, -5, 1.0]),
    "largest step": ({"step": 2**63 - 1}, [1, 2**63 - 1, 1.0]),
    "smallest step": ({"step": -(2**63)}, [1, -(2**63), 1.0]),
    "step as a whole double": ({"step": 4.0}, [1, 4, 1.0]),
    "timestamp as a whole double": ({"timestamp": 9.0}, [9, 0, 1.0]),
    "timestamp 0": ({"timestamp": 0}, [0, 0, 1.0]),
    "NaN as a string": ({"value": "NaN"}, [1, 0, "NaN"]),
    "Infinity as a string": ({"value": "Infinity"}, [1, 0, 1.7976931348623157e308]),
    "-Infinity as a string": ({"value": "-Infinity"}, [1, 0, -1.7976931348623157e308]),
    "true": ({"value": True}, [1, 0, 1.0]),
    "smallest double": ({"value": 5e-324}, [1, 0, 5e-324]),
    "unknown field": ({"colour": "red"}, [1, 0, 1.0]),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_point_is_read(http: httpx.Client, places: dict[str, str], name: str) -> None:
    sent, expected = POINTS[name]
    answer = http.post(f"{API}/runs/log-metric", json=fill({**POINT, **sent}, places))
    assert (answer.status_code, answer.json()) == (200, {})
    assert differences([expected], history(http, places["run"], "m")) == []


def test_an_equal_point_is_kept_once_and_another_beside_it(
    http: httpx.Client, places: dict[str, str]
) -> None:
    for value in (1, 1, 2, "NaN", "NaN"):
        http.post(f"{API}/runs/log-metric", json=fill({**POINT, "value": value, "step": 3}, places))
    values = [value for _, _, value in history(http, places["run"], "m")]
    assert sorted(map(str, values)) == ["1.0", "2.0", "NaN"]


def test_the_old_name_of_the_run_id(http: httpx.Client, places: dict[str, str]) -> None:
    body = {"run_uuid": places["run"], "key": "m", "value": 1, "timestamp": 1}
    assert http.post(f"{API}/runs/log-metric", json=body).status_code == 200
    seen = http.get(f"{API}/runs/get", params={"run_uuid": places["run"]}).json()["run"]
    assert seen["info"]["run_id"] == seen["info"]["run_uuid"] == places["run"]
    assert seen["data"]["metrics"] == [{"key": "m", "value": 1.0, "timestamp": 1, "step": 0}]


# What is asked -> (path below /api/2.0/mlflow, body, expected part of the answer). Each is answered with 200.
ANSWERS: dict[str, tuple[str, Any, Any]] = {
    "a new run": (
        "/runs/create",
        {"experiment_id": "{experiment}", "run_name": "one", "start_time": "1700000000000", "user_id": ""},
        {
            "run": {
                "info": {
                    "experiment_id": "{experiment}",
                    "run_name": "one",
                    "user_id": "",
                    "status": "RUNNING",
                    "start_time": 1700000000000,
                    "end_time": None,
                    "lifecycle_stage": "active",
                },
                "data": {
                    "metrics": None,
                    "params": None,
                    "tags": [{"key": "mlflow.runName", "value": "one"}],
                },
                "inputs": {},
            }
        },
    ),
    "no start time gives 0": (
        "/runs/create",
        {"experiment_id": "{experiment}"},
        {"run": {"info": {"start_time": 0, "user_id": ""}}},
    ),
    "camelCase": (
        "/runs/create",
        {"experimentId": "{experiment}", "runName": "camel"},
        {"run": {"info": {"run_name": "camel"}}},
    ),
    "unknown fields": (
        "/runs/create",
        {"experiment_id": "{experiment}", "run_name": "x", "colour": {"deep": [1]}},
        {"run": {"info": {"run_name": "x"}}},
    ),
    "unknown status is ignored": (
        "/runs/update",
        {"run_id": "{run}", "status": "BOGUS"},
        {"run_info": {"status": "RUNNING"}},
    ),
    "status and end": (
        "/runs/update",
        {"run_id": "{run}", "status": "FINISHED", "end_time": "44"},
        {"run_info": {"run_id": "{run}", "status": "FINISHED", "end_time": 44, "start_time": 12}},
    ),
    "only a name": (
        "/runs/update",
        {"run_id": "{run}", "run_name": "new"},
        {"run_info": {"run_name": "new", "status": "RUNNING", "end_time": None}},
    ),
    "empty batch": ("/runs/log-batch", {"run_id": "{run}"}, {}),
    "param without value": ("/runs/log-parameter", {"run_id": "{run}", "key": "p"}, {}),
    "tag without value": ("/runs/set-tag", {"run_id": "{run}", "key": "p"}, {}),
    "search in no experiment": (
        "/runs/search",
        {"experiment_ids": []},
        {"runs": None, "next_page_token": None},
    ),
    "search without fields": ("/runs/search", {}, {"runs": None}),
    "search with a numeric string": (
        "/runs/search",
        {"experiment_ids": ["{experiment}"], "max_results": "1"},
        {
            "runs": [{"info": {"run_id": "{run}"}, "data": {}, "inputs": {}, "outputs": {}}],
            "next_page_token": None,
        },
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answer(http: httpx.Client, places: dict[str, str], name: str) -> None:
    path, body, expected = fill(list(ANSWERS[name]), places)
    answer = http.post(API + path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert differences(expected, answer.json()) == []
    if expected == {}:
        assert answer.json() == {}


def test_json_within_a_json_string(http: httpx.Client, places: dict[str, str]) -> None:
    twice = json.dumps({"experiment_id": places["experiment"], "run_name": "twice"})
    answer = http.post(f"{API}/runs/create", json=twice)
    assert answer.json()["run"]["info"]["run_name"] == "twice"


def test_a_charset_beside_the_content_type(http: httpx.Client, places: dict[str, str]) -> None:
    body = json.dumps({"experiment_id": places["experiment"]})
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert http.post(f"{API}/runs/create", content=body, headers=kind).status_code == 200


@pytest.mark.parametrize(("token", "expected"), [("NaN", "NaN"), ("Infinity", 1.7976931348623157e308)])
def test_bare_tokens_are_read_too(ours: httpx.Client, our_run: str, token: str, expected: object) -> None:
    body = f'{{"run_id": "{our_run}", "key": "m", "value": {token}, "timestamp": 30}}'
    assert ours.post(f"{API}/runs/log-metric", content=body, headers=JSON).status_code == 200
    assert history(ours, our_run, "m") == [[30, 0, expected]]
