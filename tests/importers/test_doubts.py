"""What an import must not take for whole: places that are empty, files and points that came since, damage on the way."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from releases import fill, imported, mlflow_server, trackside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def artifacts(data: Path) -> dict[str, bytes]:
    """Files of the store by their names."""
    return {path.name: path.read_bytes() for path in (data / "artifacts").rglob("*") if path.is_file()}


def with_files(mlruns: Path) -> Path:
    """The artifacts of the run that has the most awkward ones."""
    return next(mlruns.rglob("metrics/special")).parents[1] / "artifacts"


def test_a_place_that_holds_nothing_is_no_proof(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    given = [f"sqlite:///{source}/mlflow.db", "--data-dir", tmp_path / "data"]
    for _ in range(2):  # nor is it the second time
        report = imported(*given, "--files-from", tmp_path / "empty", code=1)
        [line] = report["wrong"]
        assert line.startswith("none of the ")
        assert "is --files-from right?" in line
    report = imported(*given, "--files-from", source / "kept")
    assert report["found"]["files"] == report["there"]["files"] > 0
    assert len(artifacts(tmp_path / "data")) > 0


def test_files_and_points_that_came_since_are_brought(mlruns: Path, tmp_path: Path) -> None:
    given = [mlruns, "--data-dir", tmp_path / "data"]
    first = imported(*given)
    files = with_files(mlruns)
    (files / "new.txt").write_text("new")
    [old] = mlruns.rglob("large.bin")
    changed = old.read_bytes()[:-1] + b"?"
    old.write_bytes(changed)
    special = files.parent / "metrics" / "special"
    special.write_text(special.read_text() + "1750000000000 1 -5\n")
    report = imported(*given)
    assert report["found"]["files"] == report["there"]["files"] == first["found"]["files"] + 1
    assert report["found"]["points"] == report["there"]["points"] == first["found"]["points"] + 1
    kept = artifacts(tmp_path / "data")
    assert kept["new.txt"] == b"new"
    assert kept["large.bin"] == changed


def test_a_point_of_a_lower_step_is_brought_from_a_database(source: Path, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy(source / "mlflow.db", database)
    given = [f"sqlite:///{database}", "--files", "none", "--data-dir", tmp_path / "data"]
    first = imported(*given)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO metrics (key, value, timestamp, step, run_uuid, is_nan)"
            " SELECT key, 0.125, timestamp, -77, run_uuid, 0 FROM latest_metrics LIMIT 1"
        )
        connection.commit()
    report = imported(*given)
    assert report["found"]["points"] == report["there"]["points"] == first["found"]["points"] + 1


def test_another_export_to_the_same_folder_is_another_source(mlruns: Path, tmp_path: Path) -> None:
    export, first, second = tmp_path / "export", tmp_path / "first", tmp_path / "second"
    imported(mlruns, "--data-dir", first)
    trackside("export", export, "--data-dir", first)
    trackside("import", "folder", export, "--data-dir", second)
    files = with_files(mlruns)
    (files / "new.txt").write_text("new")
    special = files.parent / "metrics" / "special"
    special.write_text(special.read_text() + "1750000000000 1 -5\n")
    imported(mlruns, "--data-dir", first)
    shutil.rmtree(export)
    trackside("export", export, "--data-dir", first)
    report = json.loads(trackside("import", "folder", export, "--data-dir", second, "--json"))
    assert report["found"] == report["there"]
    assert artifacts(second)["new.txt"] == b"new"
    trackside("export", tmp_path / "again", "--data-dir", second)
    assert (export / "points.parquet").read_bytes() == (tmp_path / "again" / "points.parquet").read_bytes()


def test_what_cannot_be_read_is_named_and_the_rest_is_brought(mlruns: Path, tmp_path: Path) -> None:
    files = with_files(mlruns)
    (files / "gone").symlink_to(tmp_path / "nowhere")
    (files / "outside").symlink_to(tmp_path)
    (files / "plain").mkdir()
    (files / "plain" / "here.txt").write_text("here")
    (files / "plain" / "round").symlink_to(files)
    (files / "linked").symlink_to(files / "plain")
    report = imported(mlruns, "--data-dir", tmp_path / "data", code=1)
    for name in ("gone", "outside", "plain/round", "linked/round"):
        assert any(line.startswith(f"'{name}' of ") for line in report["wrong"]), name
    assert len(report["wrong"]) == 4
    assert len(list((tmp_path / "data" / "artifacts").rglob("here.txt"))) == 2
    for name in ("gone", "outside", "plain/round"):
        (files / name).unlink()
    report = imported(mlruns, "--data-dir", tmp_path / "data")
    assert report["found"] == report["there"]


def test_names_with_a_colon_are_exported(mlruns: Path, tmp_path: Path) -> None:
    files = with_files(mlruns)
    (files / "a:b.txt").write_text("colon")
    (files / "c:").mkdir()
    (files / "c:" / "d.txt").write_text("drive")
    imported(mlruns, "--data-dir", tmp_path / "data")
    trackside("export", tmp_path / "export", "--data-dir", tmp_path / "data")
    report = json.loads(
        trackside("import", "folder", tmp_path / "export", "--data-dir", tmp_path / "second", "--json")
    )
    assert report["found"] == report["there"]
    assert {"a:b.txt", "d.txt"} <= artifacts(tmp_path / "second").keys()


def test_an_export_leaves_folders_of_others_alone(mlruns: Path, tmp_path: Path) -> None:
    imported(mlruns, "--data-dir", tmp_path / "data")
    (tmp_path / "mine.part").mkdir()
    (tmp_path / "mine.part" / "thesis.tex").write_text("mine")
    trackside("export", tmp_path / "mine", "--data-dir", tmp_path / "data")
    assert (tmp_path / "mine.part" / "thesis.tex").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "mine", "mine.part", "mlruns"]


@pytest.mark.parametrize("half", ["1750000000000 0.2", "1750000000000 0.2 12", "1"])
def test_half_a_last_line_is_left_for_the_next_time(mlruns: Path, tmp_path: Path, half: str) -> None:
    [special] = mlruns.rglob("metrics/special")
    whole = special.read_text()
    special.write_text(whole + half)
    report = imported(mlruns, "--data-dir", tmp_path / "data", "--files", "none")
    [left] = [each for each in report["left_out"] if each["what"] == "last lines of metrics"]
    assert left["number"] == 1
    special.write_text(f"{whole}1750000000000 0.2 123\n")
    again = imported(mlruns, "--data-dir", tmp_path / "data", "--files", "none")
    assert again["found"]["points"] == again["there"]["points"] == report["there"]["points"] + 1


def test_an_experiment_that_was_renamed_in_the_source_is_the_same(source: Path, tmp_path: Path) -> None:
    database, data = tmp_path / "mlflow.db", tmp_path / "data"
    shutil.copy(source / "mlflow.db", database)
    given = [f"sqlite:///{database}", "--files", "none", "--data-dir", data]

    def renamed(old: str, new: str, store: Path = database, table: str = "experiments") -> None:
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute(f"UPDATE {table} SET name = ? WHERE name = ?", (new, old)).rowcount == 1
            connection.commit()

    def names() -> dict[int, str]:
        with closing(sqlite3.connect(data / "trackside.db")) as connection:
            return dict(connection.execute("SELECT id, name FROM experiment"))

    imported(*given)
    assert names()[2] == "empty"
    renamed("empty", "full")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (9, 'empty', 'active')"
        )
        connection.commit()
    for extra in (["--dry-run"], []):
        report = imported(*given, *extra)
        assert "experiment 'full' was 'empty' before, and is renamed here, too" in report["notes"]
    assert (names()[2], names()[9]) == ("full", "empty")
    renamed("full", "mine", data / "trackside.db", "experiment")
    renamed("full", "fuller")
    report = imported(*given)
    assert report["notes"] == ["experiment 'fuller' goes into experiment 2, 'mine', as it did before"]
    assert names() == {0: "Default", 1: "vision / 数据", 2: "mine", 3: "deleted", 9: "empty"}


def test_files_that_the_servers_release_cannot_give_are_named(tmp_path: Path) -> None:
    fill("2.20.2", f"sqlite:///{tmp_path}/mlflow.db", f"proxied:{tmp_path}/kept", 5)
    [large] = (tmp_path / "kept").rglob("large.bin")
    (large.parent / "ключ.bin").write_bytes(b"key")
    (large.parent / "d#r").mkdir()
    (large.parent / "d#r" / "below.txt").write_text("below")
    with mlflow_server("2.20.2", tmp_path) as server:
        report = imported(server.url, "--data-dir", tmp_path / "data", code=1)
    assert len(report["wrong"]) == 2, report["wrong"]
    assert any("'ключ.bin' of" in line for line in report["wrong"])
    assert any("'d#r' of" in line for line in report["wrong"])
    assert artifacts(tmp_path / "data")["large.bin"] == large.read_bytes()
