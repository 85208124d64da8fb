"""Guard and endpoint read the same thing from a request, however it is written.

A user may do everything to one experiment, run, logged model and registered model, and nothing to others that have the
same parts. Whatever the user sends, to whatever route, the others are neither read nor changed. Requests name both in
one body: keys twice, in both spellings, escaped, with values of wrong types, in lists, in the query as well.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import pytest
from access_server import ADMIN_PASSWORD, API, API3, NATIVE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from trackside.config import ServerSettings
from trackside.core import access, experiments, signin
from trackside.core.app import App
from trackside.core.permissions import Actor
from trackside.server import ui
from trackside.server.app import Server, routes
from trackside.server.body import whole_body
from trackside.server.guards import Guard
from trackside.server.routing import Table

SECRET = "zebra"  # in all that the other things hold, and in nothing that is sent
JSON = {"Content-Type": "application/json"}
HERE = "http://127.0.0.1"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
# About users, tokens and the server itself; and an answer that never ends.
APART = ("/users/", "/roles/", "/permissions/", "/webhooks", "/tokens", "/audit", "/events", "/info", "/me")


class Things(NamedTuple):
    """One of everything that a request may name."""

    name: str  # of the experiment and of the registered model
    experiment: str
    run: str
    logged: str


@dataclass
class Place:
    """The server in this process, its admin, a user, what is the user's and what is not."""

    loop: asyncio.Runner
    app: App
    admin: httpx.AsyncClient
    user: httpx.AsyncClient
    mine: Things
    other: Things
    statuses: Counter[int] = field(default_factory=Counter)

    def state(self) -> list[str]:
        """All that is known of the other things, to one who may read them."""
        return self.loop.run(self._state())

    async def _state(self) -> list[str]:
        of = self.other
        asked = (
            (f"{API}/experiments/get", {"experiment_id": of.experiment}),
            (f"{API}/runs/get", {"run_id": of.run}),
            (f"{API}/metrics/get-history", {"run_id": of.run, "metric_key": SECRET}),
            (f"{API}/artifacts/list", {"run_id": of.run}),
            ("/get-artifact", {"run_id": of.run, "path": "f.txt"}),
            (f"{API}/logged-models/{of.logged}", {}),
            (f"{API}/registered-models/get", {"name": of.name}),
            (f"{API}/model-versions/search", {"filter": f"name = '{of.name}'"}),
            (f"{NATIVE}/runs/{of.run}", {}),
        )
        return [(await self.admin.get(path, params=query)).text for path, query in asked]

    def restore(self) -> None:
        """Make what the user has deleted or renamed anew."""
        self.mine = self.loop.run(things(self.admin, "mine", "plain"))
        self.loop.run(grant(self.admin, self.mine))


async def things(admin: httpx.AsyncClient, name: str, text: str) -> Things:
    """New ones, with TEXT in all that they hold."""

    async def post(path: str, body: dict[str, Any]) -> Any:
        answer = await admin.post(f"{API}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    name = f"{name} {uuid.uuid4().hex}"
    tags = [{"key": text, "value": text}]
    experiment = (await post("experiments/create", {"name": name, "tags": tags}))["experiment_id"]
    run = (await post("runs/create", {"experiment_id": experiment, "run_name": text, "tags": tags}))["run"][
        "info"
    ]["run_id"]
    point = {"key": text, "value": 1, "timestamp": 1}
    await post("runs/log-batch", {"run_id": run, "metrics": [point], "params": tags})
    model = {"experiment_id": experiment, "name": text, "source_run_id": run, "tags": tags, "params": tags}
    logged = (await post("logged-models", model))["model"]["info"]["model_id"]
    put = await admin.put(f"{FILES}/{experiment}/{run}/artifacts/f.txt", content=text.encode())
    assert put.status_code == 200, put.text
    await post("registered-models/create", {"name": name, "description": text, "tags": tags})
    await post(
        "model-versions/create", {"name": name, "source": f"runs:/{run}/f.txt", "run_id": run, "tags": tags}
    )
    await post("registered-models/alias", {"name": name, "alias": "best", "version": "1"})
    return Things(name, experiment, run, logged)


async def grant(admin: httpx.AsyncClient, mine: Things) -> None:
    for kind, on in (("experiment", mine.experiment), ("registered_model", mine.name)):
        body = {"username": "ann", "resource_type": kind, "resource_id": on, "permission": "MANAGE"}
        answer = await admin.post(f"{API3}/users/permissions/grant", json=body)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    own = ServerSettings(
        data_dir=tmp_path_factory.mktemp("data"), port=0, auth=True, default_permission="NO_PERMISSIONS"
    )
    with asyncio.Runner() as loop:
        made = loop.run(open_place(loop, own))
        yield made
        loop.run(close(made))


async def open_place(loop: asyncio.Runner, own: ServerSettings) -> Place:
    app = App.open(own)
    await experiments.create_default(app)
    await signin.prepare(app, ADMIN_PASSWORD)
    server = Server(app)
    password = "blue-heron-57-lamp"
    admin = await with_token(server, "admin", ADMIN_PASSWORD)
    made = await admin.post(f"{API}/users/create", json={"username": "ann", "password": password})
    assert made.status_code == 200, made.text
    mine, other = await things(admin, "mine", "plain"), await things(admin, "other", SECRET)
    await grant(admin, mine)
    return Place(loop, app, admin, await with_token(server, "ann", password), mine, other)


async def with_token(server: Any, name: str, password: str) -> httpx.AsyncClient:
    """A client by token: a password costs 50 ms a request."""
    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, auth=(name, password)) as once:
        made = await once.post(f"{NATIVE}/tokens", json={"name": "test", "scope": "admin"})
    assert made.status_code == 200, made.text
    return httpx.AsyncClient(
        transport=transport, base_url=HERE, headers={"Authorization": f"Bearer {made.json()['text']}"}
    )


