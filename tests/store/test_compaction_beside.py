"""Two servers on one PostgreSQL that log to one run and compact it at once: each point is there once, and all is sound.

A compaction holds the store's lock, shared, and the run's alone, but for the time of one of its transactions only.
Between two of them the other server may come, and then one of the two finds another generation and gives up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from points_model import make_run

from trackside.store.postgres import PostgresDatabase
from trackside.store.series import Series
from trackside.store.series.check import check

ROUNDS, SERVERS, REQUESTS, POINTS, METRICS = 3, 2, 40, 20, 8

LOGS_AND_COMPACTS = """
import asyncio, json, random, sys
from types import SimpleNamespace
from trackside.core.compaction import compact_run
from trackside.model import Point
from trackside.store.postgres import PostgresDatabase
from trackside.store.series import Series, chunks, compact

url, uuid, run_id, server, servers, requests, points, metrics = sys.argv[1:3] + [int(each) for each in sys.argv[3:]]
# Small chunks, and two of them in a transaction: many transactions between which the other may come.
chunks.SIZE = compact.SIZE = 64
compact._TIERS, compact._WORTH, compact._SLICE_CHUNKS, compact._FINISH_POINTS = (8, 32, 64), 0, 2, 500
done = {"compacted": 0, "gave up": 0}

async def compacts(app, until):
    while not until.done() or await compacted(app):
        await compacted(app)

async def compacted(app):
    try:
        worked = await compact_run(app, run_id)
        done["compacted"] += worked
        return worked
    except compact.Outdated:
        done["gave up"] += 1
        await asyncio.sleep(random.uniform(0, 0.01))
        return True

async def main():
    app, series = SimpleNamespace(db=PostgresDatabase(url)), Series()
    ended = asyncio.get_running_loop().create_future()
    compacting = asyncio.create_task(compacts(app, ended))
    for request in range(server, requests, servers):
        steps = range(request * points, (request + 1) * points)
        logged = [Point(f"m{key}", step, step, step / 7) for step in steps for key in range(metrics)]
        for _ in range(1 + request % 2):  # every other one is sent again
            await app.db.write(lambda tx: series.append(tx, run_id, logged), runs=(uuid,))
    print("logged", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ended.set_result(None)
    await compacting
    await app.db.close()
    print(json.dumps(done))

asyncio.run(main())
"""


@contextmanager
def servers_of(url, uuid, run_id):
    numbers = [(run_id, server, SERVERS, REQUESTS, POINTS, METRICS) for server in range(SERVERS)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", LOGS_AND_COMPACTS, url, uuid, *map(str, each)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for each in numbers
    ]  # fmt: skip
    try:
        yield started
    finally:
        for each in started:
            each.kill()
            each.communicate()


def assert_each_point_is_there_once(db, run, run_id):
    for key in range(METRICS):
        found = run(db.read(lambda tx, key=key: Series().history(tx, run_id, f"m{key}")))
        assert found.step.tolist() == list(range(REQUESTS * POINTS))
        assert found.value.tolist() == [step / 7 for step in range(REQUESTS * POINTS)]
    bounds = run(db.read(lambda tx: tx.all("chunk_bounds_of_run", run_id=run_id)))
    assert sum(row["points"] for row in bounds) == REQUESTS * POINTS * METRICS, (
        "stored once, not only read once"
    )
    assert run(db.read(lambda tx: tx.all("tail_sizes_of_run", run_id=run_id, limit=1))) == []
    assert run(check(db, run_id)) == []


def one_round(db, run, url, uuid):
    """What the servers tell of their compactions."""
    run_id = make_run(db, run, uuid)
    with servers_of(url, uuid, run_id) as servers:
        for server in servers:
            assert server.stdout.readline() == "logged\n"
        assert run(check(db, run_id)) == [], "while both are at it"
        run(db.write(lambda tx: tx.run("update_run", id=run_id, status="FINISHED", end_ms=None, name="n")))
        told = [json.loads(server.communicate("end\n", timeout=60)[0]) for server in servers]
        assert [server.returncode for server in servers] == [0] * SERVERS
    assert_each_point_is_there_once(db, run, run_id)
    return told


@pytest.fixture
def db(url, run):
    made = PostgresDatabase(url)
    yield made
    run(made.close())


@pytest.mark.timeout(300)
def test_two_servers_that_compact_one_run_at_once_store_each_point_once(db, url, run):
    told = [each for number in range(ROUNDS) for each in one_round(db, run, url, f"run {number}")]
    assert run(check(db)) == []
    assert sum(each["compacted"] for each in told) >= 1
    assert sum(each["gave up"] for each in told) >= 1, f"they hardly met, which proves nothing: {told}"
