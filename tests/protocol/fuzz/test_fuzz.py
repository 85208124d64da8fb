"""What nobody would send, to every route of the server: never a 5xx for it, never a traceback, memory bounded."""

import contextlib
import json
import re
import socket
import string
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from asks import REQUESTS
from conftest import Target, fuzzing
from hypothesis import given
from hypothesis import strategies as st
from wire import fill

from trackside.server.app import routes
from trackside.server.routing import Route

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

MAX_ANSWER = 4 * 1024**2
INTERNAL = re.compile(r"Traceback|File \"|\.py\"|sqlite3|msgspec\.|site-packages")
ROUTES = sorted(routes(), key=lambda route: (route.path, route.method))
IDS = [f"{route.method} {route.path}" for route in ROUTES]
KINDS = [
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "",
    "*/*",
]

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", "0", "-1", "--5", "+-1", "NaN", "null", "../..", "%00", "\x00", "'", '"', "`", "' OR 1=1 --", "9" * 40, "é", "\U0001f600", "a" * 5000, "{run}", "{model}", "1e999", "m-1", "latest"]),
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**40]),
    st.floats(),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def check(route: str, answer: httpx.Response, body: str) -> None:
    known = answer.status_code == 501 or '"INVALID_STATE"' in body
    assert answer.status_code < 500 or known, f"{route}: {answer.status_code} {body[:500]}"
    # The page and the scripts of the web app may say what they like.
    if "json" in answer.headers.get("content-type", ""):
        shown = INTERNAL.search(body)
        assert shown is None, f"{route} shows {shown}: {body[:500]}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"error_code": "INTERNAL_ERROR"}'),
        (503, "{}"),
        (400, '{"message": "Traceback (most recent call last)"}'),
        (400, '{"message": "sqlite3.OperationalError"}'),
    ],
)
def test_what_would_be_found(status: int, body: str) -> None:
    answer = httpx.Response(status, headers={"content-type": "application/json"}, text=body)
    with pytest.raises(AssertionError):
        check("GET /", answer, body)


def send(target: Target, method: str, url: str, body: bytes, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    with target.http.stream(method, url, content=body, headers=headers) as answer:
        content = b""
        # A stream of events does not end.
        if "event-stream" not in answer.headers.get("content-type", ""):
            for piece in answer.iter_bytes():
                content += piece
                assert len(content) < MAX_ANSWER
        check(f"{method} {url[:300]}", answer, content.decode("utf-8", "replace"))


def filled(path: str, target: Target, value: str) -> str:
    """The path with something for each of its parts."""
    known = {
        "run_id": "{run}",
        "model_id": "{logged}",
        "experiment_id": "0",
        "name": "{model}",
        "version": "1",
    }

    def part(match: re.Match[str]) -> str:
        name = match[1].partition(":")[0]
        chosen = value or fill(known.get(name, "x"), target.names)
        return quote(chosen.encode("utf-8", "surrogatepass"), safe="") or "x"

    return re.sub(r"\{([^}]+)\}", part, path)


NASTY = [
    b"", b"{}", b"[]", b"null", b"5", b'"x"', b"{", b"\x00\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 50_000, b'{"run_id": 5, "name": [], "experiment_id": {}, "tags": 7, "filter": 1.5}',
    b'{"run_id": "\\ud800", "name": "\\u0000", "key": "\\udfff"}', b'{"max_results": 1e400, "order_by": [[]], "filter": "((((", "page_token": "e30="}', b'{"name": "' + b"x" * 100_000 + b'"}',
]  # fmt: skip


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_every_route(target: Target, route: Route) -> None:
    for body in NASTY:
        for value in ("", "../%2e%2e/x\x00'"):
            send(target, route.method, filled(route.path, target, value), body, "application/json")


@fuzzing
@given(
    route=st.sampled_from(ROUTES),
    value=texts,
    query=st.dictionaries(st.sampled_from(["run_id", "run_ids", "path", "name", "filter", "max_results", "page_token", "order_by", "version", "metric_key", "x"]), texts, max_size=4),
    body=st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()),
    kind=st.sampled_from(KINDS),
)  # fmt: skip
def test_any_bytes(
    target: Target, route: Route, value: str, query: dict[str, str], body: bytes, kind: str
) -> None:
    encoded = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    url = (
        str(httpx.URL(filled(route.path, target, value), params=encoded))
        if query
        else filled(route.path, target, value)
    )
    send(target, route.method, url, body, kind)


@fuzzing
@given(name=st.sampled_from(sorted(REQUESTS)), data=st.data())
def test_changed_requests(target: Target, name: str, data: st.DataObject) -> None:
    """A request that is right but for one or two places."""
    ask = REQUESTS[name]
    sent = fill(ask.body if ask.body is not None else ask.query, target.names)
    for _ in range(data.draw(st.integers(1, 2))):
        sent = replaced(sent, data)
    url = fill(ask.url, target.names)
    if ask.body is None and isinstance(sent, dict):
        pairs = {str(key): str(value).encode("utf-8", "replace").decode() for key, value in sent.items()}
        url = str(httpx.URL(url, params=pairs))
    send(target, ask.method, url, json.dumps(sent).encode(), "application/json")


def replaced(value: Any, data: st.DataObject) -> Any:
    """The value with one place of it, at any depth, replaced, left out or doubled."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        how = data.draw(st.sampled_from(["deeper", "without", "more"]))
        if how == "without":
            return {name: item for name, item in value.items() if name != key}
        if how == "more":
            return {**value, data.draw(texts): data.draw(values)}
        return {**value, key: replaced(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [replaced(value[0], data), *value * data.draw(st.integers(0, 3))]
    return data.draw(values)


FILTERS = ["run_name", "metrics.a", "params.`b c`", "tags.x", "=", "!=", "<", "LIKE", "ILIKE", "IN", "NOT", "AND", "OR", "IS", "NULL", "BETWEEN", "(", ")", ",", "'a'", '"b"', "1", "-1e5", "num(", "~", "'", "`", ";", "é", "\x00", "datasets.name", "attributes."]  # fmt: skip


