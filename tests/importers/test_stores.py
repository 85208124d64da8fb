"""Import from what MLflow keeps on disk: databases of three releases, mlruns folders; into SQLite and PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import servers
from releases import differences, dump, fill, imported, trackside

from postgres_server import PostgresServer, server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
RUNS = 30


def without_places(found: dict[str, Any]) -> dict[str, Any]:
    """What a client sees, but for URIs, since files were copied from elsewhere, and for the order of points, in which
    releases differ without a server."""
    for run in found["runs"].values():
        for points in run["metrics"].values():
            points.sort(key=str)
    for each in found["experiments"].values():
        del each["location"]
    for kind in ("runs", "logged_models"):
        for each in found[kind].values():
            del each["uri"]
    for model in found["models"].values():
        for version in model["versions"].values():
            version["uri"] = [uri.rpartition("/artifacts")[2] for uri in version["uri"]]
    return found


def seen(version: str, folder: Path) -> dict[str, Any]:
    with servers.trackside(folder) as target:
        return dump(version, target.url, folder / "after.json")


@pytest.mark.parametrize("version", ["2.20.2", "3.17.2"])
def test_an_mlruns_folder(version: str, tmp_path: Path) -> None:
    mlruns = tmp_path / "mlruns"
    fill(version, mlruns, "-", RUNS)
    report = imported(mlruns, "--data-dir", tmp_path / "data")
    assert report["found"] == report["there"]
    assert report["found"]["runs"] == RUNS
    before, after = dump(version, mlruns, tmp_path / "before.json"), seen(version, tmp_path)
    for found in (before, after):
        for model in found["logged_models"].values():
            # A folder keeps all points of a logged model's metric, and its client shows the last one.
            model["metrics"] = model["metrics"][-1:]
        for model in found["models"].values():
            for each in model["versions"].values():
                each["fields"].pop()  # the logged model, which a client sees without a server only
        for run in found["runs"].values():
            if run["info"][1] == "reads a model":
                # MLflow reads step 0 from lines that name a data set, whatever stands there.
                run["metrics"]["loss"] = [[time, 0, value] for time, _, value in run["metrics"]["loss"]]
    assert differences(without_places(before), without_places(after)) == []


@pytest.mark.parametrize("version", ["2.9.2", "3.17.2"])
def test_a_database_and_a_folder_of_artifacts(version: str, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/mlflow.db"
    fill(version, database, tmp_path / "artifacts", RUNS)
    report = imported(database, "--data-dir", tmp_path / "data")
    assert report["found"] == report["there"]
    assert [each["what"] for each in report["left_out"]] == ["deleted model versions"]
    before, after = dump(version, database, tmp_path / "before.json"), seen(version, tmp_path)
    assert differences(without_places(before), without_places(after)) == []


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with server("15") as started:
        yield started


def test_a_database_on_postgresql_into_one_beside_its_server(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with postgres.database() as source, postgres.database() as target:
        given = source.replace("postgresql://", "postgresql+psycopg2://")
        fill("2.20.2", given, tmp_path / "artifacts", RUNS)
        before = dump("2.20.2", given, tmp_path / "before.json")
        place = ["--data-dir", tmp_path / "data", "--store", target]
        with servers.trackside(tmp_path, "--store", target) as running:
            report = imported(given, *place)
            after = dump("2.20.2", running.url, tmp_path / "after.json")
            answer = httpx.post(f"{running.url}/api/2.0/mlflow/experiments/create", json={"name": "next"})
            assert answer.json() == {"experiment_id": "4"}
        assert report["found"] == report["there"]
        assert "p%40ss" not in report["source"] + report["target"]
        assert differences(without_places(before), without_places(after)) == []
        assert imported(given, *place)["skipped"] == RUNS


def test_what_postgresql_cannot_store_is_replaced_and_named(
    postgres: PostgresServer, mlruns: Path, tmp_path: Path
) -> None:
    run = next(mlruns.rglob("metrics/special")).parents[1]
    (run / "tags" / "odd").write_text("a\0b")
    (run / "params" / "odd").write_text("\0")
    with postgres.database() as target:
        place = ["--data-dir", tmp_path / "data", "--store", target]
        report = imported(mlruns, *place)
        [left] = [each for each in report["left_out"] if each["what"] == "texts with NUL characters"]
        assert left["number"] == 2
        assert f"run {run.name}: params 'odd'; run {run.name}: tags 'odd'" in left["why"]
        assert report["found"] == report["there"]
        assert imported(mlruns, *place)["skipped"] == report["found"]["runs"]
        with servers.trackside(tmp_path, "--store", target) as running:
            answer = httpx.get(f"{running.url}/api/2.0/mlflow/runs/get", params={"run_id": run.name})
    tags = {each["key"]: each["value"] for each in answer.json()["run"]["data"]["tags"]}
    assert tags["odd"] == "a\ufffdb"


def test_points_of_an_mlruns_folder_that_stand_there_twice_are_stored_once(
    mlruns: Path, tmp_path: Path
) -> None:
    [special] = mlruns.rglob("metrics/special")
    special.write_text(special.read_text() * 2)
    report = imported(mlruns, "--data-dir", tmp_path / "data")
    assert report["repeated_points"] == 8
    assert report["found"]["points"] == report["there"]["points"]
    assert not math.isnan(report["seconds"])
    assert "is sound" in trackside("db", "check", "--data-dir", tmp_path / "data")
