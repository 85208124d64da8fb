"""One real MLflow and one Trackside for the whole suite, and what each area's cases begin with."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import servers
from _pytest.capture import CaptureManager
from pair import Ledger, Pair, Side, unique
from places import make_logged, make_model, make_place
from servers import Server

LEDGER = pytest.StashKey[Ledger]()


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest) -> Ledger:
    def tell(text: str) -> None:
        capture: CaptureManager = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    return request.config.stash.setdefault(LEDGER, Ledger(tell))


@pytest.fixture(scope="session")
def both(authority: Server, tmp_path_factory: pytest.TempPathFactory, ledger: Ledger) -> Iterator[Pair]:
    """The two servers, with the next experiment's number the same on both."""
    with (
        servers.trackside(tmp_path_factory.mktemp("differential")) as ours,
        httpx.Client(base_url=authority.url, timeout=60) as to_authority,
        httpx.Client(base_url=ours.url, timeout=60) as to_ours,
    ):
        # MLflow sends head and body apart: over a connection that is kept, each answer waits for 40 ms.
        theirs = Side(authority, to_authority, headers={"Connection": "close"})
        pair = Pair(theirs, Side(ours, to_ours), ledger)
        pair.level_experiments()
        yield pair


@pytest.fixture(autouse=True)
def noted(request: pytest.FixtureRequest, ledger: Ledger) -> None:
    """Which modules ran, for test_ledger.py."""
    ledger.modules.add(request.module.__name__)


@pytest.fixture
def pair(both: Pair, request: pytest.FixtureRequest) -> Pair:
    """A new experiment with a run; names of the test's own."""
    scene = both.in_area(request.module.__name__.removeprefix("test_diff_"))
    make_place(scene)
    return scene


@pytest.fixture
def registry(pair: Pair) -> Pair:
    """The same with a registered model {model} of two versions, which come from the run."""
    pair = pair.scene(model=unique("model"))
    make_model(pair, versions=2)
    return pair


@pytest.fixture
def logged(pair: Pair) -> Pair:
    """The same as `pair` with a logged model {logged} of the run."""
    make_logged(pair)
    return pair


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What compares starts MLflow; what is counted is asked last."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "both" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name == "test_ledger.py")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ledger = config.stash.get(LEDGER, None)
    if ledger is not None and ledger.compared:
        for line in ledger.lines():
            terminalreporter.write_line(line)
