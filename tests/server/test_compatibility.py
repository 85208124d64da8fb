"""docs/compatibility.md says what is so: it matches the routes, and the routes answer as it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import compatibility  # noqa: E402

LINES = list(compatibility.lines())
BY_STATUS = {
    status: [line for line in LINES if line.status == status]
    for status in (compatibility.SERVED, compatibility.ON_S3, compatibility.REFUSED, compatibility.ABSENT)
}
NAMES = [f"{line.method} {line.path}" for line in LINES]


def answer_to(client, line, twin=False):
    path = re.sub(r"<[^>]*>", "x", line.path)
    if twin:
        path = path.replace("/api/", "/ajax-api/", 1)
    sent = {} if line.method in ("GET", "HEAD") else {"json": {}}
    with client.stream(line.method, path, **sent) as answer:
        answer.read()
    return answer


def is_unknown(answer):
    """As MLflow's client tells it: 404 or 405 without JSON."""
    return answer.status_code in (404, 405) and "json" not in answer.headers.get("content-type", "")


def test_the_page_matches_the_routes():
    assert compatibility.PAGE.read_text() == compatibility.page(), "run scripts/docs"


def test_the_list_is_whole():
    assert len(LINES) == len(set(NAMES)) > 250
    assert {f"{line.method} {line.path}" for line in BY_STATUS[compatibility.SERVED]} >= {
        "POST /api/2.0/mlflow/runs/create",
        "PATCH /api/2.0/mlflow/webhooks/<webhook_id>",
        "GET /get-artifact",
        "GET /health",
        "POST /api/3.0/mlflow/roles/create",
    }
    assert len(BY_STATUS[compatibility.SERVED]) > 90


@pytest.mark.parametrize("line", BY_STATUS[compatibility.ABSENT], ids=str)
def test_what_is_not_served_answers_as_unknown(client, line):
    for twin in (False, True):
        assert is_unknown(answer_to(client, line, twin))


@pytest.mark.parametrize("line", BY_STATUS[compatibility.SERVED], ids=str)
def test_what_is_served_is_known(client, line):
    for twin in {False, line.path.startswith("/api/")}:
        answer = answer_to(client, line, twin)
        no_ui = line.path == "/" and "no web UI" in answer.text
        assert no_ui or not is_unknown(answer), answer.text
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("line", BY_STATUS[compatibility.REFUSED] + BY_STATUS[compatibility.ON_S3], ids=str)
def test_what_only_some_storages_can_says_so(client, line):
    made = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()["run"]["info"][
        "run_id"
    ]
    body = {"run_id": made, "path": "x", "num_parts": 1}
    path = line.path.replace("<path:artifact_path>", f"0/{made}/artifacts/x")
    answer = client.request(line.method, path, **({} if line.method == "GET" else {"json": body}))
    by_run = "/artifacts/presigned-" in line.path
    expected = (400, "INVALID_PARAMETER_VALUE") if by_run else (501, "NOT_IMPLEMENTED")
    assert (answer.status_code, answer.json()["error_code"]) == expected
    assert "is not supported for" in answer.json()["message"]


def test_an_endpoint_that_nobody_has_judged_stops_the_script(tmp_path, monkeypatch):
    listed = tmp_path / "endpoints.txt"
    listed.write_text("GET /api/9.0/mlflow/brand-new\n")
    monkeypatch.setattr(compatibility, "LISTED", listed)
    with pytest.raises(SystemExit, match=r"GET /api/9\.0/mlflow/brand-new is not served and has no reason"):
        list(compatibility.lines())
