"""Backups: whole while the store is written to, verified, never over a file, put back as they were."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trackside.config import ServerSettings
from trackside.core import logging, metrics, runs
from trackside.core.app import App
from trackside.core.experiments import create_default
from trackside.errors import AlreadyExists, NotFound, StoreInUse, StoreUnusable
from trackside.model import Point
from trackside.store import backup


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def app(data_dir, run):
    made = App.open(ServerSettings(data_dir=data_dir))
    run(create_default(made))
    yield made
    run(made.close())


@pytest.fixture
def database(data_dir):
    return data_dir / "trackside.db"


async def new_run(app: App, points: int = 10) -> str:
    made = await runs.create(app, runs.NewRun("0"))
    for step in range(points):
        await logging.log_metric(app, made.info.uuid, Point("loss", step, step, step / 3))
    return made.info.uuid


def spoil(path: Path) -> None:
    """Overwrite a page in the middle of a database."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)


def test_a_backup_holds_what_was_acknowledged_before_it(app, database, tmp_path, run):
    uuid = run(new_run(app))
    contents = backup.backup(database, tmp_path / "copy.db")
    assert (contents.experiments, contents.runs) == (1, 1)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "data"]
    other = tmp_path / "other"
    backup.restore(tmp_path / "copy.db", other / "trackside.db")

    async def history():
        restored = App.open(ServerSettings(data_dir=other))
        try:
            return (await metrics.history(restored, uuid, "loss")).value.tolist()
        finally:
            await restored.close()

    assert asyncio.run(history()) == [step / 3 for step in range(10)]


def test_a_backup_under_load_has_every_point_acknowledged_before_and_none_twice(app, database, tmp_path, run):
    uuid = run(new_run(app, points=200))
    taken = []

    def copy():
        taken.extend(backup.backup(database, tmp_path / f"{number}.db") for number in range(3))

    thread = threading.Thread(target=copy)

    async def write():
        step = 200
        while thread.is_alive():
            await logging.log_metric(app, uuid, Point("loss", step, step, 0.0))
            step += 1
        return step

    thread.start()
    written = run(write())
    thread.join()
    assert written > 200
    points = []
    for number in range(3):
        with backup.opened(tmp_path / f"{number}.db") as copied:
            points.append(copied.execute("SELECT sum(points) FROM tail").fetchone()[0])
    assert len(taken) == 3
    assert 200 <= points[0] <= points[1] <= points[2] <= written


def test_a_backup_never_replaces_a_file_and_needs_a_database(app, database, tmp_path):
    target = tmp_path / "there"
    target.write_text("precious")
    with pytest.raises(AlreadyExists, match="never replaces"):
        backup.backup(database, target)
    assert target.read_text() == "precious"
    with pytest.raises(NotFound):
        backup.backup(tmp_path / "nothing.db", tmp_path / "copy")
    assert not (tmp_path / "nothing.db").exists()


def test_a_damaged_database_gives_no_backup(app, database, tmp_path, run):
    run(new_run(app, points=400))
    run(app.close())
    spoil(database)
    with pytest.raises(StoreUnusable, match="damaged"):
        backup.backup(database, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_a_restore_waits_for_no_server_and_puts_the_former_aside(app, database, tmp_path, run):
    run(new_run(app))
    backup.backup(database, tmp_path / "copy.db")
    with pytest.raises(StoreInUse):
        backup.restore(tmp_path / "copy.db", database, replace=True)
    run(new_run(app))
    run(app.close())
    with pytest.raises(AlreadyExists, match="--replace"):
        backup.restore(tmp_path / "copy.db", database)
    contents, former = backup.restore(tmp_path / "copy.db", database, replace=True)
    assert contents.runs == 1
    assert former is not None
    with sqlite3.connect(former) as aside:
        assert aside.execute("SELECT count(*) FROM run").fetchone()[0] == 2
    again = App.open(ServerSettings(data_dir=database.parent))
    assert run(new_run(again))
    run(again.close())


def test_a_damaged_or_foreign_backup_changes_nothing(app, database, tmp_path, run):
    run(new_run(app, points=400))
    backup.backup(database, tmp_path / "copy.db")
    run(app.close())
    before = database.read_bytes()
    spoil(tmp_path / "copy.db")
    (tmp_path / "text.db").write_text("no database at all, but a text that is long enough for a header" * 9)
    sqlite3.connect(tmp_path / "empty.db").execute("VACUUM").connection.close()
    for name in ("copy.db", "text.db", "empty.db"):
        with pytest.raises(StoreUnusable):
            backup.restore(tmp_path / name, database, replace=True)
        assert database.read_bytes() == before
        assert not list(database.parent.glob("*.part"))


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "trackside", "db", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_commands(app, database, tmp_path, run):
    run(new_run(app, points=400))
    at = ("--data-dir", str(database.parent))
    code, out, _ = command("backup", str(tmp_path / "copy.db"), *at)
    assert (code, out.startswith("Saved 1 experiments, 1 runs, 0 logged models")) == (0, True)
    code, _, err = command("backup", str(tmp_path / "copy.db"), *at)
    assert (code, "exists" in err) == (1, True)
    assert command("check", *at)[0] == 0
    code, _, err = command("restore", str(tmp_path / "copy.db"), *at)
    assert (code, "served by another process" in err) == (1, True)
    run(app.close())
    assert command("migrate", *at)[0] == 0
    spoil(database)
    code, out, err = command("check", "--json", *at)
    assert code == 1
    assert json.loads(out)["damages"] if out else "damaged" in err
    code, out, _ = command("restore", str(tmp_path / "copy.db"), "--replace", "--json", *at)
    assert (code, json.loads(out)["runs"]) == (0, 1)
    assert command("check", *at)[0] == 0
