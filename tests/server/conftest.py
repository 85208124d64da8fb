"""A real server on a loopback port for each test module, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import running
from receiver import Receiver, receiving

from trackside.config import ServerSettings
from trackside.core.app import App


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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made
