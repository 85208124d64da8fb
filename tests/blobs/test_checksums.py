"""What was uploaded is what is read, or the reader learns that it is not."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3

import httpx
import obstore as obs
import pytest
from live_server import running
from stored import content
from typer.testing import CliRunner

from trackside.blobs.folder import FolderStore
from trackside.cli.app import app as cli
from trackside.config import ServerSettings
from trackside.core import verification
from trackside.core.app import App

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
LARGE = os.urandom(9_000_000)


@pytest.fixture
def root(client):
    made = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
    return f"0/{made['run']['info']['run_id']}/artifacts"


def rows(app):
    with sqlite3.connect(app.settings.database_path) as connection:
        return {
            path: (size, sha, version)
            for path, size, sha, version in connection.execute(
                "SELECT path, size_bytes, sha256, version FROM artifact"
            )
        }


def damage(app, path, data):
    """Other bytes of the same version: in a folder the time of change stays, on S3 the row's ETag follows."""
    if isinstance(app.blobs, FolderStore):
        file = app.settings.artifact_dir / path
        status = file.stat()
        file.write_bytes(data)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        return
    etag = obs.put(app.blobs._store, path, data)["e_tag"].strip('"')
    with sqlite3.connect(app.settings.database_path) as connection:
        connection.execute("UPDATE artifact SET version = ? WHERE path = ?", (etag, path))


def put_past_the_server(app, path, data):
    if isinstance(app.blobs, FolderStore):
        file = app.settings.artifact_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    else:
        obs.put(app.blobs._store, path, data)


def test_a_checksum_is_kept_and_told(client, server, root):
    client.put(f"{PROXY}/{root}/a.bin", content=LARGE)
    size, sha, version = rows(server[1])[f"{root}/a.bin"]
    assert (size, sha) == (len(LARGE), hashlib.sha256(LARGE).digest())
    run_id = root.split("/")[1]
    for url, params in (
        (f"{PROXY}/{root}/a.bin", {}),
        (f"/api/trackside/v1/runs/{run_id}/artifacts/file", {"path": "a.bin"}),
    ):
        got = client.get(url, params=params)
        assert got.headers["repr-digest"] == f"sha-256=:{base64.b64encode(sha).decode()}:"
        assert got.headers["etag"] == f'"{version}"'
        assert got.content == LARGE


def test_a_damaged_small_file_is_an_error_that_names_it(client, server, root):
    client.put(f"{PROXY}/{root}/small.txt", content=b"what was uploaded")
    damage(server[1], f"{root}/small.txt", b"what was UPLOADED")
    answer = client.get(f"{PROXY}/{root}/small.txt")
    assert answer.status_code == 500
    assert f"'{root}/small.txt' is damaged" in answer.json()["message"]


def test_a_damaged_large_file_never_ends_well(client, server, root, caplog):
    client.put(f"{PROXY}/{root}/large.bin", content=LARGE)
    damage(server[1], f"{root}/large.bin", LARGE[:-1] + bytes([LARGE[-1] ^ 1]))
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("GET", f"{PROXY}/{root}/large.bin") as answer,
    ):
        for _ in answer.iter_raw():
            pass
    assert f"'{root}/large.bin' is damaged" in caplog.text


def test_a_file_that_lost_its_end_never_ends_well(client, server, root):
    client.put(f"{PROXY}/{root}/cut.bin", content=LARGE)
    damage(server[1], f"{root}/cut.bin", LARGE[:-1000])
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{PROXY}/{root}/cut.bin")


@pytest.mark.parametrize("before", [b"", b"uploaded through the server"])
def test_what_came_another_way_is_served_unverified(client, server, root, before):
    if before:
        client.put(f"{PROXY}/{root}/other", content=before)
    put_past_the_server(server[1], f"{root}/other", b"put there by somebody else")
    answer = client.get(f"{PROXY}/{root}/other")
    assert (answer.status_code, answer.content) == (200, b"put there by somebody else")
    assert "repr-digest" not in answer.headers


def test_checksums_go_with_their_files(client, server, root):
    for path in ("d/a", "d/b/c", "d0", "d-", "d"[:0] + "e"):
        client.put(f"{PROXY}/{root}/{path}", content=b"x")
    client.delete(f"{PROXY}/{root}/d")
    assert {path.removeprefix(f"{root}/") for path in rows(server[1]) if path.startswith(root)} == {
        "d0",
        "d-",
        "e",
    }


def test_an_upload_again_has_the_new_checksum(client, server, root, run):
    for data in (b"first", b"second, longer"):
        client.put(f"{PROXY}/{root}/again", content=data)
        assert rows(server[1])[f"{root}/again"][1] == hashlib.sha256(data).digest()
        assert client.get(f"{PROXY}/{root}/again").content == data
    assert run(content(server[1].blobs, f"{root}/again")) == b"second, longer"


def test_all_files_are_verified_and_those_without_a_checksum_adopted(tmp_path, storage, run):
    """By the command, while no server runs."""
    with running(ServerSettings(data_dir=tmp_path, port=0, storage=storage)) as (url, app):
        root = f"0/models/{tmp_path.name}/artifacts"
        for name in ("good", "bad"):
            httpx.put(f"{url}{PROXY}/{root}/{name}", content=b"uploaded")
        put_past_the_server(app, f"{root}/other", b"by another way")
        damage(app, f"{root}/bad", b"UPLOADED")
    assert run(of(tmp_path, storage, f"{root}/", adopt=False)) == (["bad"], {"good", "bad"})
    assert run(of(tmp_path, storage, f"{root}/", adopt=True)) == (["bad"], {"good", "bad", "other"})


async def of(data_dir, storage, root, *, adopt):
    app = App.open(ServerSettings(data_dir=data_dir, storage=storage))
    found = await verification.verify_all(app, adopt=adopt)
    await app.close()
    kept = {path.removeprefix(root) for path in rows(app) if path.startswith(root)}
    return [path.removeprefix(root) for path in found.damaged if path.startswith(root)], kept


def test_the_command_says_which_are_damaged(tmp_path):
    with running(ServerSettings(data_dir=tmp_path, port=0)) as (url, app):
        httpx.put(f"{url}{PROXY}/0/a", content=b"uploaded")
        damage(app, "0/a", b"UPLOADED")
        busy = CliRunner().invoke(cli, ["storage", "verify", "--data-dir", str(tmp_path)])
        assert busy.exit_code == 1
        assert "is served by another process" in busy.output
    done = CliRunner().invoke(cli, ["storage", "verify", "--data-dir", str(tmp_path)])
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "DAMAGED 0/a")
    done = CliRunner().invoke(cli, ["storage", "verify", "--data-dir", str(tmp_path / "none")])
    assert (done.exit_code, "There is no database" in done.output) == (1, True)
