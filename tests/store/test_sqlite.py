"""The engine for one server: group commit, snapshots, ownership, full disks."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from jobs import ENDLESS, add, names

from trackside.errors import InvalidState, StoreInUse, Unavailable
from trackside.store import schema, sqlite
from trackside.store.sqlite import SqliteDatabase


@pytest.fixture
def db(tmp_path, run):
    made = SqliteDatabase(tmp_path / "trackside.db")
    yield made
    run(made.close())


@pytest.mark.parametrize("bad", [None, 7])
def test_writes_that_come_meanwhile_share_a_commit(db, run, bad):
    """What queues up while the writer is busy with a job joins its transaction; a bad one fails alone."""
    gate, entered = threading.Event(), threading.Event()
    groups = []

    async def slow(tx):
        entered.set()
        gate.wait(5)

    async def spoiled(tx):
        await add("spoiled")(tx)
        raise ValueError

    attempt = db._attempt

    def counted(group, grows):
        try:
            return attempt(group, grows)
        finally:
            groups.append(len(group))

    db._attempt = counted

    async def all_at_once():
        first = asyncio.ensure_future(db.write(slow))
        await asyncio.to_thread(entered.wait, 5)
        jobs = [spoiled if i == bad else add(f"e{i}") for i in range(40)]
        others = [asyncio.ensure_future(db.write(job)) for job in jobs]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    results = run(all_at_once())
    assert [type(each) for each in results if isinstance(each, Exception)] == [ValueError] * (bad is not None)
    assert groups == ([41] if bad is None else [41] + [1] * 41)
    assert len(run(db.read(names))) == (40 if bad is None else 39)


def test_a_caller_that_gave_up_before_its_turn_stores_nothing(db, run):
    """It may send again, and must not find its first try stored; those beside it are not touched."""
    gate, entered = threading.Event(), threading.Event()

    async def slow(tx):
        entered.set()
        gate.wait(5)
        return await add("slow")(tx)

    async def impatient():
        running = asyncio.ensure_future(db.write(slow))
        await asyncio.to_thread(entered.wait, 5)
        waiting = [asyncio.ensure_future(db.write(add(name))) for name in ("given up", "kept")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        running.cancel()  # in the writer's hands already: it is stored
        gate.set()
        await asyncio.gather(running, *waiting, return_exceptions=True)

    run(impatient())
    assert run(db.read(names)) == ["kept", "slow"]


def test_a_foreign_lock_is_waited_for_once_not_once_a_job(db, run, tmp_path, monkeypatch):
    db._connection.execute("PRAGMA busy_timeout = 200")
    holder = sqlite3.connect(tmp_path / "trackside.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    async def group():
        return await asyncio.gather(*(db.write(add(f"e{i}")) for i in range(20)), return_exceptions=True)

    began = time.monotonic()
    results = run(group())
    assert {type(each) for each in results} == {Unavailable}
    assert time.monotonic() - began < 20 * 0.2 / 2
    holder.execute("ROLLBACK")
    holder.close()
    assert run(db.write(add("later"))) == 1


def test_closing_does_not_wait_for_a_long_read(tmp_path, run):
    db = SqliteDatabase(tmp_path / "trackside.db")

    async def scenario():
        reading = asyncio.ensure_future(db.read(lambda tx: tx.select(ENDLESS)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await db.close()
        [error] = await asyncio.gather(reading, return_exceptions=True)
        return error, time.monotonic() - began

    error, seconds = run(scenario())
    assert isinstance(error, Unavailable)
    assert seconds < sqlite.READ_SECONDS / 3


def test_a_read_sees_one_snapshot(db, run):
    run(db.write(add("a")))
    between, go_on = threading.Event(), threading.Event()

    async def twice(tx):
        before = await names(tx)
        between.set()
        go_on.wait(5)
        return before, await names(tx)

    async def scenario():
        reading = asyncio.ensure_future(db.read(twice))
        await asyncio.to_thread(between.wait, 5)
        await db.write(add("b"))
        go_on.set()
        return await reading

    assert run(scenario()) == (["a"], ["a"])


def test_readers_cannot_write(db, run):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        run(db.read(add("a")))


def test_a_read_that_takes_too_long_is_stopped(db, run, monkeypatch):
    monkeypatch.setattr(sqlite, "READ_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="longer than"):
        run(db.read(lambda tx: tx.select(ENDLESS)))
    assert run(db.read(names)) == []


def test_searches_that_take_long_are_not_in_the_way_of_reads(tmp_path, run):
    db = SqliteDatabase(tmp_path / "trackside.db")

    async def scenario():
        searching = [asyncio.ensure_future(db.search(lambda tx: tx.select(ENDLESS))) for _ in range(8)]
        await asyncio.sleep(0.1)
        found = await asyncio.wait_for(db.read(names), 5)
        assert not any(search.done() for search in searching)
        await db.close()
        await asyncio.gather(*searching, return_exceptions=True)
        return found

    assert run(scenario()) == []


def test_a_second_server_on_the_same_store_is_refused_by_name(db, tmp_path):
    with pytest.raises(StoreInUse, match=f"pid {os.getpid()}"):
        SqliteDatabase(tmp_path / "trackside.db")


def test_after_close_writes_are_refused_and_files_are_let_go(tmp_path, run):
    db = SqliteDatabase(tmp_path / "trackside.db")
    run(db.write(add("a")))
    run(db.close())
    with pytest.raises(Unavailable):
        run(db.write(add("b")))
    again = SqliteDatabase(tmp_path / "trackside.db")
    assert run(again.read(names)) == ["a"]
    run(again.close())


def test_durability_settings(db):
    for pragma, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}.items():
        assert db._connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value


FILL_A_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from trackside.errors import StorageFull
from trackside.store.sqlite import SqliteDatabase

def add(name):
    async def job(tx):
        await tx.insert("add_experiment", name=name, artifact_location="x" * 5000, now_ms=1)
    return job

async def main():
    db = SqliteDatabase(Path(sys.argv[1]))
    await db.write(add("before"))
    largest = max(file.stat().st_size for file in Path(sys.argv[1]).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 200_000, resource.RLIM_INFINITY))
    stored = failed = 0
    for i in range(200):
        try:
            await db.write(add(f"e{i}"))
            stored += 1
        except StorageFull:
            failed += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await db.write(add("after"))
    print(stored, failed)
    await db.close()

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main())
"""


