"""Requests as data, and one valid request of every MLflow route that takes fields: what sweeps and fuzz suite change."""

import json
import re
from typing import Any, NamedTuple

API = "/api/2.0/mlflow/"
MAX_SHOWN = 1500  # characters of a request or an answer in a report
REPEATED = re.compile(r"(.)\1{60,}")


def cut(text: str) -> str:
    """The text as a report shows it."""
    return REPEATED.sub(r"\1…", text)[:MAX_SHOWN].replace("\0", "<NUL>")


class Ask(NamedTuple):
    """One request. A path that does not begin with a slash is below /api/2.0/mlflow/."""

    method: str
    path: str
    body: Any = None  # JSON; bytes and text go out as they are
    query: Any = None
    headers: dict[str, str] = {}
    keep: dict[str, str] = {}  # name of a placeholder -> where in the answer its value is, dotted
    heads: tuple[str, ...] = ()  # headers that are compared too

    @property
    def url(self) -> str:
        return self.path if self.path.startswith("/") else API + self.path

    @property
    def text(self) -> str:
        """All of it."""
        query = f"?{self.query}" if self.query else ""
        body = "" if self.body is None else f" {json.dumps(self.body, default=repr, ensure_ascii=False)}"
        headers = f" {self.headers}" if self.headers else ""
        return f"{self.method} {self.path}{query}{body}{headers}"

    def __str__(self) -> str:
        return cut(self.text)


def post(path: str, body: Any = None, **keep: str) -> Ask:
    return Ask("POST", path, {} if body is None else body, keep=keep)


def get(path: str, query: Any = None, **keep: str) -> Ask:
    return Ask("GET", path, query=query, keep=keep)


def patch(path: str, body: Any = None) -> Ask:
    return Ask("PATCH", path, {} if body is None else body)


def delete(path: str, body: Any = None) -> Ask:
    return Ask("DELETE", path, {} if body is None else body)


RUN = "{run}"
POINT = {"run_id": RUN, "key": "m", "value": 1, "timestamp": 1, "step": 1}
PAIR = {"key": "k", "value": "v"}
USED = {"tags": [PAIR], "dataset": {"name": "n", "digest": "d", "source_type": "local", "source": "s"}}
VERSION = {"name": "{model}", "version": "1"}
MODEL = {"name": "{model}"}

REQUESTS: dict[str, Ask] = {
    ask.method + " " + ask.path: ask
    for ask in (
        post("experiments/create", {"name": "{unique}", "artifact_location": "s3://b/x", "tags": [PAIR]}),
        get("experiments/get", {"experiment_id": "{experiment}"}),
        get("experiments/get-by-name", {"experiment_name": "{named}"}),
        post("experiments/search", {"max_results": 1, "filter": "name = 'not there'", "order_by": ["name"], "view_type": "ALL"}),
        post("experiments/update", {"experiment_id": "{experiment}", "new_name": "{unique}"}),
        post("experiments/set-experiment-tag", {"experiment_id": "{experiment}", **PAIR}),
        post("experiments/delete-experiment-tag", {"experiment_id": "{experiment}", "key": "k"}),
        post("experiments/delete", {"experiment_id": "{experiment}"}),
        post("experiments/restore", {"experiment_id": "{experiment}"}),
        post("runs/create", {"experiment_id": "{experiment}", "start_time": 1, "run_name": "x", "user_id": "u", "tags": [PAIR]}),
        get("runs/get", {"run_id": RUN}),
        post("runs/update", {"run_id": RUN, "status": "FINISHED", "end_time": 5, "run_name": "y"}),
        post("runs/delete", {"run_id": RUN}),
        post("runs/restore", {"run_id": RUN}),
        post("runs/search", {"experiment_ids": ["{experiment}"], "filter": "metrics.m > 0", "run_view_type": "ALL", "max_results": 1, "order_by": ["start_time"]}),
        post("runs/log-metric", POINT),
        post("runs/log-parameter", {"run_id": RUN, **PAIR}),
        post("runs/set-tag", {"run_id": RUN, **PAIR}),
        post("runs/delete-tag", {"run_id": RUN, "key": "k"}),
        post("runs/log-batch", {"run_id": RUN, "metrics": [{"key": "m", "value": 1, "timestamp": 1}], "params": [PAIR], "tags": [PAIR]}),
        post("runs/log-inputs", {"run_id": RUN, "datasets": [USED], "models": [{"model_id": "{logged}"}]}),
        post("runs/outputs", {"run_id": RUN, "models": [{"model_id": "{logged}", "step": 1}]}),
        post("runs/log-model", {"run_id": RUN, "model_json": "{}"}),
        get("metrics/get-history", {"run_id": RUN, "metric_key": "m", "max_results": "5"}),
        get("metrics/get-history-bulk-interval", {"run_ids": RUN, "metric_key": "m", "max_results": "5", "start_step": "0", "end_step": "9"}),
        post("logged-models", {"experiment_id": "{experiment}", "name": "n", "model_type": "t", "source_run_id": RUN, "params": [PAIR], "tags": [PAIR]}),
        patch("logged-models/{logged}", {"model_id": "{logged}", "status": "LOGGED_MODEL_READY"}),
        post("logged-models/search", {"experiment_ids": ["{experiment}"], "filter": "name = 'x'", "datasets": [{"dataset_name": "n"}], "max_results": 1, "order_by": [{"field_name": "name"}]}),
        patch("logged-models/{logged}/tags", {"model_id": "{logged}", "tags": [PAIR]}),
        post("logged-models/{logged}/params", {"model_id": "{logged}", "params": [PAIR]}),
        get("artifacts/list", {"run_id": RUN, "path": "x"}),
        post("registered-models/create", {"name": "{unique}", "tags": [PAIR], "description": "d"}),
        get("registered-models/get", MODEL),
        get("registered-models/search", {"filter": "name = 'x'", "max_results": "5", "order_by": "name"}),
        patch("registered-models/update", {**MODEL, "description": "d"}),
        post("registered-models/rename", {**MODEL, "new_name": "{unique}"}),
        post("registered-models/get-latest-versions", {**MODEL, "stages": ["None"]}),
        post("registered-models/set-tag", {**MODEL, **PAIR}),
        delete("registered-models/delete-tag", {**MODEL, "key": "k"}),
        post("registered-models/alias", {**MODEL, "alias": "a", "version": "1"}),
        get("registered-models/alias", {**MODEL, "alias": "a"}),
        delete("registered-models/alias", {**MODEL, "alias": "a"}),
        post("model-versions/create", {**MODEL, "source": "runs:/{run}/m", "run_id": RUN, "tags": [PAIR], "run_link": "l", "description": "d"}),
        get("model-versions/get", VERSION),
        get("model-versions/search", {"filter": "name = '{model}'", "max_results": "5", "order_by": "name"}),
        patch("model-versions/update", {**VERSION, "description": "d"}),
        post("model-versions/transition-stage", {**VERSION, "stage": "Staging", "archive_existing_versions": False}),
        get("model-versions/get-download-uri", VERSION),
        post("model-versions/set-tag", {**VERSION, **PAIR}),
        delete("model-versions/delete-tag", {**VERSION, "key": "k"}),
        delete("model-versions/delete", VERSION),
        delete("registered-models/delete", MODEL),
    )
}  # fmt: skip
