"""A real server on a loopback port: in a thread, or as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvicorn

from postgres_server import store_for
from trackside.config import ServerSettings
from trackside.core.app import App
from trackside.server import start
from trackside.server.app import Server

sqlite_only = pytest.mark.skipif(
    os.environ.get("TRACKSIDE_TEST_STORE", "sqlite") != "sqlite", reason="looks into SQLite's file or engine"
)


@contextmanager
def running(settings: ServerSettings) -> Iterator[tuple[str, App]]:
    """Serve in a thread; the address and the App behind it. On PostgreSQL if TRACKSIDE_TEST_STORE says so."""
    settings = replace(settings, store=settings.store or store_for(settings.data_dir))
    listening = start.listen(settings)
    app = start.open_app(settings)
    server = uvicorn.Server(start.configuration(Server(app)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", app
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def served(*arguments: object, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `trackside server`; the process, whose output can be read, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trackside", "server", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server said: {line!r}"
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()
