"""Metric points as they are appended, against the plain model of MLflow's rules."""

from __future__ import annotations

import math
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from points_model import make_run, model_history, model_latest, points, same

from trackside.model import Point
from trackside.store.series import Series, codec


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(st.lists(points, min_size=1, max_size=6), min_size=1, max_size=8))
def test_history_and_latest_follow_mlflow(db, run, requests):
    series = Series()
    logged = [point for request in requests for point in request]

    run_id = make_run(db, run, uuid4().hex)
    for request in requests:
        run(db.write(lambda tx, request=request: series.append(tx, run_id, request)))
    latest = {each.key: each for each in run(db.read(lambda tx: series.latest(tx, run_id)))}
    assert set(latest) == {point.key for point in logged}
    for key, found in latest.items():
        history = run(db.read(lambda tx, key=key: series.history(tx, run_id, key)))
        expected = model_history(logged, key)
        assert history.step.tolist() == [p.step for p in expected]
        assert history.timestamp_ms.tolist() == [p.timestamp_ms for p in expected]
        assert all(map(same, history.value.tolist(), [p.value for p in expected]))
        best = model_latest(logged, key)
        assert (found.step, found.timestamp_ms) == (best.step, best.timestamp_ms)
        assert same(found.value, best.value)
        finite = [p.value for p in logged if p.key == key and math.isfinite(p.value)]
        assert found.min == (min(finite) if finite else None)
        assert found.max == (max(finite) if finite else None)


def test_points_of_many_requests_in_one_group(db, run):
    """Appends of one transaction are gathered; each request keeps its row, each metric its one summary."""
    series = Series()

    async def job(tx):
        await tx.run("add_default_experiment", artifact_location="x", now_ms=1)
        row = await tx.insert(
            "add_run", uuid="r", experiment_id=0, name="n", user_id="", start_ms=0, artifact_uri="x"
        )
        for step in range(100):
            await series.append(tx, row["id"], [Point("loss", step, step, float(step))])
        return row["id"]

    run_id = run(db.write(job))
    history = run(db.read(lambda tx: series.history(tx, run_id, "loss")))
    assert history.value.tolist() == [float(step) for step in range(100)]


def test_a_metric_name_numbered_in_a_failed_group_is_numbered_anew(db, run):
    """The number given in a transaction that was rolled back must not be used by a later one."""
    series = Series()

    async def setup(tx):
        await tx.run("add_default_experiment", artifact_location="x", now_ms=1)
        for name in ("a", "b"):
            await tx.insert(
                "add_run", uuid=name, experiment_id=0, name=name, user_id="", start_ms=0, artifact_uri="x"
            )

    run(db.write(setup))

    class Exploding:
        async def flush(self, tx):
            raise RuntimeError("disk on fire")

        def committed(self):
            pass

        def discard(self):
            pass

    async def failing(tx):
        await series.append(tx, 1, [Point("lost", 0, 0, 1.0)])
        tx.pending(Exploding)

    with pytest.raises(RuntimeError, match="fire"):
        run(db.write(failing))
    run(db.write(lambda tx: series.append(tx, 2, [Point("kept", 0, 0, 2.0)])))
    run(db.write(lambda tx: series.append(tx, 2, [Point("lost", 0, 0, 3.0)])))
    found = {each.key: each.value for each in run(db.read(lambda tx: series.latest(tx, 2)))}
    assert found == {"kept": 2.0, "lost": 3.0}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**31 - 1),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(0, 2**63 - 1),
            st.floats(allow_nan=False),
        ),
        min_size=1,
        max_size=200,
    )
)
def test_packed_columns_come_back_bit_for_bit(rows):
    columns = [list(column) for column in zip(*rows, strict=True)]
    points = [Point("m", *values) for values in zip(*columns[1:], strict=True)]
    for packed in (codec.pack_few(columns[0], points), codec.pack(codec.rows_of(columns[0], points))):
        assert [column.tolist() for column in codec.unpack(packed)] == columns


@pytest.mark.parametrize("n", [1, 1000])
def test_every_flipped_byte_is_noticed(n):
    packed = bytearray(codec.pack_few(range(n), [Point("m", at, at, 0.5) for at in range(n)]))
    for at in range(0, len(packed), max(1, len(packed) // 50)):
        packed[at] ^= 0x40
        with pytest.raises(codec.CorruptPoints):
            codec.unpack(bytes(packed))
        packed[at] ^= 0x40


def test_golden_payloads_stay_readable():
    """Bytes as version 1 and 2 wrote them: stored data must outlive the code."""
    raw = bytes.fromhex("0101000000070000000300000000000000e803000000000000000000000000f83f")
    import struct
    import zlib

    ids, steps, times, values_ = codec.unpack(raw + struct.pack("<I", zlib.crc32(raw)))
    assert (ids.tolist(), steps.tolist(), times.tolist(), values_.tolist()) == ([7], [3], [1000], [1.5])
