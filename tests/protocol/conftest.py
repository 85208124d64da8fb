"""Servers and client stories for the protocol suites.

Every test that takes `server` runs twice: on Trackside, and (marked slow) on a real MLflow, which is the authority for
what is expected here. A test that describes Trackside alone takes `trackside`.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import servers
from servers import Server
from stories import Story, client_versions, tell
from wire import new_experiment, new_run

BOTH = ["trackside", pytest.param("mlflow", marks=pytest.mark.slow)]


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On two processes (`--dist loadgroup`): one asks both servers the same, with a ledger of all differences; the other
    does the rest, since a client's story is told once for many tests."""
    for item in items:
        if item.path.is_relative_to(HERE):
            alike = "differential" in item.path.parts
            item.add_marker(pytest.mark.xdist_group("differential" if alike else "clients"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow for all suites that ask it: it takes 12 s to start. TRACKSIDE_TEST_MLFLOW_PORT names one that
    runs already, for those who write tests."""
    folder = tmp_path_factory.mktemp("mlflow")
    port = os.environ.get("TRACKSIDE_TEST_MLFLOW_PORT")
    if port:
        yield servers.mlflow(folder, int(port))
        return
    with servers.mlflow(folder) as running:
        yield running


@pytest.fixture(scope="session", params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param == "mlflow":
        yield request.getfixturevalue("authority")
        return
    with servers.trackside(tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


# On the authority a client shows that the expectations are MLflow's: "one", when a chapter was changed; "all" of them.
ON_AUTHORITY = {"one": [servers.AUTHORITY], "all": client_versions()}
STORIES = [("trackside", version) for version in client_versions()] + [
    ("mlflow", version) for version in ON_AUTHORITY.get(os.environ.get("TRACKSIDE_TEST_AUTHORITY", ""), [])
]


@pytest.fixture(scope="session", params=STORIES, ids="-".join)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A client's story on a server of its own, so that names and counts are a user's first."""
    kind, version = request.param
    folder = tmp_path_factory.mktemp("story")
    start = servers.trackside if kind == "trackside" else servers.mlflow
    with start(folder) as running:
        yield tell(version, running.url, folder, of_trackside=kind == "trackside")


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
