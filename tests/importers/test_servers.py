"""Import from real servers of MLflow 2.20.2 and 3.17.2, compared value by value through their own clients."""

from __future__ import annotations

import pytest
from releases import RUNS, Moved, differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_everything_is_counted_and_verified(from_server: Moved) -> None:
    report = from_server.report
    assert report["ok"]
    assert report["wrong"] == []
    assert report["found"] == report["there"]
    assert report["found"]["runs"] == RUNS
    assert report["found"]["points"] == sum(
        len(points) for run in from_server.before["runs"].values() for points in run["metrics"].values()
    )


@pytest.mark.parametrize("kind", ["experiments", "logged_models", "models"])
def test_the_client_sees_the_same(from_server: Moved, kind: str) -> None:
    assert differences(from_server.before[kind], from_server.after[kind]) == []


def test_the_client_sees_the_same_runs(from_server: Moved) -> None:
    before, after = from_server.before["runs"], from_server.after["runs"]
    assert len(before) == RUNS
    assert differences(before, after) == []


def test_the_data_was_awkward(from_server: Moved) -> None:
    [run] = [run for run in from_server.before["runs"].values() if run["info"][1] == "awkward / 数据"]
    assert "nan" in [value for _, _, value in run["metrics"]["special"]]
    assert min(step for _, step, _ in run["metrics"]["steps"]) == -(2**63)
    assert len(run["params"]["long"]) == 6000
    assert "a folder/with ünïcode 数据/f+&=.bin" in run["files"]
    states = {run["info"][4] for run in from_server.before["runs"].values()}
    assert states == {"active", "deleted"}
