"""What an import does beside copying: dry runs, going on, conflicts, references, and errors that leave nothing behind."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import servers
from releases import SOURCE_RUNS as RUNS
from releases import assert_same, command, imported, trackside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def where(source: Path) -> list[object]:
    return [f"sqlite:///{source}/mlflow.db", "--files-from", source / "kept"]


def query(data: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data / "trackside.db")) as connection:
        return connection.execute(sql).fetchall()


def stored(data: Path) -> tuple[object, ...]:
    """All that an import writes, but for the store's own numbers."""
    runs = query(
        data, "SELECT uuid, name, status, lifecycle, start_ms, end_ms, artifact_uri FROM run ORDER BY uuid"
    )
    params = query(data, "SELECT uuid, key, value FROM param JOIN run ON run.id = run_id ORDER BY 1, 2")
    tags = query(data, "SELECT uuid, key, value FROM tag JOIN run ON run.id = run_id ORDER BY 1, 2")
    points = query(
        data, "SELECT uuid, sum(points) FROM chunk JOIN run ON run.id = run_id GROUP BY uuid ORDER BY 1"
    )
    files = sorted(
        (path.relative_to(data).as_posix(), path.read_bytes())
        for path in (data / "artifacts").rglob("*")
        if path.is_file() and ".incoming" not in path.parts
    )
    return runs, params, tags, points, files