@fuzzing
@given(
    words=st.lists(st.sampled_from(FILTERS) | st.text(string.printable, max_size=5), max_size=12), order=texts
)
def test_filters(target: Target, words: list[str], order: str) -> None:
    text = " ".join(words)
    for path in ("runs/search", "experiments/search", "logged-models/search"):
        orders: list[Any] = [{"field_name": order}] if path.startswith("logged") else [order]
        body = {"experiment_ids": ["0"], "max_results": 5, "filter": text, "order_by": orders}
        send(target, "POST", f"/api/2.0/mlflow/{path}", json.dumps(body).encode(), "application/json")
    for path in ("registered-models/search", "model-versions/search"):
        url = httpx.URL(
            f"/api/2.0/mlflow/{path}",
            params={"filter": text, "order_by": order.encode("utf-8", "replace").decode()},
        )
        send(target, "GET", str(url), b"", "")


@fuzzing
@given(
    data=st.binary(max_size=400),
    line=st.sampled_from(
        [b"", b"GET / HTTP/1.1\r\n", b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\n"]
    ),
)
def test_raw_bytes(target: Target, line: bytes, data: bytes) -> None:  # fmt: skip
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=15) as connection:
        connection.sendall(line + data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
    status = re.match(rb"HTTP/1\.1 (\d+)", answer)
    assert status is None or int(status[1]) < 500, answer[:500]
    assert b"Traceback" not in answer


BIG = 40 * 1024**2


@pytest.mark.parametrize(
    "path", ["runs/log-batch", "runs/log-inputs", "runs/search", "experiments/create", "runs/log-metric"]
)
def test_what_is_too_large_is_not_kept(target: Target, path: str) -> None:
    before = target.resident_bytes()
    for _ in range(3):
        pieces = (b"x" * 65_536 for _ in range(BIG // 65_536))
        try:
            answer = target.http.post(
                f"/api/2.0/mlflow/{path}", content=pieces, headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError:
            continue  # the server has heard enough
        assert answer.status_code in {400, 413}
    assert target.resident_bytes() - before < 2 * BIG
