"""Every route of the server refuses who is not signed in, and who may not do what it does.

The routes are asked about an experiment, a run, a logged model and a registered model that really
exist, in requests that are complete: an admin's are never refused.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from access_server import API, NATIVE, guarded
from access_table import TABLE

from trackside.server.app import routes

# What everybody who is signed in may ask; answers show only what the sender may see.
FOR_ALL = {
    "being signed in",
    "permission to create experiments",
    "permission to create registered models",
    "being signed in with more than a limited token",
}


def wanted() -> dict[tuple[str, str], str]:
    """(method, path) -> what the table says that it needs."""
    found: dict[tuple[str, str], str] = {}
    needs = ""
    for line in TABLE.strip().splitlines():
        if line.startswith("  "):
            method, path = line.split()
            assert (method, path) not in found, f"{line} stands in the table twice"
            found[method, path] = needs
        else:
            needs = line
    return found


def served() -> dict[tuple[str, str], str]:
    """The same as the server declares it."""
    every = {(route.method, route.path): route.guard.needs for route in routes()}
    twins = {
        (method, path)
        for method, path in every
        if path.startswith("/ajax-api/") and (method, path.replace("/ajax-api/", "/api/", 1)) in every
    }
    for method, path in twins:
        assert every[method, path] == every[method, path.replace("/ajax-api/", "/api/", 1)]
    return {route: needs for route, needs in every.items() if route not in twins}


def test_every_route_stands_in_the_table_with_what_it_needs():
    assert served() == wanted()


OPEN = {"nothing", "coming from this server's own pages"}  # who is not signed in may ask
GUARDED = sorted(route for route, needs in wanted().items() if needs not in OPEN)
REFUSED = [route for route in GUARDED if wanted()[route] not in FOR_ALL]
SHARED = [route for route in GUARDED if wanted()[route] in FOR_ALL]
NOTHING = ({}, {"Authorization": "Bearer tsk_no"}, {"Cookie": "trackside_session=no"})  # proves nothing
SECRET = "zebra"  # in the name of all that a stranger must not see


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A server with something of everything, an admin, and a user whom everything is closed to."""
    with guarded(tmp_path_factory.mktemp("data"), default_permission="NO_PERMISSIONS") as server:
        admin = server.admin
        experiment = admin.post(f"{API}/experiments/create", json={"name": SECRET}).json()["experiment_id"]
        made = admin.post(f"{API}/runs/create", json={"experiment_id": experiment, "run_name": SECRET})
        run = made.json()["run"]["info"]["run_id"]
        model = admin.post(f"{API}/logged-models", json={"experiment_id": experiment, "name": SECRET})
        logged = model.json()["model"]["info"]["model_id"]
        file = f"{experiment}/{run}/artifacts/{SECRET}.txt"
        assert admin.put(f"/api/2.0/mlflow-artifacts/artifacts/{file}", content=b"x").status_code == 200
        assert admin.post(f"{API}/registered-models/create", json={"name": SECRET}).status_code == 200
        version = {"name": SECRET, "source": f"runs:/{run}/{SECRET}.txt", "run_id": run}
        assert admin.post(f"{API}/model-versions/create", json=version).status_code == 200
        role = admin.post("/api/3.0/mlflow/roles/create", json={"workspace": "default", "name": SECRET})
        yield SimpleNamespace(
            server=server,
            experiment=experiment,
            run=run,
            logged=logged,
            file=file,
            role=role.json()["role"]["id"],
            stranger=server.user("stranger"),
            nobody=[server.client(headers=headers) for headers in NOTHING],
        )


def fields(place: Any, path: str) -> dict[str, Any]:
    """All that any request asks for, about the things of the admin. Fields that it does not know are passed over."""
    native = path.startswith(NATIVE)
    found = {**of_things(place, native=native), **of_users(place)}
    if path == f"{API}/experiments/create" or (
        native and path.endswith(("/experiments", "/models", "/tokens"))
    ):
        found["name"] = "mine"
    if path == f"{API}/registered-models/create":
        found["name"] = "mine too"
    if path == "/api/2.0/mlflow-artifacts/artifacts":
        found["path"] = place.file
    return found


def of_things(place: Any, *, native: bool) -> dict[str, Any]:
    return {
        "experiment_id": place.experiment,
        "experiment_name": SECRET,
        "experiment_ids": [place.experiment],
        "run_id": place.run,
        "run_ids": [place.run],
        "metric_key": "loss",
        "metrics": ["loss"] if native else [{"key": "loss", "value": 1, "timestamp": 1}],
        "models": [{"model_id": place.logged}],
        "model_json": "{}",
        "name": SECRET,
        "new_name": SECRET,
        "version": "1",
        "stage": "Staging",
        "alias": "champion",
        "source": f"runs:/{place.run}/{SECRET}.txt",
        "key": "k",
        "value": "1",
        "timestamp": 1,
        "status": "LOGGED_MODEL_READY",
        "description": "d",
        "path": f"{SECRET}.txt",
        "artifact_file_path": "x",
        "max_results": 10,
    }


