"""A compaction that ends anywhere: after each of its transactions, and by SIGKILL at random moments."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from points_model import make_run

from trackside.core.compaction import compact_run
from trackside.model import Point
from trackside.store.series import Series, compact
from trackside.store.series.chart import Window
from trackside.store.series.check import check
from trackside.store.sqlite import SqliteDatabase

KILLS = 12


@pytest.mark.parametrize("steps", range(5))
def test_interrupted_between_two_of_its_transactions(db, run, monkeypatch, steps):
    """Points are then in the tail and in chunks; every reader sees them once, and the next compaction cleans up."""
    monkeypatch.setattr(compact, "_SLICE_CHUNKS", 2)
    run_id, keys = make_run(db, run), [f"m{index}" for index in range(7)]
    for start in (0, 60):
        logged = [Point(key, step, step, float(step)) for step in range(start, start + 60) for key in keys]
        run(db.write(lambda tx, logged=logged: Series().append(tx, run_id, logged)))
        if start == 0:
            run(compact_run(SimpleNamespace(db=db), run_id))

    async def planned(tx):
        return await compact.plan(tx, await tx.one("run_to_compact", id=run_id))

    work = run(db.read(planned))
    parts = list(compact.packed(work))
    assert len(parts) == 4
    for number, part in enumerate(parts[:steps]):
        run(db.write(lambda tx, part=part, number=number: compact.write(tx, work, part, number)))

    def assert_whole():
        for key in keys:
            found = run(db.read(lambda tx, key=key: Series().history(tx, run_id, key)))
            assert found.step.tolist() == list(range(120))
            line = run(db.read(lambda tx, key=key: Series().charts(tx, run_id, [key], Window(buckets=1))))[
                key
            ]
            assert (line.points, line.min.tolist(), line.max.tolist()) == (120, [0.0], [119.0])

    assert_whole()
    run(compact_run(SimpleNamespace(db=db), run_id))
    assert_whole()
    assert run(check(db)) == []
    assert run(db.read(lambda tx: tx.all("runs_with_tail"))) == []


WRITES_AND_COMPACTS = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from trackside.core.compaction import compact_run
from trackside.model import Point
from trackside.store.series import Series, compact
from trackside.store.sqlite import SqliteDatabase

compact._SLICE_CHUNKS = 3

async def compactions(db):
    while True:
        await compact_run(SimpleNamespace(db=db), 1)
        await asyncio.sleep(0)

async def main():
    db, series = SqliteDatabase(Path(sys.argv[1])), Series()
    compacting = asyncio.create_task(compactions(db))
    step = int(sys.argv[2])
    while not compacting.done():
        points = [Point(f"m{key}", at, at, at / 7) for at in range(step, step + 20) for key in range(8)]
        await db.write(lambda tx: series.append(tx, 1, points))
        step += 20
        print(step, flush=True)
    compacting.result()

asyncio.run(main())
"""


def acknowledged(path, begin, seconds):
    """Write from a step on in another process, kill it, and tell up to which step it was told that all is stored."""
    command = [sys.executable, "-c", WRITES_AND_COMPACTS, str(path), str(begin)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(seconds)
        writer.kill()
        told = [first, *writer.stdout.read().splitlines()]
    assert writer.returncode == -signal.SIGKILL
    return int(told[-1])


def test_killed_at_any_moment_it_loses_nothing(tmp_path, run):
    path, dice = tmp_path / "trackside.db", random.Random(3)
    db = SqliteDatabase(path)
    run_id, stored, chunks = make_run(db, run), 0, 0
    run(db.close())
    for _ in range(KILLS):
        told = acknowledged(path, stored, dice.uniform(0.05, 0.4))
        db = SqliteDatabase(path)
        assert run(check(db)) == []
        for key in range(8):
            found = run(db.read(lambda tx, key=key: Series().history(tx, run_id, f"m{key}")))
            # The request that was under way may be stored too, whole.
            assert len(found.step) in (told, told + 20)
            assert found.step.tolist() == list(range(len(found.step)))
        chunks += len(run(db.read(lambda tx: tx.all("chunk_bounds_of_run", run_id=run_id))))
        stored = len(found.step)
        run(db.close())
    assert chunks > 0, "nothing was compacted: the test proves nothing"
