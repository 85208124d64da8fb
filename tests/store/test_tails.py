"""What is kept of tails between two looks: only what is new is read, and what a compaction took away is forgotten."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from points_model import make_run

from trackside.core.compaction import compact_run
from trackside.model import Point
from trackside.store.series import Series, tails
from trackside.store.series.tails import Tails


@pytest.fixture
def read(db, run, monkeypatch):
    """Reads a run's tail: its steps, and how many rows were unpacked for it."""
    unpacked = []
    joined = tails._joined
    monkeypatch.setattr(tails, "LEAST_POINTS", 2)
    monkeypatch.setattr(
        tails, "_joined", lambda rows, payloads: unpacked.append(len(payloads)) or joined(rows, payloads)
    )

    def do(kept, run_id):
        unpacked.clear()
        rows = run(db.read(lambda tx: kept.read(tx, run_id)))
        return sorted(rows.step.tolist()), sum(unpacked)

    return do


def log(db, run, run_id, *steps):
    for step in steps:
        point = Point("loss", step, 1000 + step, 0.5)
        run(db.write(lambda tx, point=point: Series().append(tx, run_id, [point])))


def test_between_two_looks_only_what_is_new_is_read(db, run, read):
    run_id, kept = make_run(db, run), Tails()
    assert read(kept, run_id) == ([], 0)
    log(db, run, run_id, 1, 2, 3)
    assert read(kept, run_id) == ([1, 2, 3], 3)
    assert read(kept, run_id) == ([1, 2, 3], 0)
    log(db, run, run_id, 4, 5)
    assert read(kept, run_id) == ([1, 2, 3, 4, 5], 2)


def test_what_a_compaction_took_away_is_forgotten(db, run, read):
    run_id, kept = make_run(db, run), Tails()
    log(db, run, run_id, *range(40))
    assert read(kept, run_id) == (list(range(40)), 40)
    run(db.write(lambda tx: tx.run("update_run", id=run_id, status="FINISHED", end_ms=1, name="n")))
    run(compact_run(SimpleNamespace(db=db), run_id))
    assert read(kept, run_id) == ([], 0)
    log(db, run, run_id, 41, 42)
    assert read(kept, run_id) == ([41, 42], 2)
    assert read(kept, run_id) == ([41, 42], 0)


def test_few_points_are_not_kept_and_the_oldest_make_room(db, run, read):
    kept = Tails(most_points=5)
    first, second, third = (make_run(db, run, uuid) for uuid in "abc")
    log(db, run, first, 1)
    read(kept, first)
    assert read(kept, first) == ([1], 1)
    log(db, run, first, 2)
    log(db, run, second, 1, 2)
    log(db, run, third, 1, 2)
    for run_id in (first, second, first, third):  # the last of which needs room
        read(kept, run_id)
    assert [read(kept, run_id)[1] for run_id in (first, third)] == [0, 0]
    assert read(kept, second) == ([1, 2], 2)


def test_an_older_look_does_not_undo_a_newer_one(db, run, read):
    run_id, kept = make_run(db, run), Tails()
    log(db, run, run_id, 1, 2)

    async def while_another_looks(tx):
        before = await kept.read(tx, run_id)
        return before.step.tolist()

    assert run(db.read(while_another_looks)) == [1, 2]
    newer = kept._known[run_id]
    kept._keep(run_id, tails._Known(newer.generation, newer.last_id - 1, newer.rows))
    assert kept._known[run_id] is newer
    assert kept._points == 2
