"""`--long-values`: what becomes of params and tags beyond MLflow's limits."""

from __future__ import annotations

import httpx
import pytest
from live_server import running

from trackside.config import ServerSettings, default_long_values

API = "/api/2.0/mlflow"
PARAM, TAG = "p" * 6001, "t" * 8001


def logged(tmp_path, long_values):
    """(statuses of every way to log, what is stored by all that were taken)"""
    settings = ServerSettings(data_dir=tmp_path / "data", port=0, long_values=long_values)
    with running(settings) as (url, _), httpx.Client(base_url=f"{url}{API}") as client:
        made = client.post("/runs/create", json={"experiment_id": "0", "run_name": "n"}).json()
        run = {"run_id": made["run"]["info"]["run_id"]}
        name = "n" * 8001
        answers = [
            client.post("/runs/log-parameter", json={**run, "key": "one", "value": PARAM}),
            client.post("/runs/set-tag", json={**run, "key": "one", "value": TAG}),
            client.post("/runs/log-batch", json={**run, "params": [{"key": "two", "value": PARAM}]}),
            client.post("/runs/log-batch", json={**run, "tags": [{"key": "two", "value": TAG}]}),
            client.post("/runs/update", json={**run, "run_name": name}),
            client.post("/runs/create", json={"experiment_id": "0", "tags": [{"key": "k", "value": TAG}]}),
        ]
        data = client.get("/runs/get", params=run).json()["run"]["data"]
    values = {
        (kind, each["key"]): each["value"] for kind in ("params", "tags") for each in data.get(kind, [])
    }
    return [answer.status_code for answer in answers], values, answers


def test_keep_stores_them_whole(tmp_path):
    statuses, values, _ = logged(tmp_path, "keep")
    assert statuses == [200] * 6
    assert values["params", "one"] == values["params", "two"] == PARAM
    assert values["tags", "one"] == values["tags", "two"] == TAG


def test_truncate_cuts_them_as_mlflow_does(tmp_path):
    statuses, values, _ = logged(tmp_path, "truncate")
    assert statuses == [200] * 6
    assert values["params", "one"] == values["params", "two"] == PARAM[:6000]
    assert values["tags", "one"] == values["tags", "two"] == TAG[:8000]


def test_refuse_takes_nothing(tmp_path):
    statuses, values, answers = logged(tmp_path, "refuse")
    assert statuses == [400] * 6
    assert set(values) == {("tags", "mlflow.runName")}
    words = [answer.json()["message"] for answer in answers]
    too_long = "exceeds the maximum length of"
    assert words[0] == words[2] == f"'Param value' {too_long} 6000 characters"
    assert words[1] == f"'value' {too_long} 8000 characters"
    assert words[3] == f"'tags[0].value' {too_long} 8000 characters"


@pytest.mark.parametrize(
    ("variable", "expected"), [("", "truncate"), ("true", "truncate"), ("False", "refuse")]
)
def test_mlflows_variable_is_heeded(monkeypatch, variable, expected):
    if variable:
        monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", variable)
    else:
        monkeypatch.delenv("MLFLOW_TRUNCATE_LONG_VALUES", raising=False)
    assert default_long_values() == expected