def test_a_dry_run_counts_and_writes_nothing(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    dry = imported(*where(source), "--data-dir", data, "--dry-run")
    assert not data.exists()
    report = imported(*where(source), "--data-dir", data)
    assert dry["found"] == report["found"] == report["there"]
    before = stored(data)
    beside = sorted(path.name for path in data.iterdir())
    assert imported(*where(source), "--data-dir", data, "--dry-run")["found"] == report["found"]
    assert sorted(path.name for path in data.iterdir()) == beside
    assert stored(data) == before


def test_killed_and_started_again_it_ends_the_same(source: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    imported(*where(source), "--data-dir", whole)
    seen: Counter[int] = Counter()
    for wanted in (5, 25, 45):
        process = subprocess.Popen(
            command("import", "mlflow", *where(source), "--data-dir", killed), stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < until:
            if (killed / "trackside.db").exists() and runs_with_points(killed) >= wanted:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen[runs_with_points(killed)] += 1
    assert min(seen) < RUNS
    report = imported(*where(source), "--data-dir", killed)
    assert report["found"] == report["there"]
    for data in (killed, whole):
        trackside("export", tmp_path / f"{data.name} exported", "--data-dir", data)
    assert_same(tmp_path / "killed exported", tmp_path / "whole exported")
    assert not list((killed / "artifacts" / ".incoming").glob("?" * 32))
    again = imported(*where(source), "--data-dir", killed)
    assert again["skipped"] == RUNS + 3
    assert again["found"] == report["found"]


def runs_with_points(data: Path) -> int:
    try:
        [(count,)] = query(
            data, "SELECT count(*) FROM (SELECT run_id FROM chunk UNION SELECT run_id FROM tail)"
        )
    except sqlite3.OperationalError:  # not made yet
        return 0
    assert isinstance(count, int)
    return count


def test_what_has_changed_in_the_source_is_moved_again(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    imported(*where(copy), "--data-dir", tmp_path / "data")
    with closing(sqlite3.connect(copy / "mlflow.db")) as connection:
        [(run_id,)] = connection.execute("SELECT run_uuid FROM runs WHERE name = 'run 7'").fetchall()
        connection.execute("INSERT INTO tags (key, value, run_uuid) VALUES ('new', 'tag', ?)", [run_id])
        connection.commit()
    report = imported(*where(copy), "--data-dir", tmp_path / "data")
    assert report["skipped"] == RUNS + 2
    assert report["runs"] == {"new": 0, "updated": 1, "unchanged": RUNS - 1}
    assert report["found"] == report["there"]


def test_ids_and_names_that_are_taken(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with servers.trackside(tmp_path) as target:
        import httpx

        with httpx.Client(base_url=f"{target.url}/api/2.0/mlflow") as client:
            for name in ("empty", "mine"):  # 1, 2
                client.post("/experiments/create", json={"name": name}).raise_for_status()
            client.post("/registered-models/create", json={"name": "food net"}).raise_for_status()
            client.post(
                "/model-versions/create", json={"name": "food net", "source": "s3://b/m"}
            ).raise_for_status()
    dry = imported(*where(source), "--data-dir", data, "--dry-run", code=1)
    report = imported(*where(source), "--data-dir", data, code=1)
    assert dry["wrong"] == report["wrong"]
    assert report["wrong"] == ["model 'food net', version 1: the target has another version 1"]
    assert any("'empty' goes into experiment 1, which has its name" in note for note in report["notes"])
    assert any("'vision / 数据' gets a new id: 1 is another" in note for note in report["notes"])
    names = dict(query(data, "SELECT name, id FROM experiment"))
    assert names == {"Default": 0, "empty": 1, "mine": 2, "deleted": 3, "vision / 数据": 4}
    [(uri,)] = query(data, "SELECT artifact_uri FROM run WHERE name = 'awkward / 数据'")
    assert str(uri).startswith("mlflow-artifacts:/4/")
    [(version,)] = query(data, "SELECT source FROM model_version WHERE version = 3")
    assert version == f"{uri}/model"


def test_runs_do_not_go_into_a_deleted_experiment(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported(*where(source), "--data-dir", data, "--experiment", "empty")
    with closing(sqlite3.connect(data / "trackside.db")) as connection:
        connection.execute("UPDATE experiment SET lifecycle = 'deleted' WHERE name = 'empty'")
        connection.commit()
    said = trackside("import", "mlflow", *where(source), "--data-dir", data, code=1)
    assert "The target's experiment 'empty' is deleted" in said
    assert query(data, "SELECT count(*) FROM run") == [(0,)]


def test_one_experiment_brings_the_models_of_its_runs(source: Path, tmp_path: Path) -> None:
    report = imported(*where(source), "--data-dir", tmp_path / "data", "--experiment", "vision / 数据")
    assert report["found"] == report["there"]
    assert report["found"]["registered_models"] == 2
    assert report["found"]["experiments"] == 1
    said = trackside(
        "import", "mlflow", *where(source), "--data-dir", tmp_path / "data", "--experiment", "no", code=1
    )
    assert "has no experiment 'no'" in said


def test_files_can_stay_where_they_are(source: Path, tmp_path: Path) -> None:
    given = [f"sqlite:///{source}/mlflow.db", "--files", "reference", "--data-dir", tmp_path / "data"]
    said = trackside("import", "mlflow", *given, code=1)
    assert "leads through MLflow's server" in said
    assert query(tmp_path / "data", "SELECT count(*) FROM experiment") == [(0,)]
    report = imported(*given, "--files-from", "http://mlflow.lab:5000")
    assert report["ok"]
    assert report["found"]["files"] == 0
    uris = {
        str(uri).rpartition("/artifacts")[0].rpartition("/")[0]
        for (uri,) in query(tmp_path / "data", "SELECT artifact_uri FROM run")
    }
    assert uris == {f"mlflow-artifacts://mlflow.lab:5000/{number}" for number in (0, 1, 3)}


def test_files_that_cannot_be_read_are_said_and_fetched_later(source: Path, tmp_path: Path) -> None:
    given = [f"sqlite:///{source}/mlflow.db", "--data-dir", tmp_path / "data"]
    report = imported(*given, code=1)
    [line] = report["wrong"]
    assert "--files-from" in line
    report = imported(*given, "--files-from", source / "kept")
    assert report["found"]["files"] == report["there"]["files"] > 0


def test_what_is_left_out_is_counted(source: Path, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy(source / "mlflow.db", database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status, db_payload_generation)"
            " VALUES ('tr-1', 0, 1, 'OK', 0)"
        )
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) VALUES (9, 'far', 'active', 'other')"
        )
        connection.execute("UPDATE model_versions SET source = 's3://far/model' WHERE version = 4")
        connection.commit()
    report = imported(f"sqlite:///{database}", "--files", "none", "--data-dir", tmp_path / "data")
    left = {each["what"]: each["number"] for each in report["left_out"]}
    [note] = report["notes"]
    assert note == "1 model versions have sources outside of what was imported, which stay: food net 4"
    assert left == {
        "artifacts": -1,
        "traces": 1,
        "experiments of other workspaces": 1,
        "deleted model versions": 1,
    }
    assert report["ok"]


def test_beside_a_server_on_sqlite_it_refuses(source: Path, tmp_path: Path) -> None:
    with servers.trackside(tmp_path):
        said = trackside("import", "mlflow", *where(source), "--data-dir", tmp_path / "data", code=1)
    assert "is served by another process" in said


def test_broken_sources_are_named_and_nothing_is_written(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"

    def refused(given: object) -> str:
        said = trackside("import", "mlflow", given, "--data-dir", data, code=1)
        assert not data.exists()
        assert "Traceback" not in said
        return said

    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE runs (id)")
    (tmp_path / "text.db").write_text("no database" * 100)
    assert "is no database of MLflow: it has no table experiments" in refused(
        f"sqlite:///{tmp_path}/other.db"
    )
    assert "cannot be read as a database of SQLite" in refused(f"sqlite:///{tmp_path}/text.db")
    assert "There is no database at" in refused(f"sqlite:///{tmp_path}/none.db")
    assert "There is no folder" in refused(tmp_path / "none")
    error = imported(tmp_path / "none", "--data-dir", data, code=1)
    assert error["ok"] is False
    assert error["error"].startswith("There is no folder")
    assert "is no mlruns folder" in refused(tmp_path)
    assert "No answer from http://127.0.0.1:9" in refused("http://127.0.0.1:9")
    assert "There is no reader for mysql: databases." in refused("mysql://ada:secret@127.0.0.1:9/none")
    assert "cannot be read" in refused("postgresql://ada:secret@127.0.0.1:9/none")
    assert "secret" not in refused("postgresql://ada:secret@127.0.0.1:9/none")


def test_a_server_that_is_none_of_mlflows(tmp_path: Path) -> None:
    with subprocess.Popen(
        ["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", tmp_path],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as other:  # fmt: skip
        try:
            assert other.stdout
            url = other.stdout.readline().split("(")[1].split("/)")[0]
            said = trackside("import", "mlflow", url, "--data-dir", tmp_path / "data", code=1)
        finally:
            other.kill()
    assert "experiments/search answered 404" in said
    assert not (tmp_path / "data").exists()


def test_a_damaged_mlruns_folder_is_named_by_file(mlruns: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(mlruns, whole)
    [special] = mlruns.rglob("metrics/special")
    special.write_text("1750000000000 nan 0\nno point\n")
    said = trackside("import", "mlflow", mlruns, "--data-dir", tmp_path / "data", code=1)
    assert f"{special}, line 2: 'no point' is no metric point." in said
    meta = special.parents[1] / "meta.yaml"
    meta.write_text("artifact_uri: [\n")
    assert f"{meta} is no YAML" in trackside(
        "import", "mlflow", mlruns, "--data-dir", tmp_path / "data", code=1
    )
    meta.unlink()
    shutil.copy(whole / meta.relative_to(mlruns), meta)
    run = meta.parent.rename(meta.parents[1] / "no id!")
    assert "'no id!' is no id" in trackside(
        "import", "mlflow", mlruns, "--data-dir", tmp_path / "data", code=1
    )
    assert run.exists()
    report = imported(whole, "--data-dir", tmp_path / "data")
    assert report["found"] == report["there"]


def test_names_that_mlflow_does_not_serve_are_kept(mlruns: Path, tmp_path: Path) -> None:
    run = next(mlruns.rglob("metrics/special")).parents[1]
    (run / "artifacts" / "100% #1?.txt").write_text("odd")
    (run / "artifacts" / "back\\slash").write_text("not kept")
    report = imported(mlruns, "--data-dir", tmp_path / "data")
    kept = next((tmp_path / "data" / "artifacts").rglob("100% #1?.txt"))
    assert kept.read_text() == "odd"
    [left] = [each for each in report["left_out"] if each["what"] == "files"]
    assert left["number"] == 1
    assert "back" in left["why"]
    assert json.dumps(report)
