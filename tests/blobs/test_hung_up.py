"""Clients that hang up: their uploads end, and what they send next is what stays."""

from __future__ import annotations

import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from live_server import running
from stored import on_s3
from weed import Weed, create_bucket

import postgres_server
from trackside.config import ServerSettings

FILE = "/api/2.0/mlflow-artifacts/artifacts/0/models/x/artifacts/a"


def head(url, size, path=FILE):
    return f"PUT {path} HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\nContent-Length: {size}\r\n\r\n".encode()


def whole_request(url, content, path=FILE):
    """A connection on which a whole upload was sent; its answer is not waited for."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head(url, len(content), path) + content)
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


@pytest.mark.skipif(postgres_server.binaries("15") is None, reason="PostgreSQL 15 is not installed")
def test_who_hangs_up_leaves_no_name_held_among_servers(tmp_path):
    """At any moment; the other server on the store is never kept waiting by who is gone."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server.server("15"))
        store = postgres.new_database()
        (one, _), (two, _) = (
            stack.enter_context(running(ServerSettings(data_dir=tmp_path, port=0, store=store)))
            for _ in range(2)
        )
        chance = random.Random(7)
        delays = [chance.uniform(0, 0.03) for _ in range(160)]

        def hang_up(number):
            with whole_request(one, b"x" * 1000, f"{FILE}{number}"):
                time.sleep(delays[number])

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(hang_up, range(160)))
        time.sleep(0.5)
        with httpx.Client(base_url=two, timeout=10) as client:
            began = time.monotonic()
            assert {client.put(f"{FILE}{number}", content=b"y").status_code for number in range(160)} == {200}
            assert time.monotonic() - began < 15
