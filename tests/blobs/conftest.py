"""A real S3 server for the session, and Trackside servers on it and on a folder: each test of artifacts runs on both."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from stored import on_s3
from weed import Weed, create_bucket

from trackside.blobs import BlobStore
from trackside.blobs.folder import FolderStore
from trackside.blobs.objects import ObjectBlobs
from trackside.config import ServerSettings, StorageSettings
from trackside.core.app import App

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "server"), str(TESTS / "protocol")]

from live_server import running  # noqa: E402


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    with Weed(tmp_path_factory.mktemp("weed")) as started:
        yield started


@pytest.fixture(scope="session")
def bucket(weed: Weed) -> str:
    create_bucket(weed, "artifacts")
    return "artifacts"


@pytest.fixture
def place(weed: Weed, bucket: str) -> StorageSettings:
    """A prefix of its own."""
    return on_s3(weed, f"s3://{bucket}/{uuid.uuid4().hex}/below")


@pytest.fixture(scope="module", params=["folder", "s3"])
def storage(request: pytest.FixtureRequest) -> StorageSettings | None:
    """Where a server keeps artifacts; None for a folder."""
    if request.param == "folder":
        return None
    at = request.getfixturevalue("weed")
    return on_s3(at, f"s3://{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def server(
    storage: StorageSettings | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, App]]:
    settings = ServerSettings(data_dir=tmp_path_factory.mktemp("data"), port=0, storage=storage)
    with running(settings) as served:
        yield served


@pytest.fixture
def client(server: tuple[str, App]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server[0], timeout=20) as made:
        yield made


@pytest.fixture
def run() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Run coroutines in one event loop."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "artifacts")
    return ObjectBlobs(request.getfixturevalue("place"))
