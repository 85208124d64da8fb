"""Points that come as columns, of a run's metrics together."""

from __future__ import annotations

import math

import numpy as np
from points_model import make_run

from trackside.store.series import Series, codec
from trackside.store.series.compact import finish, packed, plan, write


def page(keys, values):
    """Columns of points a second apart."""
    at = np.arange(len(keys))
    return codec.Rows(
        np.array(keys, "<i4"), at.astype("<i8"), 1000 * at.astype("<i8"), np.array(values, "<f8")
    )


def test_a_page_is_read_as_points_are_and_counted_once(db, run):
    series, run_id = Series(), make_run(db, run, "r")
    values = [1.0, math.nan, math.inf, -0.0]
    for _ in range(2):
        run(db.write(lambda tx: series.append_page(tx, run_id, ["a", "b"], page([0, 1, 0, 1], values))))
    assert run(db.read(lambda tx: series.count(tx, run_id))) == 4
    found = {key: run(db.read(lambda tx, key=key: series.history(tx, run_id, key))) for key in ("a", "b")}
    assert found["a"].value.tobytes() == np.array([1.0, math.inf]).tobytes()
    assert found["b"].value.tobytes() == np.array([math.nan, -0.0]).tobytes()
    latest = {each.key: each.step for each in run(db.read(lambda tx: series.latest(tx, run_id)))}
    assert latest == {"a": 2, "b": 3}


def test_packed_points_are_counted_without_being_read(db, run):
    series, run_id = Series(), make_run(db, run, "r")

    async def pack(tx):
        row = dict(await tx.one("run_to_compact", id=run_id), status="FINISHED")
        work = await plan(tx, row)
        for number, part in enumerate(packed(work)):
            await write(tx, work, part, number)
        await finish(tx, work, number + 1)

    run(db.write(lambda tx: series.append_page(tx, run_id, ["a"], page([0] * 5000, range(5000)))))
    run(db.write(pack))
    assert run(db.read(lambda tx: series.count(tx, run_id))) == 5000
    assert run(db.read(lambda tx: series.count(tx, 0))) == 0
