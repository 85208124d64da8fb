"""How requests are read, whatever they ask: spellings, types, bodies, headers, methods, unknown routes."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from asks import REQUESTS, Ask, get, post
from pair import Pair, Unexplained, changes, unique
from places import make_logged, make_model, make_place
from wire import fill

BODIES = {name: ask for name, ask in REQUESTS.items() if ask.body is not None}
QUERIES = {name: ask for name, ask in REQUESTS.items() if ask.query is not None}
WRONG: list[Any] = [..., None, "", 5, True, [], [5], {}, "x"]
# Leaves nothing to do for a second one.
ONCE = re.compile("create|delete|rename|update|restore|logged-models$")


def make_all(scene: Pair, ask: Ask) -> Pair:
    """Everything that the request names, new."""
    scene = scene.scene(model=unique("model"), unique=unique("new"))
    make_place(scene)
    if "{logged}" in ask.text:
        make_logged(scene)
    if "{model}" in ask.text:
        make_model(scene, versions=1)
    tag = {"key": "k", "value": "v"}
    if ask.path == "runs/delete-tag":
        scene.of_both(post("runs/set-tag", {"run_id": "{run}", **tag}))
    if ask.path == "experiments/delete-experiment-tag":
        scene.of_both(post("experiments/set-experiment-tag", {"experiment_id": "{experiment}", **tag}))
    return scene


@pytest.fixture
def place(pair: Pair, name: str) -> Pair:
    return make_all(pair, REQUESTS[name])


def sweep(scene: Pair, like: Ask, asks: Iterable[Ask]) -> None:
    """Every one of these, which are changes of `like`.

    With everything new where only one of the servers took the one before.
    """
    place, found = make_all(scene, like), []
    for ask in asks:
        try:
            theirs, ours = place.ask(ask)
        except Unexplained as error:
            found.append(str(error))
            continue
        taken = {theirs.status < 300, ours.status < 300}
        if changes(ask) and (taken == {True, False} or (taken == {True} and ONCE.search(ask.path))):
            place = make_all(scene, like)
    if found:
        raise Unexplained("\n".join(found))


@pytest.mark.parametrize("name", REQUESTS)
def test_as_it_is_and_again(place: Pair, name: str) -> None:
    place.play([REQUESTS[name], REQUESTS[name]])


@pytest.mark.parametrize("name", BODIES)
def test_each_field_of_a_wrong_type(pair: Pair, name: str) -> None:
    """Searches keep their filter: without one, they find what other tests have made."""
    ask = BODIES[name]
    fields = [field for field in ask.body if field != "filter"]
    sweep(
        pair, ask, (ask._replace(body=changed(ask.body, field, wrong)) for field in fields for wrong in WRONG)
    )


@pytest.mark.parametrize("name", QUERIES)
def test_each_field_of_a_query(pair: Pair, name: str) -> None:
    ask = QUERIES[name]
    fields = [field for field in ask.query if field != "filter"]
    sweep(
        pair,
        ask,
        (
            ask._replace(query=changed(ask.query, field, wrong))
            for field in fields
            for wrong in (..., "", "x")
        ),
    )


def changed(body: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    kept = {name: item for name, item in body.items() if name != field}
    return kept if value is ... else {**kept, field: value}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@pytest.mark.parametrize("name", BODIES)
def test_spellings(place: Pair, name: str) -> None:
    ask = BODIES[name]
    long = [field for field in ask.body if "_" in field and field not in ("run_id", "model_id")]
    both = [ask._replace(body={**ask.body, camel(field): ask.body[field]}) for field in long]
    place.play([*both, ask._replace(body={**ask.body, "unknown_field": {"deep": [1]}})])
    place.play([ask._replace(body={camel(field): value for field, value in ask.body.items()})])


@pytest.mark.parametrize("name", BODIES)
def test_bodies(pair: Pair, name: str) -> None:
    ask = BODIES[name]
    odd = ["", "null", "{", "[]", "5", '"x"', "\x00", "{}", '{"a": NaN}']
    sweep(pair, ask, (ask._replace(body=text) for text in odd))
    kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-8",
        "application/JSON",
    ]
    sweep(pair, ask, (ask._replace(headers={"Content-Type": kind}) for kind in kinds))


@pytest.mark.parametrize(
    "name", ["POST runs/create", "POST runs/log-metric", "POST runs/set-tag", "POST runs/log-batch"]
)
def test_json_in_a_json_string(place: Pair, name: str) -> None:
    ask = BODIES[name]
    for side in (place.theirs, place.ours):
        side.names["twice"] = json.dumps(json.dumps(fill(ask.body, side.names)))
    place.play([ask._replace(body="{twice}"), get("runs/get", {"run_id": "{run}"})])


@pytest.mark.parametrize("name", REQUESTS)
def test_the_web_ui_twin(place: Pair, name: str) -> None:
    ask = REQUESTS[name]
    place.play([ask._replace(path="/ajax-api/2.0/mlflow/" + ask.path)])


@pytest.mark.parametrize("name", REQUESTS)
def test_another_method(pair: Pair, name: str) -> None:
    ask = REQUESTS[name]
    others = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if f"{method} {ask.path}" not in REQUESTS
    ]
    served = {
        "registered-models/get-latest-versions",
        "experiments/search",
        "logged-models/{logged}",
        "logged-models/search",
    }
    if ask.path not in served:
        pair.play(Ask(method, ask.path.replace("{logged}", "m-1")) for method in others)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_workspace(pair: Pair, name: str) -> None:
    pair.play(
        [REQUESTS[name]._replace(headers={"X-MLFLOW-WORKSPACE": value}) for value in ("team", "default")]
    )


UNKNOWN = [
    "/api/2.0/mlflow/nope", "/api/2.0/mlflow/runs", "/api/2.0/mlflow/runs/", "/api/2.0/mlflow/runs/create/", "/api/2.0/mlflow/runs/create/x", "/api/2.0/mlflow/RUNS/create", "/api/3.0/mlflow/runs/create", "/api/1.0/mlflow/runs/create", "/api/2.0/preview/mlflow/runs/create", "/api/2.0/mlflow", "/api", "/nope",
    "/api/2.0/mlflow/logged-models/m-1/nope", "/api/2.0/mlflow-artifacts/nope", "/ajax-api/2.0/mlflow/nope", "/api/3.0/mlflow/server-features", "/api/2.0mlflow/experiments/search-datasets",
]  # fmt: skip


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_routes(pair: Pair, path: str) -> None:
    methods = (
        ("POST", "PUT", "PATCH", "DELETE")
        if path.count("/") < 3
        else ("GET", "POST", "PUT", "PATCH", "DELETE")
    )
    pair.play(Ask(method, path) for method in methods)


SECURITY = [
    Ask("GET", "runs/get", query={"run_id": "{run}"}, headers=headers)
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Host": "localhost"}, {"Host": "127.0.0.1:1"}, {"Origin": "null"})
] + [
    Ask("POST", "runs/set-tag", {"run_id": "{run}", "key": "a", "value": "b"}, headers={"Origin": origin})
    for origin in ("http://evil.example", "http://localhost:3000", "https://localhost", "http://127.0.0.1:9", "null", "http://localhost.evil.example", "ftp://localhost", "x")
]  # fmt: skip


@pytest.mark.parametrize("ask", SECURITY, ids=str)
def test_hosts_and_origins(pair: Pair, ask: Ask) -> None:
    pair.ask(ask._replace(heads=("x-content-type-options", "x-frame-options")))


def test_health(pair: Pair) -> None:
    pair.ask(Ask("GET", "/health", heads=("content-type",)))
    pair.ask(Ask("GET", "/api/3.0/mlflow/server-info"))
    pair.ask(Ask("GET", "/ajax-api/3.0/mlflow/server-info"))


def test_version(pair: Pair) -> None:
    pair.ask(Ask("GET", "/version", heads=("content-type",)))
