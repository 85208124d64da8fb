"""Servers and client stories for the protocol suites.

Every test that takes `server` runs twice: on Trackside, and (marked slow) on a real MLflow, which is the authority for
what is expected here. A test that describes Trackside alone takes `trackside`.
"""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import servers
from servers import Server
from wire import new_experiment, new_run

BOTH = ["trackside", pytest.param("mlflow", marks=pytest.mark.slow)]


def client_versions() -> list[str]:
    """The client releases of clients.txt, which scripts/clients installs."""
    lines = (Path(__file__).parent / "clients.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="session", params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    start = servers.trackside if request.param == "trackside" else servers.mlflow
    with start(tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


# One client on the authority shows that the expectations are MLflow's; all of them, when they are changed.
ON_AUTHORITY = (
    client_versions() if os.environ.get("TRACKSIDE_TEST_AUTHORITY") == "all" else [servers.AUTHORITY]
)
STORIES = [("trackside", version) for version in client_versions()] + [
    ("mlflow", version) for version in ON_AUTHORITY
]


class Story:
    """What one client release saw, chapter by chapter."""

    def __init__(self, version: str, records: dict[str, dict[str, Any]]) -> None:
        self.version = version
        self.is_3 = int(version.partition(".")[0]) >= 3
        self._records = records

    def chapter(self, name: str) -> dict[str, Any]:
        record = self._records.get(name)
        assert record is not None, f"the client {self.version} never came to chapter {name}"
        assert "error" not in record, f"client {self.version}, chapter {name}:\n{record['error']}"
        facts: dict[str, Any] = record["facts"]
        return facts


def tell(version: str, url: str, folder: Path) -> Story:
    """Run the story with that client in a process of its own."""
    out = folder / "story.jsonl"
    command = [
        str(servers.client_python(version)),
        "-W",
        "ignore",
        str(Path(__file__).parent / "client_story"),
        str(out),
    ]
    with (folder / "client.log").open("wb") as log:
        ended = subprocess.run(
            command,
            env=servers.client_environment(MLFLOW_TRACKING_URI=url),
            stdout=log,
            stderr=log,
            timeout=300,
            check=False,
        )
    assert ended.returncode == 0, (folder / "client.log").read_text()[-3000:]
    records = [json.loads(line) for line in out.read_text().splitlines()]
    return Story(version, {record["chapter"]: record for record in records})


@pytest.fixture(scope="session", params=STORIES, ids="-".join)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A client's story on a server of its own, so that names and counts are a user's first."""
    kind, version = request.param
    folder = tmp_path_factory.mktemp("story")
    start = servers.trackside if kind == "trackside" else servers.mlflow
    with start(folder) as running:
        yield tell(version, running.url, folder)


@pytest.fixture(scope="session")
def trackside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Trackside server for what is ours alone."""
    with servers.trackside(tmp_path_factory.mktemp("trackside-alone")) as running:
        yield running


@pytest.fixture
def places(http: httpx.Client) -> dict[str, str]:
    """A new experiment and a new run of it, by the names that wire.fill puts in."""
    experiment = new_experiment(http, f"wire {uuid.uuid4().hex}")
    return {"experiment": experiment, "run": new_run(http, experiment)}


@pytest.fixture
def ours(trackside: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=trackside.url, timeout=30) as client:
        yield client


@pytest.fixture
def our_run(ours: httpx.Client) -> str:
    return new_run(ours, new_experiment(ours, f"ours {uuid.uuid4().hex}"))
