"""Backups of PostgreSQL through the commands: verified, whole, never over anything, the password never shown."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from postgres_server import PASSWORD
from trackside.config import ServerSettings
from trackside.core import logging, metrics, runs
from trackside.core.app import App
from trackside.core.experiments import create_default
from trackside.model import Point


def filled(url, data_dir, points=300):
    """A store with one run; the run's id."""

    async def work():
        app = App.open(ServerSettings(data_dir=data_dir, store=url))
        try:
            await create_default(app)
            made = await runs.create(app, runs.NewRun("0"))
            batch = [Point("loss", step, step, step / 3) for step in range(points)]
            await logging.log_batch(app, made.info.uuid, logging.Batch(batch))
            return made.info.uuid
        finally:
            await app.close()

    return asyncio.run(work())


def history(url, data_dir, uuid):
    async def work():
        app = App.open(ServerSettings(data_dir=data_dir, store=url))
        try:
            return (await metrics.history(app, uuid, "loss")).value.tolist()
        finally:
            await app.close()

    return asyncio.run(work())


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "trackside", "db", *arguments], capture_output=True, text=True, check=False
    )
    assert PASSWORD not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_database_is_saved_put_back_and_checked(url, postgres, tmp_path):
    uuid = filled(url, tmp_path)
    target = tmp_path / "copy.dump"
    code, out, err = command("backup", str(target), "--store", url, "--json")
    assert code == 0, err
    saved = json.loads(out)
    assert (saved["experiments"], saved["runs"]) == (1, 1)
    assert target.stat().st_mode & 0o777 == 0o600
    code, _, err = command("backup", str(target), "--store", url)
    assert (code, "never replaces" in err) == (1, True)
    code, _, err = command("restore", str(target), "--store", url)
    assert (code, "is not empty" in err) == (1, True)
    empty = postgres.new_database()
    code, out, err = command("restore", str(target), "--store", empty, "--json")
    assert code == 0, err
    assert json.loads(out)["runs"] == 1
    assert history(empty, tmp_path, uuid) == [step / 3 for step in range(300)]
    assert command("check", "--store", empty)[0] == 0


def test_a_damaged_dump_fills_nothing(url, postgres, tmp_path):
    filled(url, tmp_path, points=900)
    target = tmp_path / "copy.dump"
    assert command("backup", str(target), "--store", url)[0] == 0
    whole = target.read_bytes()
    (tmp_path / "short.dump").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "text.dump").write_text("no dump")
    empty = postgres.new_database()
    for name in ("short.dump", "text.dump"):
        code, _, err = command("restore", str(tmp_path / name), "--store", empty)
        assert (code, "damaged, or no backup" in err) == (1, True), err
    assert command("restore", str(target), "--store", empty)[0] == 0


def test_a_flipped_byte_is_named(url, postgres, tmp_path):
    uuid = filled(url, tmp_path)
    flip = "UPDATE tail SET payload = set_byte(payload, 20, get_byte(payload, 20) # 1)"
    postgres.sql(flip, url.rpartition("/")[2])
    code, out, _ = command("check", "--store", url)
    assert code == 1
    assert f"run {uuid}, tail 1: its points are damaged" in out


@pytest.mark.parametrize("words", [("backup", "x.dump"), ("restore", __file__), ("check",)])
def test_a_database_that_is_not_there_is_one_line(url, tmp_path, words):
    code, out, err = command(*words, "--store", f"{url}_gone")
    assert (code, out, len(err.splitlines())) == (1, "", 1), err