async def close(place: Place) -> None:
    await place.admin.aclose()
    await place.user.aclose()
    await place.app.close()


# --- what is sent

# Field -> what a request names by it, of mine or of the other things.
NAMING: dict[str, Callable[[Things], Any]] = {
    "experiment_id": lambda of: of.experiment,
    "experiment_ids": lambda of: [of.experiment],
    "experiment_name": lambda of: of.name,
    "run_id": lambda of: of.run,
    "run_uuid": lambda of: of.run,
    "run_ids": lambda of: [of.run],
    "model_id": lambda of: of.logged,
    "models": lambda of: [{"model_id": of.logged}],
    "metrics": lambda of: [{"key": "m", "value": 1, "timestamp": 1, "model_id": of.logged}],
    "name": lambda of: of.name,
    "source_run_id": lambda of: of.run,
    "source": lambda of: f"runs:/{of.run}/f.txt",
    "path": lambda of: f"{of.experiment}/{of.run}/artifacts/f.txt",
}
PAIR = {"key": "k", "value": "v"}
REST: dict[str, Any] = {
    **PAIR,
    "timestamp": 1,
    "step": 1,
    "metric_key": SECRET[::-1],
    "version": "1",
    "alias": "best",
    "tags": [PAIR],
    "params": [PAIR],
    "run_link": "",
    "max_results": 5,
    "description": "d",
    "model_json": json.dumps({"run_id": "r", "artifact_path": "a", "utc_time_created": "t", "flavors": {}}),
}
# Fields of which the right value depends on the route.
CHOSEN = {
    "status": ["FINISHED", "LOGGED_MODEL_READY"],
    "stage": ["Production"],
    "new_name": ["renamed"],
    "path": ["f.txt"],
    "datasets": [
        [{"tags": [PAIR], "dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s"}}],
        [],
    ],
}


class Sent(NamedTuple):
    """A request. Names in the address and in fields are chosen among MINE and OTHER when it is sent."""

    route: tuple[str, str]
    of_path: str
    fields: list[tuple[str, str, str, str]]  # field, whose, spelling, form of the value
    query: list[tuple[str, str, str, str]]
    rest: dict[str, Any]
    twice_encoded: bool
    mine_first: bool


def served() -> list[tuple[str, str]]:
    return sorted(
        (route.method, route.path)
        for route in routes()
        if route.path.startswith(("/api/", "/ajax-api/", "/get-artifact", "/model-versions/"))
        and not any(part in f"{route.path}/" for part in APART)
    )


FORMS = ["as it is", "escaped", "in a list", "in an object", "number", "padded", "empty", "null", "true"]
entries = st.lists(
    st.tuples(
        st.sampled_from(sorted(NAMING)),
        st.sampled_from(["mine", "other", "other"]),
        st.sampled_from(["snake", "camel", "escaped", "capital"]),
        st.sampled_from(["as it is"] * 6 + FORMS),
    ),
    max_size=3,
)
requests = st.builds(
    Sent,
    st.sampled_from(served()),
    st.sampled_from(["mine", "mine", "other"]),
    entries,
    entries,
    st.fixed_dictionaries({key: st.sampled_from(values) for key, values in CHOSEN.items()}),
    st.integers(0, 9).map(lambda number: number == 0),
    st.booleans(),
)


def spelled(name: str, how: str) -> str:
    """The name as JSON text."""
    if how == "camel":
        first, *others = name.split("_")
        name = first + "".join(other.capitalize() for other in others)
    if how == "capital":
        name = name.capitalize()
    text = json.dumps(name)
    return f'"\\u{ord(name[0]):04x}{text[2:]}' if how == "escaped" else text