def of_users(place: Any) -> dict[str, Any]:
    return {
        "username": "admin",
        "password": "green-magpie-11-bell",
        "is_admin": True,
        "resource_type": "experiment",
        "resource_id": place.experiment,
        "resource_pattern": place.experiment,
        "permission": "READ",
        "role_id": place.role,
        "role_permission_id": 1,
        "workspace": "default",
        "url": "https://example.org/",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
        "topic": f"run:{place.run}",
    }


def ask(client: httpx.Client, place: Any, method: str, path: str, fields: dict[str, Any]) -> httpx.Response:
    values = {
        "experiment_id": place.experiment,
        "run_id": place.run,
        "model_id": place.logged,
        "name": SECRET,
        "version": "1",
        "alias": "champion",
        "key": "k",
        "tag_key": "k",
        "path": place.file,
        "webhook_id": "none",
        "token_id": "999",
    }
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
    assert "{" not in path, f"test_access_routes.py has no value for {path}"
    if method == "GET" or "upload-artifact" in path:
        return client.request(method, path, params=fields)
    if "mlflow-artifacts" in path and method in ("PUT", "POST"):
        return client.request(method, path, content=b"x")
    return client.request(method, path, json=fields)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_passes_without_signing_in(place, method, path):
    for nobody in place.nobody:
        answer = ask(nobody, place, method, path, fields(place, path))
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"]
        assert SECRET not in answer.text


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_a_stranger_is_refused(place, method, path):
    answer = ask(place.stranger, place, method, path, fields(place, path))
    assert answer.status_code == 403, f"{answer.status_code} {answer.text}"
    assert SECRET not in answer.text
    if not path.startswith(NATIVE):
        assert answer.text == "Permission denied"


@pytest.mark.parametrize(("method", "path"), SHARED)
def test_what_is_for_all_shows_a_stranger_nothing_of_others(place, method, path):
    answer = ask(place.stranger, place, method, path, fields(place, path))
    assert answer.status_code not in (401, 403), answer.text
    assert SECRET not in answer.text
    assert place.run not in answer.text


@pytest.mark.parametrize(("method", "path"), [r for r in REFUSED if "/events" not in r[1] and r[0] == "GET"])
def test_an_admin_is_never_refused(place, method, path):
    answer = ask(place.server.admin, place, method, path, fields(place, path))
    assert answer.status_code not in (401, 403), answer.text
    assert answer.status_code < 500 or answer.json()["error_code"] == "NOT_IMPLEMENTED"


def test_who_may_read_can_read_and_not_write(place):
    reader = place.server.user("reader")
    place.server.grant("reader", "experiment", place.experiment, "READ")
    place.server.grant("reader", "registered_model", SECRET, "READ")
    needs = wanted()
    for method, path in REFUSED:
        if "/events" in path:
            continue
        answer = ask(reader, place, method, path, fields(place, path))
        of_things = needs[method, path].split()[0]
        if of_things == "read" and "webhooks" not in path:
            assert answer.status_code not in (401, 403), f"{method} {path}: {answer.text}"
        elif of_things in ("update", "delete", "manage"):
            assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"


def test_a_body_that_says_it_twice_is_read_by_the_guard_as_by_the_endpoint(place):
    """What is let through must be what is done, however it is spelled."""
    mine = place.stranger.post(f"{API}/experiments/create", json={"name": "lure"}).json()["experiment_id"]
    own = place.stranger.post(f"{API}/runs/create", json={"experiment_id": mine}).json()
    own_run = own["run"]["info"]["run_id"]
    headers = {"Content-Type": "application/json"}
    rest = '"key": "k", "value": 1, "timestamp": 1'
    for spelled in (
        f'{{"run_id": "{own_run}", "run_id": "{place.run}", {rest}}}',
        f'{{"run_id": "{place.run}", "run_id": "{own_run}", {rest}}}',
        f'{{"run_id": "{own_run}", "runId": "{place.run}", {rest}}}',
        f'{{"run_id": "{own_run}", "run_uuid": "{place.run}", {rest}}}',
        f'{{"run\\u005fid": "{place.run}", {rest}}}',
        f'{{"run_id": "{own_run}", "run\\u0049d": "{place.run}", {rest}}}',
    ):
        for path in ("runs/log-metric", "runs/set-tag", "runs/log-batch"):
            place.stranger.post(f"{API}/{path}", content=spelled, headers=headers)
    data = place.server.admin.get(f"{API}/runs/get", params={"run_id": place.run}).json()["run"]["data"]
    assert "metrics" not in data
    assert [tag["key"] for tag in data["tags"]] == ["mlflow.runName"]
