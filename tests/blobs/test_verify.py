"""`trackside storage verify`: what is lost, damaged or changed is named, on either database."""

from __future__ import annotations

import json
import os
import threading

import httpx
import pytest
from live_server import running
from typer.testing import CliRunner

from postgres_server import PASSWORD, binaries, store_for
from trackside.blobs.folder import FolderStore
from trackside.blobs.objects import ObjectBlobs
from trackside.cli.app import app as cli
from trackside.config import ServerSettings
from trackside.core import verification

API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(params=["sqlite", "postgres15"])
def store(request, monkeypatch, tmp_path):
    """The options that name the store of a server with this data folder."""
    if request.param != "sqlite" and binaries("15") is None:
        pytest.skip("PostgreSQL 15 is not installed: scripts/setup postgres")
    monkeypatch.setenv("TRACKSIDE_TEST_STORE", request.param)
    url = store_for(tmp_path)
    return ["--store", url] if url else []


def verify(tmp_path, *options, **environment):
    words = ["storage", "verify", "--data-dir", str(tmp_path), *options]
    done = CliRunner().invoke(cli, words, env={"HOME": str(tmp_path), **environment})
    assert PASSWORD not in done.output
    return done


def uploaded(tmp_path, *names, storage=None):
    with running(ServerSettings(data_dir=tmp_path, port=0, storage=storage)) as (url, _):
        for name in names:
            assert httpx.put(f"{url}{PROXY}/0/{name}", content=b"uploaded").status_code == 200


def test_what_is_lost_cut_or_damaged_is_named(store, tmp_path):
    uploaded(tmp_path, "good", "d/gone", "cut", "bad", "copied", "folder")
    assert verify(tmp_path, *store).exit_code == 0
    root = tmp_path / "artifacts" / "0"
    (root / "d" / "gone").unlink()
    (root / "cut").write_bytes(b"upl")
    status = (root / "bad").stat()
    (root / "bad").write_bytes(b"UPLOADED")
    os.utime(root / "bad", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.utime(root / "copied")
    (root / "folder").unlink()
    (root / "folder").mkdir()
    (root / "other").write_bytes(b"by another way")
    done = verify(tmp_path, *store)
    assert (done.exit_code, done.output.splitlines()) == (
        1,
        [
            "DAMAGED 0/bad",
            "CHANGED 0/cut",
            "MISSING 0/d/gone",
            "MISSING 0/folder",
            "2 as they were uploaded, 1 damaged, 1 changed, 2 missing, 0 adopted, 1 without a checksum.",
        ],
    )
    # What was changed is named when it is adopted, too.
    told = json.loads(verify(tmp_path, *store, "--adopt", "--json").output)
    assert (told["changed"], told["adopted"]) == (["0/cut"], 2)
    told = json.loads(verify(tmp_path, *store, "--json").output)
    assert (told["changed"], told["verified"], told["unknown"]) == ([], 4, 0)
    assert told["missing"] == ["0/d/gone", "0/folder"]


def test_a_lost_object_is_named(store, tmp_path, place, weed, run):
    uploaded(tmp_path, "good", "gone", storage=place)
    run(ObjectBlobs(place).delete("0/gone"))
    done = verify(tmp_path, *store, "--artifacts", place.url, **weed.environment)
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "MISSING 0/gone")
    forgotten = verify(tmp_path / "elsewhere", *store)
    assert forgotten.exit_code == 1
    assert "There are no artifacts" in forgotten.output or "There is no database" in forgotten.output


def test_files_that_wait_to_be_purged_are_not_missed(store, tmp_path, monkeypatch):
    with running(ServerSettings(data_dir=tmp_path, port=0)) as (url, app):
        made = httpx.post(f"{url}{API}/runs/create", json={"experiment_id": "0"}).json()
        run_id = made["run"]["info"]["run_id"]
        for name in ("a", "b"):
            httpx.put(f"{url}{PROXY}/0/{run_id}/artifacts/{name}", content=b"uploaded")
        httpx.post(f"{url}{API}/runs/delete", json={"run_id": run_id})
        monkeypatch.setattr(app.blobs, "delete", None)  # as if the server had ended there
        assert httpx.post(f"{url}/api/trackside/v1/gc", json={"older_than_days": 0}).status_code == 500
    (tmp_path / "artifacts" / "0" / run_id / "artifacts" / "a").unlink()
    done = verify(tmp_path, *store)
    assert (done.exit_code, done.output.startswith("1 as they were uploaded, 0 damaged")) == (0, True)


def test_a_file_that_goes_while_it_is_verified_is_skipped(store, tmp_path, monkeypatch):
    uploaded(tmp_path, "a", "b", "c")
    before = FolderStore.open

    async def losing(blobs, path):
        (tmp_path / "artifacts" / "0" / "b").unlink(missing_ok=True)
        return await before(blobs, path)

    monkeypatch.setattr(FolderStore, "open", losing)
    monkeypatch.setattr(verification.checksums, "row_of", forgetting(verification.checksums.row_of))
    done = verify(tmp_path, *store)
    assert (done.exit_code, done.output.startswith("2 as they were uploaded, 0 damaged")) == (0, True)


def forgetting(before):
    """The row of that file goes with it."""

    async def row_of(app, path):
        if path == "0/b":
            await verification.checksums.forget(app, path)
        return await before(app, path)

    return row_of


def test_beside_a_server_that_is_busy_nothing_is_named(tmp_path, store):
    if not store:
        pytest.skip("SQLite's server has to be stopped")
    with running(ServerSettings(data_dir=tmp_path, port=0)) as (url, _):
        stop = threading.Event()

        def write():
            count = 0
            with httpx.Client(base_url=url) as client:
                while not stop.is_set():
                    for name in ("a", "b", f"d/{count}"):
                        client.put(f"{PROXY}/0/{name}", content=os.urandom(1000 + count))
                    client.delete(f"{PROXY}/0/d/{count - 3}")
                    count += 1

        busy = threading.Thread(target=write)
        busy.start()
        try:
            for adopt in ([], ["--adopt"], []):
                done = verify(tmp_path, *store, *adopt)
                assert done.exit_code == 0, done.output
        finally:
            stop.set()
            busy.join()
    done = verify(tmp_path, *store, "--json")
    assert (done.exit_code, json.loads(done.output)["unknown"]) == (0, 0)