def formed(value: Any, how: str) -> str:
    """The value as JSON text, right or wrong."""
    if how == "escaped" and isinstance(value, str):
        return f'"\\u{ord(value[0]):04x}{json.dumps(value)[2:]}'
    wrong = {
        "in a list": [value],
        "in an object": {"value": value},
        "number": int(value) if isinstance(value, str) and value.isdigit() else 1,
        "padded": f" {value} ",
        "empty": "",
        "null": None,
        "true": True,
    }
    return json.dumps(wrong.get(how, value))


def written(place: Place, sent: Sent) -> tuple[str, bytes, str]:
    """The address with its query, the body."""
    whose = {"mine": place.mine, "other": place.other}
    named = [(json.dumps(key), json.dumps(of(place.mine))) for key, of in NAMING.items() if key != "path"]
    named = [pair for pair in named if pair[0] != '"run_uuid"']  # another word for run_id
    odd = [(spelled(key, how), formed(NAMING[key](whose[who]), form)) for key, who, how, form in sent.fields]
    rest = [(json.dumps(key), json.dumps(value)) for key, value in {**REST, **sent.rest}.items()]
    body = [*named, *odd] if sent.mine_first else [*odd, *named]
    text = "{" + ", ".join(f"{key}: {value}" for key, value in [*rest, *body]) + "}"
    query = [
        (json.loads(spelled(key, how)), each)
        for key, who, how, _ in sent.query
        for each in listed(NAMING[key](whose[who]))
    ]
    if sent.route[0] == "GET":
        own = [(key, each) for key, of in NAMING.items() if key != "path" for each in listed(of(place.mine))]
        own += [(key, value) for key, value in {**REST, **sent.rest}.items() if isinstance(value, str)]
        query = [*own, *query] if sent.mine_first else [*query, *own]
    body_bytes = (json.dumps(text) if sent.twice_encoded else text).encode()
    return f"{address(sent, whose[sent.of_path])}?{urlencode(query)}", body_bytes, sent.route[0]


def listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def address(sent: Sent, of: Things) -> str:
    """The route's path with its names filled in."""
    path = sent.route[1].replace("{path:path}", NAMING["path"](of))
    parts = {
        "experiment_id": of.experiment,
        "run_id": of.run,
        "model_id": of.logged,
        "name": of.name,
        "version": "1",
        "alias": "best",
    }
    for name, value in parts.items():
        path = path.replace("{" + name + "}", quote(value, safe=""))
    return re.sub(r"\{[^}]*\}", "k", path)


# --- what must hold


def check(place: Place, sent: Sent, before: list[str]) -> None:
    """The answer holds nothing of the other things, and they are as they were."""
    url, body, method = written(place, sent)
    answer = place.loop.run(place.user.request(method, url, content=body, headers=JSON))
    place.statuses[answer.status_code] += 1
    assert SECRET not in answer.text, f"read by {method} {url} {body.decode()}: {answer.text}"
    assert place.state() == before, f"changed by {method} {url} {body.decode()}: {answer.text}"
    assert answer.status_code < 500 or answer.status_code == 501, (
        f"{method} {url} {body.decode()}: {answer.text}"
    )
    if answer.status_code == 200 and (
        method == "DELETE" or url.partition("?")[0].endswith(("delete", "rename"))
    ):
        place.restore()


def test_whatever_is_sent_the_things_of_others_are_neither_read_nor_changed(place: Place) -> None:
    before = place.state()
    assert [SECRET in text for text in before].count(False) == 1, "only the list of files shows nothing"

    @settings(max_examples=400, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(requests)
    def holds(sent: Sent) -> None:
        check(place, sent, before)

    holds()
    allowed, refused = place.statuses[200], place.statuses[403]
    total = sum(place.statuses.values())
    assert min(allowed, refused) > total / 10, place.statuses


def test_a_guard_that_reads_otherwise_than_its_endpoint_is_found(place: Place) -> None:
    """One that takes the first of two equal keys, where the endpoint takes the last."""

    async def first_run(request: Request, actor: Actor) -> bool:
        pairs = json.loads(await whole_body(request), object_pairs_hook=list)
        first = next(value for key, value in pairs if key == "run_id")
        return await access.run(place.app, actor, "update", first)

    path = f"{API}/runs/set-tag"
    changed = [
        route._replace(guard=Guard("update run", first_run)) if route.path == path else route
        for route in routes()
    ]
    table = Table(place.app, changed, ui.page)
    other = place.loop.run(things(place.admin, "another", SECRET))
    user = httpx.AsyncClient(
        transport=httpx.ASGITransport(table), base_url=HERE, headers=dict(place.user.headers)
    )
    twice = Sent(
        ("POST", path),
        "mine",
        [("run_id", "other", "snake", "as it is")],
        [],
        {},
        twice_encoded=False,
        mine_first=True,
    )
    right = replace(place, other=other)
    check(right, twice, right.state())
    wrong = replace(right, user=user)
    with pytest.raises(AssertionError, match="changed by POST"):
        check(wrong, twice, wrong.state())
    place.loop.run(user.aclose())
