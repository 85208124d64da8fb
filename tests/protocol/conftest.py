"""Servers and client stories for the protocol suites.

Every test that takes `server` runs twice: on Trackside, and (marked slow) on a real MLflow, which is the authority for
what is expected here. A test that describes Trackside alone takes `trackside`.
"""

import os
import uuid
from collections.abc import Iterator

import httpx
import pytest
import servers
from servers import Server
from stories import Story, client_versions, tell
from wire import new_experiment, new_run
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

TOGETHER = {
    "differential": ("tests/protocol/differential/",),
    "stories": tuple(f"tests/protocol/test_{name}.py" for name in ("clients", "refusals", "surface")),
}
BOTH = ["trackside", pytest.param("mlflow", marks=pytest.mark.slow)]


class ByGroup(LoadFileScheduling):
    """On several processes: a file at a time, but together what asks both servers the same, with its one ledger of all
    differences, and what looks at the clients' stories, each told once. (pytest-xdist 3.8 does not see its own groups,
    `--dist loadgroup`, with pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((group for group, files in TOGETHER.items() if file.startswith(files)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGroup | None:
    return ByGroup(config, log) if config.getvalue("dist") == "loadfile" else None


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
