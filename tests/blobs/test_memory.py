"""A large file goes through the server without being held by it."""

from __future__ import annotations

import http.client
import os
from pathlib import Path

import pytest
import servers

MEGABYTES = 512
FILE = "/api/2.0/mlflow-artifacts/artifacts/0/models/x/artifacts/large.bin"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def most_mb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


@pytest.mark.parametrize(("where", "more_mb"), [("folder", 50), ("s3", 160)])
def test_memory_stays_flat(where, more_mb, weed, place, tmp_path):
    block = os.urandom(1 << 20)
    server = servers.trackside(tmp_path, *(["--artifacts", place.url] if where == "s3" else []))
    server.environment |= weed.environment
    with server:
        before = most_mb(server.process.pid)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=150, blocksize=1 << 20)
        connection.request(
            "PUT", FILE, (block for _ in range(MEGABYTES)), {"Content-Length": str(MEGABYTES << 20)}
        )
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        connection.request("GET", FILE)
        answer = connection.getresponse()
        got = sum(len(piece) for piece in iter(lambda: answer.read(1 << 20), b""))
        connection.close()
        assert got == MEGABYTES << 20
        grown = most_mb(server.process.pid) - before
        assert grown < more_mb, f"{grown:.0f} MB more than before"
