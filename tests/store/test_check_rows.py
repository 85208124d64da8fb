"""`db check` compares the row that each metric has in `series` with the stored points, on both engines."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
from jobs import Composed
from points_model import make_run

from trackside.core.compaction import compact_run
from trackside.model import LARGEST, Point
from trackside.store.postgres import PostgresDatabase
from trackside.store.series import Series, check_rows, compact
from trackside.store.series.check import check, told
from trackside.store.sqlite import SqliteDatabase

SPOILED = [
    ("loss", "last_step = 298", "the latest value is 0.5 at step 298, time 1300"),
    ("loss", "last_ms = last_ms + 1", "but of its points it is 0.5 at step 299, time 1300"),
    ("loss", "last_value = 0.25", "the latest value is 0.25 at step 299"),
    ("loss", "last_nan = 1", "the latest value is nan at step 299"),
    ("zero", "last_nan = 1", "but of its points it is 0.0 at"),
    ("not a number", "last_nan = 0", "but of its points it is nan at"),
    ("not a number", "last_value = 3", "but of its points it is nan at"),
    ("loss", "min_value = -7", "its row says min_value is -7.0, but of its points it is -0.5"),
    ("loss", "min_value = NULL", "its row says min_value is None, but of its points it is -0.5"),
    ("loss", "max_value = 0.75", "its row says max_value is 0.75, but of its points it is 1.5"),
    ("loss", "max_value = 2", "its row says max_value is 2.0, but of its points it is 1.5"),
    ("infinite", "last_value = 1", "the latest value is 1.0 at step 1, time 1, but of its points it is inf"),
    ("infinite", "max_value = 1", "its row says max_value is 1.0, but of its points it is None"),
    ("infinite", f"min_value = {-LARGEST!r}", f"min_value is {-LARGEST!r}, but of its points it is None"),
    ("waiting", "max_value = 9", "its row says max_value is 9.0, but of its points it is 4.0"),
]  # fmt: skip


def sql(db, run, text):
    run(db.write(lambda tx: tx.select(Composed(text))))


def append(db, run, run_id, logged):
    run(db.write(lambda tx: Series().append(tx, run_id, logged)))


def filled(db, run, uuid="r", status="RUNNING"):
    """The number of a run with metrics in chunks, in chunks and in the tail, and in the tail alone."""
    run_id = make_run(db, run, uuid)
    append(db, run, run_id, [Point("loss", step, 1_000 + step, -0.5 + step % 3) for step in range(300)])
    append(db, run, run_id, [Point(key, 1, 1, value) for key, value in ONE_EACH.items()])
    run(db.write(lambda tx: tx.run("update_run", id=run_id, status=status, end_ms=None, name="n")))
    run(compact_run(SimpleNamespace(db=db), run_id))
    append(db, run, run_id, [Point("loss", 299, 1_300, 0.5), Point("waiting", 1, 1, 4.0)])
    append(db, run, run_id, [Point("loss", 12, 5_000, 0.0)])
    return run_id


ONE_EACH = {"zero": 0.0, "not a number": math.nan, "infinite": math.inf}


@pytest.fixture
def few(monkeypatch):
    """Two metrics and one row of the tail at a time."""
    monkeypatch.setattr(check_rows, "_METRICS", 2)
    monkeypatch.setattr(check_rows, "_TAIL_ROWS", 1)
    monkeypatch.setattr(compact, "_WORTH", 0)


def lines(db, run):
    return run(told(db, run(check(db))))


def test_each_way_in_which_a_row_can_differ_is_named(db, run, few):
    run_id = filled(db, run)
    filled(db, run, "other", "FINISHED")
    assert lines(db, run) == []
    sql(db, run, "CREATE TABLE kept AS SELECT * FROM series")
    for metric, change, what in SPOILED:
        of_metric = f"run_id = {run_id} AND key_id = (SELECT id FROM metric_key WHERE name = '{metric}')"
        sql(db, run, f"UPDATE series SET {change} WHERE {of_metric}")
        (line,) = lines(db, run)
        assert line.startswith(f"run r, metric {metric}: its row says ")
        assert what in line
        sql(db, run, f"DELETE FROM series WHERE {of_metric}")
        assert lines(db, run) == [f"run r, metric {metric}: it has points, but no row{check_rows._WHOLE}"]
        sql(db, run, f"INSERT INTO series SELECT * FROM kept WHERE {of_metric}")
        assert lines(db, run) == []


def test_a_row_without_points_is_named(db, run):
    filled(db, run)
    sql(db, run, "DELETE FROM tail")
    named = [line for line in lines(db, run) if "no points" in line]
    assert named == ["run r, metric waiting: it has a row, but no points"]
    sql(db, run, "DELETE FROM chunk")
    assert len(lines(db, run)) == 5


def test_of_damaged_points_it_is_not_said_that_rows_differ(db, run):
    run_id = filled(db, run)
    sql(db, run, f"UPDATE chunk SET max_value = 9 WHERE run_id = {run_id} AND max_value = 1.5")
    (line,) = lines(db, run)
    assert "chunk" in line


def test_of_points_that_rank_the_same_the_row_may_have_either(db, run):
    """MLflow's order has NaN as 0 and infinity as the greatest number: the first stays, stored or not."""
    run_id = make_run(db, run)
    for key, values in (("a", (math.nan, 0.0)), ("b", (0.0, math.nan)), ("c", (math.inf, LARGEST)),
                        ("d", (-LARGEST, -math.inf)), ("e", (-math.inf, 1.0, -LARGEST))):  # fmt: skip
        for value in values:
            append(db, run, run_id, [Point(key, 1, 1, value)])
    assert lines(db, run) == []
    run(db.write(lambda tx: tx.run("update_run", id=run_id, status="FINISHED", end_ms=None, name="n")))
    run(compact_run(SimpleNamespace(db=db), run_id))
    assert lines(db, run) == []


def test_what_is_logged_and_packed_meanwhile_makes_no_difference(db, run):
    run_id, app, series = make_run(db, run), SimpleNamespace(db=db), Series()

    async def work():
        async def appends():
            for step in range(0, 3_000, 10):
                logged = [Point(f"m{step % 7}", step + at, step, float(at)) for at in range(10)]
                await db.write(lambda tx, logged=logged: series.append(tx, run_id, logged), runs=("r",))

        async def compactions():
            while not appending.done():
                await compact_run(app, run_id)
                await asyncio.sleep(0)

        appending = asyncio.create_task(appends())
        packing, times = asyncio.create_task(compactions()), 0
        while not appending.done():
            assert await check(db) == []
            times += 1
        await asyncio.gather(appending, packing)
        return times

    assert run(work()) > 3


@pytest.mark.parametrize("engine", ["sqlite", "postgres15"])
def test_the_command_names_run_and_metric_and_says_what_to_do(engine, servers, tmp_path, run):
    if engine == "sqlite":
        db, at = SqliteDatabase(tmp_path / "trackside.db"), ("--data-dir", str(tmp_path))
    else:
        url = servers("15").new_database()
        db, at = PostgresDatabase(url), ("--store", url)
    filled(db, run)
    sql(db, run, "UPDATE series SET max_value = 7 WHERE max_value = 1.5")
    run(db.close())
    command = [sys.executable, "-m", "trackside", "db", "check", *at]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "run r, metric loss: its row says max_value is 7.0, but of its points it is 1.5" in done.stdout
    assert "its history and charts are right, tables and searches are not" in done.stdout
    assert "trackside db restore FILE" in done.stderr
