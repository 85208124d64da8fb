"""Every example of docs/search.md, on a server; and that one language serves every kind of object."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trackside.filters import fields

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "search.md").read_text()
API = "/api/2.0/mlflow"


def table(header: str) -> list[list[str]]:
    """The rows of the table with this header, as cells without backticks."""
    rows = PAGE.split(f"{header}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    cells = [re.split(r"(?<!\\)\|", row.strip().strip("|")) for row in rows]
    return [[cell.strip().strip("`").strip().replace("\\|", "|") for cell in row] for row in cells]


def pairs(text):
    return [{"key": key, "value": value} for key, value in (each.split("=") for each in text.split())]


@pytest.fixture(scope="module")
def experiment(url):
    import httpx

    with httpx.Client(base_url=f"{url}{API}") as client:
        made = client.post("/experiments/create", json={"name": "docs"}).json()["experiment_id"]
        for name, seconds, params, tags, metrics in table("| run | seconds | params | tags | metrics |"):
            run = client.post("/runs/create", json={"experiment_id": made, "run_name": name, "start_time": 1})
            run_id = run.json()["run"]["info"]["run_id"]
            values = [{**metric, "timestamp": 1, "step": step} for step, metric in enumerate(pairs(metrics))]
            body = {"run_id": run_id, "params": pairs(params), "tags": pairs(tags), "metrics": values}
            assert client.post("/runs/log-batch", json=body).status_code == 200
            end = {"run_id": run_id, "status": "FINISHED", "end_time": 1 + int(seconds) * 1000}
            assert client.post("/runs/update", json=end).status_code == 200
        yield made


@pytest.mark.parametrize(("text", "found"), table("| filter | finds |"))
def test_an_example_finds_what_the_page_says(client, experiment, text, found):
    body = {"experiment_ids": [experiment], "filter": text, "order_by": ["run_name"]}
    answer = client.post(f"{API}/runs/search", json=body)
    assert answer.status_code == 200, answer.text
    assert " ".join(run["info"]["run_name"] for run in answer.json().get("runs", [])) == found


@pytest.mark.parametrize(("text", "message"), table("| filter | message |"))
def test_an_error_is_what_the_page_says(client, experiment, text, message):
    answer = client.post(f"{API}/runs/search", json={"experiment_ids": [experiment], "filter": text})
    assert (answer.status_code, answer.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (fields.RUNS, "runs"),
        (fields.EXPERIMENTS, "experiments"),
        (fields.LOGGED_MODELS, "logged models"),
        (fields.REGISTERED_MODELS, "registered models"),
        (fields.MODEL_VERSIONS, "versions"),
    ],
)
def test_the_page_lists_what_each_kind_has(kind, name):
    [row] = [row for row in table("| | fields | keys |") if row[0] == name]
    listed = {each.strip() for each in row[1].replace(" (", ", ").replace(")", "").split(",")}
    assert listed <= set(kind.attributes)
    columns = {kind.attributes[each] for each in listed}
    assert columns == set(kind.attributes.values()), "a field is missing"
    keys = {entity if entity == "dataset" else f"{entity}s" for entity in kind.rows}
    keys = {"params" if key == "parameters" else key for key in keys} | (
        {"dataset"} if kind.datasets else set()
    )
    assert {each.strip() for each in row[2].split(",")} == keys


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "experiments/search"),
        ("POST", "runs/search"),
        ("POST", "logged-models/search"),
        ("GET", "registered-models/search"),
        ("GET", "model-versions/search"),
    ],
)
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("(tags.a ~ '^x' OR NOT tags.b = 'y') AND tags.c IS NULL", 200),
        ("name !~ 'x' AND name ILIKE '%'", 200),
        ("tags.a ~ 'x('", 400),
        ("tags.a = 'b' OR", 400),
    ],
)
def test_one_language_serves_every_kind(client, method, path, text, status):
    if path.startswith("runs"):
        text = text.replace("name", "run_name")
    body = {"filter": text, "max_results": 5, "experiment_ids": ["0"]}
    sent = {"params": body} if method == "GET" else {"json": body}
    answer = client.request(method, f"{API}/{path}", **sent)
    assert answer.status_code == status, answer.text
    if status == 400:
        assert re.search(r"\(at character \d+\)$", answer.json()["message"])
