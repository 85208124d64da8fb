"""A real server on a loopback port for each test module, and a client for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from trackside.config import ServerSettings
from trackside.core.app import App
from trackside.server import start
from trackside.server.app import Server


@contextmanager
def running(settings: ServerSettings) -> Iterator[tuple[str, App]]:
    """Serve in a thread; the address and the App behind it."""
    listening = start.listen(settings)
    app = start.open_app(settings)
    server = uvicorn.Server(uvicorn.Config(Server(app), log_level="warning", ws="none", proxy_headers=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", app
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, App]]:
    with running(ServerSettings(data_dir=tmp_path_factory.mktemp("data"), port=0)) as served:
        yield served


@pytest.fixture(scope="module")
def url(server: tuple[str, App]) -> str:
    return server[0]


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20) as made:
        yield made


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
