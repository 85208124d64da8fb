"""`trackside gc` whose keys of S3 are wrong: nothing goes. Those that may only read: rows go, and files wait."""

from __future__ import annotations

import json

import httpx
import pytest
from live_server import running
from stored import content
from test_gc import API, gc
from weed import KEY, READER, READER_SECRET, SECRET

from postgres_server import binaries, store_for
from trackside.blobs.objects import ObjectBlobs
from trackside.config import ServerSettings
from trackside.errors import NotFound

WRONG = {
    "secret": (KEY, "not the secret", "check AWS_SECRET_ACCESS_KEY"),
    "key": ("nobody", SECRET, "check AWS_ACCESS_KEY_ID"),
}


@pytest.fixture(params=["sqlite", "postgres15"])
def store(request, monkeypatch, tmp_path):
    """The options that name the store of a server with this data folder."""
    if request.param != "sqlite" and (binaries("15") is None):
        pytest.skip("PostgreSQL 15 is not installed: scripts/setup postgres")
    monkeypatch.setenv("TRACKSIDE_TEST_STORE", request.param)
    url = store_for(tmp_path)
    return ["--store", url] if url else []


@pytest.fixture
def runs(store, tmp_path, place):
    """The folders of a run in the trash and of one that is kept, each with two files."""
    with running(ServerSettings(data_dir=tmp_path, port=0, storage=place)) as (url, _):
        folders = []
        for _ in range(2):
            made = httpx.post(f"{url}{API}/runs/create", json={"experiment_id": "0"}).json()
            folders.append(f"0/{made['run']['info']['run_id']}/artifacts")
            for name in ("w", "sub/v"):
                at = f"{url}/api/2.0/mlflow-artifacts/artifacts/{folders[-1]}/{name}"
                assert httpx.put(at, content=b"x" * 1000).status_code == 200
        run_id = folders[0].split("/")[1]
        assert httpx.post(f"{url}{API}/runs/delete", json={"run_id": run_id}).status_code == 200
    return folders


def removed(tmp_path, *options, **environment):
    """Runs, files and bytes."""
    done = gc(tmp_path, *options, **environment)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    return told["runs"], told["artifact_files"], told["artifact_bytes"]


def assert_files_are(blobs, folder, run, *, there):
    for name in ("w", "sub/v"):
        if there:
            assert run(content(blobs, f"{folder}/{name}")) == b"x" * 1000
        else:
            with pytest.raises(NotFound):
                run(content(blobs, f"{folder}/{name}"))


@pytest.mark.parametrize("wrong", WRONG)
def test_with_wrong_keys_nothing_goes_and_with_the_right_ones_all(
    wrong, store, runs, tmp_path, place, weed, run
):
    key, secret, said = WRONG[wrong]
    blobs, options = ObjectBlobs(place), ["--artifacts", place.url, *store]
    done = gc(
        tmp_path, *options, **weed.environment | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    )
    assert (done.exit_code, said in done.output, secret in done.output) == (1, True, False), done.output
    for folder in runs:
        assert_files_are(blobs, folder, run, there=True)
    assert removed(tmp_path, *options, **weed.environment) == (1, 2, 2000)
    assert_files_are(blobs, runs[0], run, there=False)
    assert_files_are(blobs, runs[1], run, there=True)


def test_where_the_keys_may_not_delete_rows_go_and_files_wait(store, runs, tmp_path, place, weed, run):
    blobs, options = ObjectBlobs(place), ["--artifacts", place.url, *store]
    reads = {**weed.environment, "AWS_ACCESS_KEY_ID": READER, "AWS_SECRET_ACCESS_KEY": READER_SECRET}
    for _ in range(2):  # the second finds no rows, and the mark of the first
        done = gc(tmp_path, *options, **reads)
        assert done.exit_code == 1
        assert "it needs s3:GetObject" in done.output
        assert "their files are not: 1 folder waits for the next purge" in done.output
        for folder in runs:
            assert_files_are(blobs, folder, run, there=True)
    assert removed(tmp_path, *options, **weed.environment) == (0, 2, 2000)
    assert_files_are(blobs, runs[0], run, there=False)
    assert_files_are(blobs, runs[1], run, there=True)
    assert removed(tmp_path, *options, **weed.environment) == (0, 0, 0)
