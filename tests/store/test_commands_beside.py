"""`gc` and `user password` on PostgreSQL itself, without a server: `--store`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from postgres_server import PASSWORD
from trackside.config import ServerSettings
from trackside.core import accounts, runs, signin
from trackside.core.app import App
from trackside.core.experiments import create_default
from trackside.errors import NotFound, Unauthenticated

OLD, NEW = "purple-otter-29-lamp", "orange-otter-38-lamp"


def in_store(url, data_dir, work):
    async def opened():
        app = App.open(ServerSettings(data_dir=data_dir, store=url))
        try:
            await create_default(app)
            return await work(app)
        finally:
            await app.close()

    return asyncio.run(opened())


def command(folder, *arguments, typed=None, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "trackside", *arguments],
        capture_output=True, text=True, check=False, cwd=folder, input=typed, timeout=60,
        env={"PATH": "", **environment},
    )  # fmt: skip
    assert PASSWORD not in done.stdout + done.stderr
    return done.returncode, done.stdout, " ".join(done.stderr.replace("│", " ").split())


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "served"


def deleted_run(url, data_dir):
    """The id of a run in the trash, with a file."""

    async def work(app):
        uuid = (await runs.create(app, runs.NewRun("0"))).info.uuid
        await runs.delete(app, uuid)
        return uuid

    uuid = in_store(url, data_dir, work)
    file = data_dir / "artifacts" / "0" / uuid / "artifacts" / "weights"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 1000)
    return uuid


def exists(url, data_dir, uuid):
    async def work(app):
        try:
            await runs.get(app, uuid)
        except NotFound:
            return False
        return True

    return in_store(url, data_dir, work)


def test_gc_removes_rows_and_files(url, data_dir, tmp_path):
    uuid = deleted_run(url, data_dir)
    words = ("gc", "--older-than", "0d", "--data-dir", str(data_dir), "--json")
    code, out, err = command(tmp_path, *words, "--store", url, "--dry-run")
    assert (code, json.loads(out)["runs"]) == (0, 1), err
    assert exists(url, data_dir, uuid)
    code, out, err = command(tmp_path, *words, TRACKSIDE_GC_STORE=url)
    assert code == 0, err
    told = json.loads(out)
    assert (told["runs"], told["artifact_files"], told["artifact_bytes"]) == (1, 1, 1000)
    assert not exists(url, data_dir, uuid)
    assert not (data_dir / "artifacts" / "0" / uuid).exists()


def test_gc_without_the_artifacts_removes_nothing_and_makes_no_folder(url, data_dir, tmp_path):
    uuid = deleted_run(url, data_dir)
    code, _, err = command(tmp_path, "gc", "--older-than", "0d", "--store", url)
    assert (code, f"There are no artifacts in {tmp_path / 'trackside-data'}" in err) == (1, True), err
    assert [each.name for each in tmp_path.iterdir()] == ["served"]
    assert exists(url, data_dir, uuid)


def test_a_lost_password_is_set_in_the_store(url, tmp_path):
    words = ("user", "password", "ann", "--store", url, "--password-file", "-")
    assert command(tmp_path, *words, typed=f"{OLD}\n") == (0, "Made the admin ann.\n", "")
    assert command(tmp_path, *words, typed=f"{NEW}\n") == (0, "Changed the password of ann.\n", "")
    assert list(tmp_path.iterdir()) == []

    async def refused(app):
        with pytest.raises(Unauthenticated):
            await signin.verify(app, "ann", OLD, "")
        await signin.verify(app, "ann", NEW, "")
        return [(each.name, each.is_admin) for each in await accounts.listed(app)]

    assert in_store(url, tmp_path, refused) == [("ann", True)]


@pytest.mark.parametrize(
    "words", [("gc", "--older-than", "0d"), ("user", "password", "ann", "--password-file", "-")]
)
def test_a_database_that_is_not_there_is_one_line(url, tmp_path, words):
    (tmp_path / "trackside-data" / "artifacts").mkdir(parents=True)
    code, out, err = command(tmp_path, *words, "--store", f"{url}_gone", typed=f"{NEW}\n")
    assert (code, out) == (1, "")
    assert "There is no database at postgresql://" in err
    code, _, err = command(tmp_path, *words, "--store", "mysql://me:secret@db/x", typed=f"{NEW}\n")
    assert (code, "must begin with postgresql://" in err, "secret" in err) == (2, True, False)
