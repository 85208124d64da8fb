"""`--static-prefix`: everything is below it, and nothing beside it."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from live_server import running
from starlette.requests import Request
from starlette.responses import RedirectResponse
from typer.testing import CliRunner

from trackside.cli.app import app as commands
from trackside.config import ServerSettings
from trackside.server import ui
from trackside.server.prefix import Prefixed

PREFIX = "/lab/mlflow"


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory):
    settings = ServerSettings(data_dir=tmp_path_factory.mktemp("data"), port=0, static_prefix=PREFIX)
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/version",
        "/api/3.0/mlflow/server-info",
        "/ajax-api/2.0/mlflow/experiments/search?max_results=1",
    ],
)
def test_what_is_below_the_prefix_is_not_beside_it(prefixed, path):
    assert prefixed.get(PREFIX + path).status_code == 200
    for other in (path, "/lab" + path, f"{PREFIX}x{path}", f"/%6Cab/mlflow{path}"):
        answer = prefixed.get(other)
        assert (answer.status_code, answer.text) == (404, "Not Found"), other


def test_the_prefix_alone_leads_to_the_ui(prefixed):
    answer = prefixed.get(PREFIX)
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{PREFIX}/"


def test_files_and_events_are_below_it_too(prefixed):
    at = f"{PREFIX}/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/a%20b.txt"
    assert prefixed.put(at, content=b"x").status_code == 200
    assert prefixed.get(at).content == b"x"
    with prefixed.stream("GET", f"{PREFIX}/api/trackside/v1/events?topic=experiments") as answer:
        assert answer.status_code == 200


def test_errors_keep_their_shape(prefixed):
    assert prefixed.get(f"{PREFIX}/api/2.0/mlflow/runs/get").json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert prefixed.get(f"{PREFIX}/api/trackside/v1/runs/none").json()["code"] == "RESOURCE_DOES_NOT_EXIST"
    assert prefixed.get(f"{PREFIX}/api/2.0/mlflow/no-such").text == "Not Found"


def test_the_page_knows_where_it_is(prefixed, tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text('<head><base href="/" /></head>')
    (tmp_path / "csp.json").write_text(json.dumps({"script_hashes": []}))
    monkeypatch.setattr(ui, "STATIC", tmp_path)
    ui._policy.cache_clear()
    answer = prefixed.get(f"{PREFIX}/experiments/0", headers={"Accept": "text/html"})
    assert answer.text == f'<head><base href="{PREFIX}/" /></head>'
    assert "base-uri 'self'" in answer.headers["content-security-policy"]


def test_the_licences_of_the_ui_are_text(prefixed, tmp_path, monkeypatch):
    monkeypatch.setattr(ui, "STATIC", tmp_path)
    missing = prefixed.get(f"{PREFIX}/licenses.txt")
    assert (missing.status_code, "make ui" in missing.text) == (404, True)
    (tmp_path / "licenses.txt").write_text("Copyright © all", encoding="utf-8")
    answer = prefixed.get(f"{PREFIX}/licenses.txt")
    assert (answer.text, answer.headers["content-type"]) == ("Copyright © all", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("to", "location"), [("/x?y=1", "/p/x?y=1"), ("x", "x"), ("https://a/b", "https://a/b"), ("//a", "//a")]
)
def test_redirects_stay_below_it(to, location):
    async def moved(scope, receive, send):
        assert Request(scope).url.path == "/here"
        await RedirectResponse(to)(scope, receive, send)

    async def ask():
        transport = httpx.ASGITransport(Prefixed(moved, "/p"))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/p/here")

    assert asyncio.run(ask()).headers["location"] == location


@pytest.mark.parametrize("prefix", ["mlflow", "/mlflow/", "/", "//a", "/a b", "/{a}", "/a?b"])
def test_a_bad_prefix_is_refused(prefix):
    done = CliRunner().invoke(commands, ["server", "--static-prefix", prefix])
    assert done.exit_code == 2
    assert "must begin with a slash" in re.sub(r"[\s│]+", " ", done.output)


def test_signing_in_stays_below_it(tmp_path):
    settings = ServerSettings(data_dir=tmp_path, port=0, static_prefix=PREFIX, auth=True)
    with running(settings) as (url, app), httpx.Client(base_url=url, follow_redirects=True) as client:
        page = client.get(f"{PREFIX}/experiments/0", headers={"Accept": "text/html"})
        assert (page.status_code, page.url.path) == (200, f"{PREFIX}/signin")
        assert 'action="signin"' in page.text, "a form's address that is not relative leaves the prefix"
        password = {"password": "a long passphrase 1", "again": "a long passphrase 1"}
        form = {"code": app.identities.setup_code, "username": "ann", **password}
        made = client.post(f"{PREFIX}/setup", data=form, follow_redirects=False)
        assert made.status_code == 303
        assert made.url.join(made.headers["location"]).path == f"{PREFIX}/"
        assert client.get(f"{PREFIX}/api/2.0/mlflow/webhooks").status_code == 200
        assert httpx.get(f"{url}{PREFIX}/api/2.0/mlflow/webhooks").status_code == 401
