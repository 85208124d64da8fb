"""Killed in the middle of an upload, server or storage: nothing of it is visible, nothing is left, nobody hangs."""

from __future__ import annotations

import http.client
import os
import socket
import time
from contextlib import contextmanager

import httpx
import pytest
import servers
from live_server import running
from stored import content, left_over, on_s3
from weed import Weed, create_bucket

from trackside.blobs.folder import FolderStore
from trackside.blobs.objects import ObjectBlobs
from trackside.config import ServerSettings

PATH = "/api/2.0/mlflow-artifacts/artifacts/0/models/x/artifacts"


@contextmanager
def half_sent(port, size=60_000_000, sent=30_000_000):
    """A connection with half of a file sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("PUT", f"{PATH}/half.bin")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    connection.send(os.urandom(sent))
    time.sleep(0.5)
    yield connection
    connection.close()


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_a_killed_server_leaves_nothing(where, weed, place, tmp_path, run):
    options = ["--artifacts", place.url] if where == "s3" else []
    server = servers.trackside(tmp_path, *options)
    server.environment |= weed.environment
    blobs = ObjectBlobs(place) if where == "s3" else None
    with server:
        httpx.put(f"{server.url}{PATH}/whole.bin", content=b"acknowledged")
        with half_sent(server.port):
            blobs = blobs or FolderStore(tmp_path / "data" / "artifacts")
            assert len(left_over(blobs)) == 1
            server.kill()
        assert len(left_over(blobs)) == 1
        server.start()
        assert [e.path.rpartition("/")[2] for e in run(blobs.entries("0/models/x/artifacts"))] == [
            "whole.bin"
        ]
        assert httpx.get(f"{server.url}{PATH}/whole.bin").content == b"acknowledged"
        if where == "s3":
            # Only those begun long ago: a younger one may be another server's.
            assert run(blobs.tidy()) == 0
            assert blobs.abort_unfinished(0) == 1
    assert left_over(blobs) == []


@pytest.fixture
def own_weed(tmp_path):
    with Weed(tmp_path / "weed") as started:
        yield started


def seconds_of(action):
    began = time.monotonic()
    return action(), time.monotonic() - began


def test_storage_that_dies_is_said_and_works_again_when_it_is_back(own_weed, tmp_path, run):
    at = on_s3(own_weed, "s3://artifacts/x")
    create_bucket(own_weed, "artifacts")
    with running(ServerSettings(data_dir=tmp_path / "data", port=0, storage=at)) as (url, _):
        port = int(url.rpartition(":")[2])
        assert httpx.put(f"{url}{PATH}/a", content=b"acknowledged").status_code == 200
        with half_sent(port) as upload:
            own_weed.kill()
            upload.send(os.urandom(30_000_000))
            answer, seconds = seconds_of(upload.getresponse)
            assert (answer.status, seconds < 40) == (503, True)
            assert f"No answer from {own_weed.endpoint}" in answer.read().decode()
        with httpx.Client(base_url=url, timeout=40) as client:
            for ask in (
                lambda: client.get(f"{PATH}/a"),
                lambda: client.put(f"{PATH}/b", content=b"x"),
                lambda: client.delete(f"{PATH}/a"),
                lambda: client.get("/api/2.0/mlflow-artifacts/artifacts", params={"path": "0"}),
                lambda: client.get(f"{PATH.replace('/artifacts/', '/presigned/', 1)}/a"),
                lambda: client.post(
                    f"{PATH.replace('/artifacts/', '/mpu/create/', 1)}", json={"path": "b", "num_parts": 1}
                ),
            ):
                answer, seconds = seconds_of(ask)
                assert (answer.status_code, seconds < 20) == (503, True), answer.text
                assert "No answer from" in answer.json()["message"]
            made = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
            assert made.status_code == 200
            own_weed.start()
            for _ in range(100):
                if client.get(f"{PATH}/a").content == b"acknowledged":
                    break
                time.sleep(0.1)
            assert client.put(f"{PATH}/b", content=b"x").status_code == 200
            assert client.get(f"{PATH}/half.bin").status_code == 404
        assert run(content(ObjectBlobs(at), "0/models/x/artifacts/a")) == b"acknowledged"
        assert ObjectBlobs(at).abort_unfinished(0) <= 1
        assert left_over(ObjectBlobs(at)) == []


def test_storage_that_is_silent_is_given_up(tmp_path, weed):
    """It takes connections and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        at = on_s3(
            weed, "s3://artifacts", endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=1
        )
        with running(ServerSettings(data_dir=tmp_path, port=0, storage=at)) as (url, _):
            answer, seconds = seconds_of(lambda: httpx.get(f"{url}{PATH}/a", timeout=30))
            assert (answer.status_code, seconds < 10) == (503, True)
            answer, seconds = seconds_of(lambda: httpx.put(f"{url}{PATH}/a", content=b"x", timeout=30))
            assert (answer.status_code, seconds < 10) == (503, True)
