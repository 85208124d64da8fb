"""The short way of plain requests means what the long way does, whatever comes over the connection."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from trackside.errors import Unavailable
from trackside.server import express

MLFLOW = "/api/2.0/mlflow/runs"
POINT = {"key": "loss", "value": 0.5, "timestamp": 1, "step": 0}


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, url):
        at = urlsplit(url)
        self.host = at.netloc
        self.socket = socket.create_connection((at.hostname, at.port), timeout=20)
        self.reader = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """Status, headers and body of the next answer."""
        status = int(self.reader.readline().split()[1])
        headers = {}
        while line := self.reader.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self.reader.read(int(headers["content-length"]))

    def request(self, path, body, *more, version="1.1", kind="application/json"):
        """The bytes of a POST as MLflow's client sends them."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"POST {MLFLOW}/{path} HTTP/{version}", f"Host: {self.host}", f"Content-Type: {kind}"]
        head += [f"Content-Length: {len(content)}", "Accept: */*", *more]
        return "\r\n".join([*head, "", ""]).encode() + content


@pytest.fixture
def wire(url, client):
    client.get("/version")  # the Host header has been seen
    made = Wire(url)
    yield made
    made.reader.close()
    made.socket.close()


@pytest.fixture
def run_id(client):
    return client.post(f"{MLFLOW}/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]


@pytest.fixture
def short(monkeypatch):
    """The paths of the requests that were answered the short way."""
    sent = []
    send = express.Express._send

    async def counted(self, cycle, content):
        sent.append(cycle.scope["path"].rpartition("/")[2])
        await send(self, cycle, content)

    monkeypatch.setattr(express.Express, "_send", counted)
    return sent


def steps(client, run_id):
    found = client.get("/api/2.0/mlflow/metrics/get-history", params={"run_id": run_id, "metric_key": "loss"})
    return [point["step"] for point in found.json().get("metrics", [])]


def test_what_clients_send_all_the_time_goes_the_short_way(client, run_id, short):
    for path, body in [
        ("create", {"experiment_id": "0", "start_time": 5, "run_name": "quick"}),
        ("log-metric", {"run_id": run_id, **POINT}),
        ("log-batch", {"run_id": run_id, "metrics": [POINT], "params": [{"key": "lr", "value": "0.1"}]}),
        ("log-parameter", {"run_id": run_id, "key": "p", "value": "1"}),
        ("set-tag", {"run_id": run_id, "key": "t", "value": "1"}),
    ]:
        answer = client.post(f"{MLFLOW}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        assert short.pop() == path
        unusual = {**body, "params": body.get("params", [])[:0]} if path == "log-batch" else body
        long = client.post(
            f"{MLFLOW}/{path}", json=unusual, headers={"Content-Type": "application/json; charset=utf-8"}
        )
        assert short == []
        assert {**answer.headers, "date": "", "content-length": ""} == {
            **long.headers,
            "date": "",
            "content-length": "",
        }
        assert answer.json().keys() == long.json().keys()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 400),
        ({"X-MLFLOW-WORKSPACE": "team"}, 400),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Host": "rebound.example"}, 403),
    ],
)
def test_what_the_head_forbids_is_refused(client, run_id, short, headers, status):
    body = json.dumps({"run_id": run_id, **POINT})
    sent = {"Content-Type": "application/json", **headers}
    assert client.post(f"{MLFLOW}/log-metric", content=body, headers=sent).status_code == status
    assert short == []
    assert steps(client, run_id) == []


@pytest.mark.parametrize(
    "body",
    [
        {"runId": "RUN", **POINT},
        {"run_id": "RUN", **POINT, "value": "0.5"},
        {"run_id": "RUN", **POINT, "timestamp": "1"},
    ],
)
def test_other_spellings_are_understood(client, run_id, body):
    text = json.dumps(body).replace("RUN", run_id)
    answer = client.post(f"{MLFLOW}/log-metric", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert steps(client, run_id) == [0]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"run_id": "0" * 32, **POINT}, 404, "Run with id=" + "0" * 32 + " not found"),
        (
            {"run_id": "RUN", "key": "loss", "timestamp": 1},
            400,
            "Missing value for required parameter 'value'",
        ),
        ({"run_id": "RUN", **POINT, "key": "a//b"}, 400, "Invalid"),
        (
            {"run_id": "RUN", **POINT, "value": "much"},
            400,
            "Invalid value \"much\" for parameter 'value'",
        ),
    ],
)
def test_errors_are_those_of_the_long_way(client, run_id, body, status, words):
    text = json.dumps(body).replace("RUN", run_id)
    answers = [
        client.post(f"{MLFLOW}/log-metric", content=text, headers={"Content-Type": kind})
        for kind in ("application/json", "application/json; charset=utf-8")
    ]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].json() == answers[1].json()
    assert words in answers[0].json()["message"]


def test_a_store_that_cannot_be_reached_is_told_as_ever(client, server, run_id, monkeypatch):
    async def gone(job, *, runs=None):
        raise Unavailable("The database does not answer; try again.")

    monkeypatch.setattr(server[1].db, "write", gone)
    answer = client.post(f"{MLFLOW}/log-metric", json={"run_id": run_id, **POINT})
    assert answer.status_code == 503
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"


