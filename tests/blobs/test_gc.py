"""`trackside gc` on the store of a server that is stopped, its artifacts in a folder or on S3."""

from __future__ import annotations

import json

import httpx
import pytest
from live_server import running
from typer.testing import CliRunner

from trackside.blobs.folder import FolderStore
from trackside.blobs.objects import ObjectBlobs
from trackside.cli.app import app as cli
from trackside.config import ServerSettings
from trackside.core.app import App

API = "/api/2.0/mlflow"


@pytest.fixture
def deleted(tmp_path, storage):
    """The folder of a run in the trash, of a server that was stopped."""
    with running(ServerSettings(data_dir=tmp_path, port=0, storage=storage)) as (url, _):
        made = httpx.post(f"{url}{API}/runs/create", json={"experiment_id": "0"}).json()
        run_id = made["run"]["info"]["run_id"]
        folder = f"0/{run_id}"
        put = httpx.put(f"{url}/api/2.0/mlflow-artifacts/artifacts/{folder}/artifacts/w", content=b"x" * 1000)
        assert put.status_code == 200
        assert httpx.post(f"{url}{API}/runs/delete", json={"run_id": run_id}).status_code == 200
    return folder


def gc(tmp_path, *options, **environment):
    words = ["gc", "--older-than", "0d", "--data-dir", str(tmp_path), "--json", *options]
    return CliRunner().invoke(cli, words, env={"HOME": str(tmp_path), **environment})


def test_files_go_from_where_they_are(tmp_path, storage, deleted, request, run):
    options, environment = [], {}
    if storage is not None:
        options = ["--artifacts", storage.url]
        environment = request.getfixturevalue("weed").environment
        forgotten = gc(tmp_path)
        assert (forgotten.exit_code, "There are no artifacts in" in forgotten.output) == (1, True)
    blobs = FolderStore(tmp_path / "artifacts") if storage is None else ObjectBlobs(storage)
    assert run(blobs.entries(f"{deleted}/artifacts")) != []
    done = gc(tmp_path, *options, **environment)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["runs"], told["artifact_files"], told["artifact_bytes"]) == (1, 1, 1000)
    assert run(blobs.entries(f"{deleted}/artifacts")) == []


def test_a_bad_place_is_named_and_nothing_removed(tmp_path, storage, deleted):
    done = gc(tmp_path, "--artifacts", "ftp://x")
    assert (done.exit_code, "is no place for artifacts" in done.output) == (1, True)


def test_beside_a_server_a_store_has_the_artifacts_of_its_settings(tmp_path, storage, deleted, run):
    app = App.open_beside(ServerSettings(data_dir=tmp_path, storage=storage))
    try:
        assert isinstance(app.blobs, FolderStore if storage is None else ObjectBlobs)
        assert [entry.path for entry in run(app.blobs.entries(f"{deleted}/artifacts"))] == [
            f"{deleted}/artifacts/w"
        ]
        assert (tmp_path / "artifacts").is_dir() == (storage is None), "no folder is made"
    finally:
        run(app.close())
