"""What is deleted stays in the trash until it is purged; then its rows and files are gone, and nothing else is."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from live_server import running, served, sqlite_only

from postgres_server import store_for
from trackside.config import ServerSettings
from trackside.core import retention

API = "/api/2.0/mlflow"
FILE = os.urandom(200_000)


def post(client, path, body):
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def new_run(client, experiment_id="0", points=50):
    run_id = post(client, "runs/create", {"experiment_id": experiment_id})["run"]["info"]["run_id"]
    metrics = [{"key": "loss", "value": i / 7, "timestamp": i, "step": i} for i in range(points)]
    batch = {
        "metrics": metrics,
        "params": [{"key": "lr", "value": "1"}],
        "tags": [{"key": "a", "value": "b"}],
    }
    post(client, "runs/log-batch", {"run_id": run_id, **batch})
    dataset = {"name": "food", "digest": "1", "source_type": "local", "source": "{}"}
    used = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    post(client, "runs/log-inputs", {"run_id": run_id, "datasets": [used]})
    put(client, f"{experiment_id}/{run_id}/artifacts/model/weights")
    return run_id


def put(client, path):
    at = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
    assert client.put(at, content=FILE).status_code == 200


def delete(client, run_id):
    post(client, "runs/delete", {"run_id": run_id})


def purge(client, **fields):
    answer = client.post("/api/trackside/v1/gc", json={"older_than_days": 0, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def exists(client, run_id):
    return client.get(f"{API}/runs/get", params={"run_id": run_id}).status_code == 200


def rows(app, run_id):
    """How many rows every table that knows of runs has for this one."""
    connection = app.db._connection
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = connection.execute("SELECT id FROM run WHERE uuid = ?", [run_id]).fetchone()
    counts = {}
    for table in tables:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if found and "run_id" in columns:
            counts[table] = connection.execute(
                f"SELECT count(*) FROM {table} WHERE run_id = ?", [found[0]]
            ).fetchone()[0]
    return counts


@pytest.fixture
def folder(server):
    return server[1].settings.artifact_dir


@sqlite_only
def test_a_purged_run_leaves_nothing_behind(client, server, folder):
    app = server[1]
    stays, goes = new_run(client), new_run(client)
    before = rows(app, goes)
    assert {"param", "tag", "tail", "series", "run_dataset"} <= {name for name, n in before.items() if n}
    number = app.db._connection.execute("SELECT id FROM run WHERE uuid = ?", [goes]).fetchone()[0]
    delete(client, goes)
    told = purge(client)
    assert (told["runs"], told["artifact_files"], told["artifact_bytes"]) == (1, 1, len(FILE))
    assert not exists(client, goes)
    assert exists(client, stays)
    assert not (folder / "0" / goes).exists()
    assert (folder / "0" / stays / "artifacts" / "model" / "weights").read_bytes() == FILE
    for table in before:
        left = app.db._connection.execute(f"SELECT count(*) FROM {table} WHERE run_id = ?", [number])
        assert left.fetchone()[0] == 0, table
    history = client.get(f"{API}/metrics/get-history", params={"run_id": stays, "metric_key": "loss"})
    assert len(history.json()["metrics"]) == 50


def test_what_was_deleted_a_moment_ago_stays_when_older_things_are_meant(client):
    run_id = new_run(client)
    delete(client, run_id)
    assert purge(client, older_than_days=1)["runs"] == 0
    post(client, "runs/restore", {"run_id": run_id})
    assert purge(client)["runs"] == 0
    assert exists(client, run_id)


def test_a_dry_run_counts_and_removes_nothing(client, folder):
    run_id = new_run(client)
    delete(client, run_id)
    told = purge(client, dry_run=True)
    assert (told["runs"], told["artifact_files"], told["database_bytes"]) == (1, 1, 0)
    assert exists(client, run_id)
    assert (folder / "0" / run_id).exists()
    assert purge(client)["runs"] == 1


def test_the_files_of_a_registered_version_stay_with_their_run(client, folder):
    run_id, name = new_run(client), f"kept-{time.time_ns()}"
    post(client, "registered-models/create", {"name": name})
    source = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    post(client, "model-versions/create", {"name": name, "source": source, "run_id": run_id})
    delete(client, run_id)
    told = purge(client)
    assert told["runs"] == 0
    assert told["kept"] == [f"run {run_id}: its files are needed by {name} version 1"]
    assert (folder / "0" / run_id / "artifacts" / "model" / "weights").exists()
    assert client.request("DELETE", f"{API}/registered-models/delete", json={"name": name}).status_code == 200
    assert purge(client)["runs"] == 1
    assert not (folder / "0" / run_id).exists()


def test_logged_models_and_empty_experiments_go(client, server, folder):
    name = f"gone-{time.time_ns()}"
    experiment_id = post(client, "experiments/create", {"name": name})["experiment_id"]
    run_id = new_run(client, experiment_id)
    made = post(
        client, "logged-models", {"experiment_id": experiment_id, "name": "m", "source_run_id": run_id}
    )
    model_id = made["model"]["info"]["model_id"]
    put(client, f"{experiment_id}/models/{model_id}/artifacts/model.bin")
    post(client, "experiments/delete", {"experiment_id": experiment_id})
    told = purge(client)
    assert (told["runs"], told["logged_models"], told["experiments"]) == (1, 0, 0)  # a model is still in it
    assert client.delete(f"{API}/logged-models/{model_id}").status_code == 200
    told = purge(client)
    assert (told["logged_models"], told["experiments"]) == (1, 1)
    assert not (folder / experiment_id).exists()
    assert client.get(f"{API}/experiments/get", params={"experiment_id": experiment_id}).status_code == 404
    post(client, "experiments/create", {"name": name})  # the name is free again


def test_an_experiments_files_stay_when_another_shares_the_place(client, folder):
    place = f"mlflow-artifacts:/shared-{time.time_ns()}"
    ids = [
        post(client, "experiments/create", {"name": f"{place}-{i}", "artifact_location": place})[
            "experiment_id"
        ]
        for i in range(2)
    ]
    put(client, f"{place.removeprefix('mlflow-artifacts:/')}/common")
    post(client, "experiments/delete", {"experiment_id": ids[0]})
    assert purge(client)["experiments"] == 1
    assert (folder / place.removeprefix("mlflow-artifacts:/") / "common").exists()


@sqlite_only
def test_the_database_becomes_smaller(client, server):
    path = server[1].settings.database_path
    run_ids = []
    for _ in range(4):
        run_id = new_run(client)
        run_ids.append(run_id)
        for part in range(20):
            metrics = [
                {"key": f"m{i}", "value": (i * 7919 % 1009) / 3, "timestamp": part, "step": part}
                for i in range(1000)
            ]
            post(client, "runs/log-batch", {"run_id": run_id, "metrics": metrics})
    for run_id in run_ids:
        delete(client, run_id)
    told = purge(client)
    assert told["runs"] == 4
    assert told["database_bytes"] > 300_000
    server[1].db._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize("days", [-1, 1e9, "soon"])
def test_an_age_that_is_none_is_refused(client, days):
    answer = client.post("/api/trackside/v1/gc", json={"older_than_days": days})
    assert answer.status_code == 400
    assert "older_than_days" in answer.json()["message"]


def test_files_of_a_purge_that_broke_off_go_at_the_next(client, server, folder, monkeypatch):
    run_id = new_run(client)
    delete(client, run_id)
    blobs = server[1].blobs

    async def broken(path):
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "delete", broken)
        assert client.post("/api/trackside/v1/gc", json={"older_than_days": 0}).status_code == 500
    assert not exists(client, run_id)
    assert (folder / "0" / run_id).exists()
    assert purge(client)["artifact_files"] == 1
    assert not (folder / "0" / run_id).exists()


@pytest.fixture
def held(monkeypatch):
    """Names of files that the disk does not let go: add to it."""
    names, unlink = set(), os.unlink

    def refusing(path, *arguments, **named):
        if Path(path).name in names:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        unlink(path, *arguments, **named)

    monkeypatch.setattr(os, "unlink", refusing)
    return names


def test_a_file_that_cannot_be_deleted_keeps_no_other_from_going(client, url, folder, held):
    bad, good = new_run(client), new_run(client)
    put(client, f"0/{bad}/artifacts/held")
    held.add("held")
    at = f"0/{bad}/artifacts/held"
    answer = client.delete(f"/api/2.0/mlflow-artifacts/artifacts/{at}")
    assert answer.status_code == 507
    assert f"'{at}' be deleted (Operation not permitted)" in answer.json()["message"]
    for run_id in (bad, good):
        delete(client, run_id)
    for _ in range(2):
        code, _, err = command("--older-than", "0d", "--url", url)
        assert code == 1
        assert f"'{at}' be deleted (Operation not permitted)" in err
        assert "their files are not: 1 folder waits for the next purge" in err
    assert not exists(client, bad)
    assert not (folder / "0" / good).exists()
    assert [path.name for path in (folder / "0" / bad).rglob("*")] == ["artifacts", "held"]
    held.clear()
    assert purge(client)["artifact_files"] == 1
    assert not (folder / "0" / bad).exists()


@pytest.fixture
def rounds(monkeypatch):
    """Rounds of retention follow each other at once."""
    monkeypatch.setattr(retention, "ROUND_SECONDS", 0.05)


def until(happened):
    deadline = time.monotonic() + 10
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert happened()


def test_retention_goes_on_after_a_file_that_cannot_be_deleted(data_dir, held, rounds, caplog):
    with (
        running(ServerSettings(data_dir=data_dir, port=0, keep_deleted_days=0)) as (url, app),
        httpx.Client(base_url=url) as client,
    ):
        bad, good = new_run(client), new_run(client)
        put(client, f"0/{bad}/artifacts/held")
        held.add("held")
        delete(client, bad)
        until(lambda: "purging what was deleted waits: The server's folder" in caplog.text)
        delete(client, good)
        until(lambda: not (app.settings.artifact_dir / "0" / good).exists())
        held.clear()
        until(lambda: not (app.settings.artifact_dir / "0" / bad).exists())


def test_the_log_says_what_retention_removed_and_nothing_when_that_is_nothing(data_dir, held):
    with running(ServerSettings(data_dir=data_dir, port=0)) as (url, _), httpx.Client(base_url=url) as client:
        bad = new_run(client)
        put(client, f"0/{bad}/artifacts/held")
        delete(client, bad)
        held.add("held")
        # Its row is gone then, and the file waits.
        assert client.post("/api/trackside/v1/gc", json={"older_than_days": 0}).status_code == 507
        held.clear()
    freed = r"the database became [\d.]+ \w+ smaller\n"
    nothing_else = (
        r"removed from the trash: 0 runs, 0 logged models and 0 experiments: 1 files of 200\.0 kB; "
    )
    assert re.fullmatch(nothing_else + freed, retained(data_dir))
    assert retained(data_dir) == ""
    with running(ServerSettings(data_dir=data_dir, port=0)) as (url, _), httpx.Client(base_url=url) as client:
        delete(client, new_run(client))
    a_run = r"removed from the trash: 1 runs, 0 logged models and 0 experiments: 1 files of 200\.0 kB; "
    assert re.fullmatch(a_run + freed, retained(data_dir))


def retained(data_dir):
    """What the command that serves this folder prints when it keeps nothing that was deleted."""
    with served_here(data_dir, "--keep-deleted", "0") as (process, url):
        time.sleep(1)
        assert httpx.get(f"{url}/health").status_code == 200
        process.terminate()
        return process.communicate(timeout=20)[0]


def served_here(data_dir, *arguments):
    """On the store of that folder, as `running`."""
    store = store_for(data_dir)
    return served("--data-dir", data_dir, *(["--store", store] if store else []), *arguments)


def test_retention_goes_on_after_a_mistake(data_dir, rounds, caplog, monkeypatch):
    with (
        running(ServerSettings(data_dir=data_dir, port=0, keep_deleted_days=0)) as (url, app),
        httpx.Client(base_url=url) as client,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(app.blobs, "delete", None)
            run_id = new_run(client)
            delete(client, run_id)
            until(lambda: "purging what was deleted waits for the next round" in caplog.text)
        until(lambda: not (app.settings.artifact_dir / "0" / run_id).exists())


def test_an_error_beside_the_server_is_told_at_once_and_the_store_is_closed(data_dir, caplog, monkeypatch):
    async def broken(app):
        raise OSError("a mistake of ours")

    monkeypatch.setattr(retention, "keep_purging", broken)
    closed = []
    with running(ServerSettings(data_dir=data_dir, port=0)) as (url, app):
        close = app.db.close

        async def watched():
            closed.append(True)
            await close()

        monkeypatch.setattr(app.db, "close", watched)
        until(lambda: "purging what was deleted has ended by a mistake" in caplog.text)
        assert httpx.get(f"{url}/health").status_code == 200
    assert "a mistake of ours" in caplog.text
    assert closed


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "trackside", "gc", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_asks_a_running_server(client, url):
    run_id = new_run(client)
    delete(client, run_id)
    code, out, _ = command("--older-than", "0d", "--url", url, "--dry-run")
    assert (code, out.startswith("Would remove 1 runs")) == (0, True)
    code, out, _ = command("--older-than", "0d", "--url", url, "--json")
    assert (code, json.loads(out)["runs"]) == (0, 1)
    assert command("--older-than", "soon", "--url", url)[0] == 2


@sqlite_only
def test_the_command_works_on_a_stopped_servers_folder(data_dir):
    settings = ServerSettings(data_dir=data_dir, port=0)
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        delete(client, new_run(client))
        code, _, err = command("--older-than", "0d", "--data-dir", str(data_dir))
        assert code == 1
        assert "--url" in err
    code, out, _ = command("--older-than", "0d", "--data-dir", str(data_dir))
    assert code == 0
    assert out.startswith("Removed 1 runs, 0 logged models and 0 experiments: 1 files of 200.0 kB")
    assert command("--data-dir", str(data_dir / "nowhere"))[0] == 1


def test_a_server_purges_by_itself(data_dir):
    settings = ServerSettings(data_dir=data_dir, port=0)
    with running(settings) as (url, _), httpx.Client(base_url=url) as client:
        run_id = new_run(client)
        delete(client, run_id)
    again = running(ServerSettings(data_dir=data_dir, port=0, keep_deleted_days=0))
    with again as (url, _), httpx.Client(base_url=url) as client:
        deadline = time.monotonic() + 10
        while exists(client, run_id) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not exists(client, run_id)