def test_a_write_that_hangs_is_given_up(client, server, run_id, monkeypatch):
    async def hangs(job, *, runs=None):
        await asyncio.sleep(60)

    monkeypatch.setattr(server[1].db, "write", hangs)
    monkeypatch.setitem(server[1].settings.__dict__, "handler_seconds", 0.1)
    assert client.post(f"{MLFLOW}/log-metric", json={"run_id": run_id, **POINT}).status_code == 503


def test_requests_in_one_packet_are_answered_in_their_order(wire, client, run_id, short):
    requests = [wire.request("log-metric", {"run_id": run_id, **POINT, "step": step}) for step in range(3)]
    bad = wire.request("log-metric", {"run_id": "0" * 32, **POINT})
    slow = wire.request("log-metric", {"runId": run_id, **POINT, "step": 3})
    wire.send(b"".join([*requests[:2], bad, slow, requests[2]]))
    assert [wire.answer()[0] for _ in range(5)] == [200, 200, 404, 200, 200]
    assert steps(client, run_id) == [0, 1, 2, 3]
    assert short == ["log-metric"] * 3


def test_a_body_that_comes_in_pieces_is_read_whole(wire, client, run_id):
    request = wire.request("log-metric", {"run_id": run_id, **POINT})
    for piece in (request[:10], request[10:-30], request[-30:-1], request[-1:]):
        wire.send(piece)
        time.sleep(0.02)
    assert wire.answer()[::2] == (200, b"{}")
    assert steps(client, run_id) == [0]


def test_chunks_and_expectations(wire, client, run_id):
    content = json.dumps({"run_id": run_id, **POINT}).encode()
    head = f"POST {MLFLOW}/log-metric HTTP/1.1\r\nHost: {wire.host}\r\nContent-Type: application/json\r\n"
    wire.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    wire.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    assert wire.answer()[0] == 200
    wire.send(f"{head}Expect: 100-continue\r\nContent-Length: {len(content)}\r\n\r\n".encode())
    assert wire.reader.readline().startswith(b"HTTP/1.1 100")
    wire.reader.readline()
    wire.send(content)
    assert wire.answer()[0] == 200
    assert steps(client, run_id) == [0]


@pytest.mark.parametrize(
    ("version", "more", "stays"),
    [("1.1", [], True), ("1.1", ["Connection: close"], False), ("1.0", [], False)],
)
def test_the_connection_stays_open_as_asked(wire, run_id, version, more, stays):
    wire.send(wire.request("log-metric", {"run_id": run_id, **POINT}, *more, version=version))
    status, headers, _ = wire.answer()
    assert status == 200
    assert headers.get("connection") == (None if stays else "close")
    if stays:
        wire.send(wire.request("log-metric", {"run_id": run_id, **POINT}))
        assert wire.answer()[0] == 200
    else:
        assert wire.reader.read() == b""


def chunked(wire, content):
    head = f"POST {MLFLOW}/log-metric HTTP/1.1\r\nHost: {wire.host}\r\nContent-Type: application/json\r\n"
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"%x\r\n%b\r\n0\r\n" % (
        len(content),
        content,
    )


def test_trailers_are_no_headers(wire, client, run_id):
    wire.send(chunked(wire, json.dumps({"run_id": run_id, **POINT}).encode()))
    wire.send(
        b"Host: rebound.example\r\nOrigin: https://elsewhere.example\r\nX-MLFLOW-WORKSPACE: team\r\n\r\n"
    )
    assert wire.answer()[0] == 200
    assert steps(client, run_id) == [0]


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 200_000, b"X: " + b"y" * 1_000_000])
def test_endless_trailers_end_the_connection(wire, client, run_id, trailers):
    wire.send(chunked(wire, json.dumps({"run_id": run_id, **POINT}).encode()))
    with pytest.raises(OSError, match=r"reset|Broken"):
        wire.send(trailers * 100)
    assert client.get("/health").status_code == 200


def test_chunks_of_any_size_are_a_body(wire, client, run_id):
    content = json.dumps({"run_id": run_id, **POINT, "dataset_name": ""}).encode() + b" " * 500_000
    pieces = [content[at : at + 1] for at in range(100)] + [content[100:300_000], content[300_000:]]
    wire.send(chunked(wire, b"")[: -len(b"0\r\n\r\n0\r\n")])
    for piece in pieces:
        wire.send(b"%x\r\n" % len(piece))
        wire.send(piece + b"\r\n")
    wire.send(b"0\r\n\r\n")
    assert wire.answer()[0] == 200
    assert steps(client, run_id) == [0]


def test_a_path_in_another_spelling_goes_the_long_way(client, run_id, short):
    answer = client.post("/api/2.0/mlflow/runs/log%2Dmetric", json={"run_id": run_id, **POINT})
    assert answer.status_code == 200
    assert short == []


def test_a_body_beyond_the_limit_is_refused(wire, server):
    limit = server[1].settings.body_limit_bytes
    wire.send(wire.request("log-metric", b'{"key": "' + b"x" * limit + b'"}'))
    assert wire.answer()[0] == 413


def test_a_client_that_hangs_up_has_logged_what_it_sent(url, client, run_id):
    client.get("/version")
    made = Wire(url)
    made.send(made.request("log-metric", {"run_id": run_id, **POINT}))
    made.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    made.reader.close()
    made.socket.close()
    deadline = time.monotonic() + 10
    while steps(client, run_id) != [0] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert steps(client, run_id) == [0]
