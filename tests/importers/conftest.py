"""Sources that several tests import from: servers, a database, a folder; and an S3 server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from releases import SOURCE_RUNS, Moved, fill, moved
from weed import Weed, create_bucket


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Callable[[], Moved]]]:
    """Both servers at once: most of their time each waits for itself."""
    folder = tmp_path_factory.mktemp("servers")
    with ThreadPoolExecutor(2) as threads:
        begun = {
            version: threads.submit(moved, version, folder / version) for version in ("2.20.2", "3.17.2")
        }
        yield {version: future.result for version, future in begun.items()}


@pytest.fixture(scope="session", params=["2.20.2", "3.17.2"])
def from_server(request: pytest.FixtureRequest, both: dict[str, Callable[[], Moved]]) -> Moved:
    return both[request.param]()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mlflow.db of 3.17.2 and artifacts behind mlflow-artifacts:/ in `kept`."""
    folder = tmp_path_factory.mktemp("source")
    fill("3.17.2", f"sqlite:///{folder}/mlflow.db", f"proxied:{folder}/kept", SOURCE_RUNS)
    return folder


@pytest.fixture(scope="session")
def filled_mlruns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    fill("2.20.2", folder / "mlruns", "-", 8)
    # What it says of places is no longer so: its artifacts must be found where it is now.
    return (folder / "mlruns").rename(folder / "moved")


@pytest.fixture
def mlruns(filled_mlruns: Path, tmp_path: Path) -> Path:
    """A folder of MLflow 2.20.2 of the test's own, with 8 runs."""
    return shutil.copytree(filled_mlruns, tmp_path / "mlruns")


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    with Weed(tmp_path_factory.mktemp("weed")) as started:
        create_bucket(started, "moved")
        yield started
