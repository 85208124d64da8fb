"""Clients that hang up: their uploads end, and what they send next is what stays."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack

import httpx
import pytest
from live_server import running
from stored import on_s3
from weed import Weed, create_bucket

import postgres_server
from trackside.config import ServerSettings

FILE = "/api/2.0/mlflow-artifacts/artifacts/0/models/x/artifacts/a"


def head(url, size):
    return f"PUT {FILE} HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\nContent-Length: {size}\r\n\r\n".encode()


def whole_request(url, content):
    """A connection on which a whole upload was sent; its answer is not waited for."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head(url, len(content)) + content)
    return connection


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def own_weed(tmp_path):
    with Weed(tmp_path / "weed") as started:
        create_bucket(started, "artifacts")
        yield started


def test_what_a_client_sends_after_it_hung_up_stays(own_weed, tmp_path):
    at = on_s3(own_weed, "s3://artifacts")
    with (
        running(ServerSettings(data_dir=tmp_path / "data", port=0, storage=at)) as (url, app),
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        order = app.blobs.order
        for number in range(5):
            last, answers = b"last %d" % number, []
            with own_weed.stopped():
                for content in (b"sent", b"waits", b"waits too"):
                    with whole_request(url, content):
                        until(lambda: order._queue and len(order._under_way) == 1)
                        time.sleep(0.1)
                    until(lambda: not order._under_way)
                # The first is with the storage; those that only waited are gone.
                assert len(order._queue) == 1
                later = threading.Thread(target=lambda: answers.append(client.put(FILE, content=last)))  # noqa: B023
                later.start()
                until(lambda: len(order._queue) == 2)
            later.join(30)
            assert [answer.status_code for answer in answers] == [200]
            time.sleep(0.3)
            answer = client.get(FILE)
            assert (answer.content, "Repr-Digest" in answer.headers) == (last, True)


def test_a_client_that_is_there_is_told_that_a_later_upload_has_come_first(client, server):
    host = server[0]
    with whole_request(host, b"") as connection:
        connection.settimeout(10)
        connection.recv(1000)
        connection.sendall(head(host, 4) + b"ol")
        until(lambda: server[1].blobs.order._under_way)
        assert client.put(FILE, content=b"new").status_code == 200
        connection.sendall(b"d.")
        answer = b""
        while b"}" not in answer:
            answer += connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"was replaced by a later upload" in answer
    assert client.get(FILE).content == b"new"


def test_servers_on_one_store_wait_for_each_other(own_weed, tmp_path):
    """The first upload is with the storage when its client goes to the other server."""
    at = on_s3(own_weed, "s3://artifacts")
    with ExitStack() as stack:
        store = stack.enter_context(postgres_server.server("15")).new_database()
        (one, app), (two, other) = (
            stack.enter_context(
                running(ServerSettings(data_dir=tmp_path / name, port=0, storage=at, store=store))
            )
            for name in ("one", "two")
        )
        client = stack.enter_context(httpx.Client(timeout=30))
        for number in range(5):
            last, answers = b"last %d" % number, []
            with own_weed.stopped():
                with whole_request(one, b"sent"):
                    until(lambda: app.blobs.order._queue)
                    time.sleep(0.3)
                later = threading.Thread(target=lambda: answers.append(client.put(two + FILE, content=last)))  # noqa: B023
                later.start()
                until(lambda: other.blobs.order._queue)
                time.sleep(0.3)
                assert [change.is_sent for change in other.blobs.order._queue] == [False]
            later.join(30)
            assert [answer.status_code for answer in answers] == [200]
            time.sleep(0.3)
            assert client.get(one + FILE).content == last