def test_a_full_disk_is_an_error_and_the_store_goes_on(tmp_path):
    """A limit on file size stands in for a full disk: SQLite sees the same failing write."""
    path = tmp_path / "t.db"
    script = [sys.executable, "-c", FILL_A_DISK, str(path)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True)
    stored, failed = map(int, done.stdout.split())
    assert stored > 0
    assert failed > 0
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = [name for (name,) in connection.execute("SELECT name FROM experiment")]
    connection.close()
    assert len(kept) == stored + 2
    assert {"before", "after"} <= set(kept)


def test_a_newer_schema_is_refused_and_an_older_one_backed_up(tmp_path, monkeypatch, run):
    path = tmp_path / "trackside.db"
    run(SqliteDatabase(path).close())
    newest = max(schema.migrations())
    known = schema.migrations()
    monkeypatch.setattr(schema, "migrations", lambda: {**known, newest + 1: "CREATE TABLE extra (x INTEGER)"})
    run(SqliteDatabase(path).close())
    backup = tmp_path / f"trackside.db.v{newest}.backup"
    copy = sqlite3.connect(backup)
    assert copy.execute("PRAGMA user_version").fetchone()[0] == newest
    copy.close()
    monkeypatch.setattr(schema, "migrations", lambda: known)
    with pytest.raises(InvalidState, match="newer Trackside"):
        SqliteDatabase(path)


def test_every_named_query_compiles(db):
    """A typo in a query that no test reaches would otherwise wait for a user."""
    from trackside.store.database import named_queries

    for name, sql in named_queries("sqlite").items():
        values = dict.fromkeys(set(re.findall(r":(\w+)", sql)))
        try:
            db._connection.execute(f"EXPLAIN {sql}", values)
        except sqlite3.Error as error:
            pytest.fail(f"{name}: {error}")
