"""Whatever is appended, compacted, resent or restarted in whatever order: reads equal the plain model at every moment."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from points_model import make_run, model_history, points, same

from trackside.core.compaction import compact_run
from trackside.model import Point
from trackside.store.series import Series, chunks, compact, sketch, tails
from trackside.store.series.chart import Window
from trackside.store.series.check import check
from trackside.store.series.codec import CorruptPoints

# A story of PostgreSQL asks hundreds of questions, on a busy machine too.
pytestmark = pytest.mark.timeout(400)
KEYS = ["loss", "acc", "system/cpu"]
windows = st.builds(
    Window,
    axis=st.sampled_from(["step", "time"]),
    start=st.one_of(st.none(), st.integers(-2, 2)),
    end=st.one_of(st.none(), st.integers(0, 3)),
    buckets=st.sampled_from([1, 2, 5, 800]),
)
moments = st.one_of(
    st.lists(points, min_size=1, max_size=12),
    st.sampled_from(["compact", "end", "go on", "restart"]),
)


@pytest.fixture
def small(monkeypatch):
    """Chunks of eight points, sketches of ranges of two: small histories meet every case."""
    monkeypatch.setattr(chunks, "SIZE", 8)
    monkeypatch.setattr(compact, "SIZE", 8)
    monkeypatch.setattr(compact, "_TIERS", (2, 4, 8))
    monkeypatch.setattr(compact, "_WORTH", 0)
    monkeypatch.setattr(compact, "_SLICE_CHUNKS", 2)
    monkeypatch.setattr(compact, "_FINISH_POINTS", 20)
    monkeypatch.setattr(sketch, "WIDTH", 2)
    monkeypatch.setattr(tails, "LEAST_POINTS", 1)


def compacted(db, run, run_id):
    return run(compact_run(SimpleNamespace(db=db), run_id))


def set_status(db, run, run_id, status):
    run(db.write(lambda tx: tx.run("update_run", id=run_id, status=status, end_ms=None, name="n")))


def history(db, run, run_id, key, after=None, limit=None, series=None):
    return run(db.read(lambda tx: (series or Series()).history(tx, run_id, key, after, limit)))


def charts(db, run, run_id, window, keys=("loss",), series=None):
    return run(db.read(lambda tx: (series or Series()).charts(tx, run_id, keys, window)))


def assert_is_model(db, run, run_id, logged, window, series):
    for key in KEYS:
        expected = model_history(logged, key)
        found = history(db, run, run_id, key, series=series)
        assert found.step.tolist() == [p.step for p in expected]
        assert found.timestamp_ms.tolist() == [p.timestamp_ms for p in expected]
        assert all(map(same, found.value.tolist(), [p.value for p in expected]))
        assert_drawn(
            charts(db, run, run_id, window, [key], series),
            key,
            expected,
            window,
        )


def assert_drawn(drawn, key, expected, window):
    low, high = (
        (-math.inf if window.start is None else window.start),
        (math.inf if window.end is None else window.end),
    )
    on_axis = [(float(p.step if window.axis == "step" else p.timestamp_ms), p.value) for p in expected]
    inside = [(x, value) for x, value in on_axis if low <= x <= high]
    finite = [value for _, value in inside if math.isfinite(value)]
    if not inside:
        assert key not in drawn
        return
    line = drawn[key]
    assert line.points == len(inside)
    if len(inside) <= window.buckets:
        assert line.exact
    if len(finite) > window.buckets:
        assert not line.exact
    assert line.x.tolist() == sorted(line.x.tolist())
    assert {repr(value) for value in line.marks.tolist()} == {
        repr(v) for _, v in inside if not math.isfinite(v)
    }
    if line.exact:
        in_order = sorted(
            ((x, value) for x, value in inside if math.isfinite(value)), key=lambda each: each[0]
        )
        assert list(zip(line.x.tolist(), line.last.tolist(), strict=True)) == in_order
    elif finite:
        assert (line.min.min(), line.max.max()) == (min(finite), max(finite))
        assert set(line.x.tolist()) <= {x for x, _ in inside}
        assert (line.last >= line.min).all()
        assert (line.last <= line.max).all()


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(moments, min_size=2, max_size=14), window=windows)
def test_reads_equal_the_model_at_every_moment(db, run, small, story, window):
    series, logged, run_id = Series(), [], make_run(db, run, uuid4().hex)
    watcher = Series()  # reads, and is told nothing
    for moment in story:
        if moment == "compact":
            compacted(db, run, run_id)
        elif moment == "restart":
            series = Series()
        elif moment in ("end", "go on"):
            set_status(db, run, run_id, "FINISHED" if moment == "end" else "RUNNING")
        else:
            run(db.write(lambda tx, series=series, moment=moment: series.append(tx, run_id, moment)))
            logged += moment
        assert_is_model(db, run, run_id, logged, window, watcher)
    assert run(check(db, run_id)) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(st.lists(points, min_size=1, max_size=20), min_size=1, max_size=6),
    size=st.integers(1, 7),
)
def test_pages_by_position_are_the_whole_history(db, run, small, requests, size):
    series, run_id = Series(), make_run(db, run, uuid4().hex)
    for number, request in enumerate(requests):
        run(db.write(lambda tx, request=request: series.append(tx, run_id, request)))
        if number % 2:
            compacted(db, run, run_id)
    for key in KEYS:
        found, after = [], None
        while len((page := history(db, run, run_id, key, after, size)).step):
            assert len(page.step) <= size
            found += zip(*(column.tolist() for column in page), strict=True)
            after = page.position(len(page.step) - 1)
        whole = history(db, run, run_id, key)
        assert repr(found) == repr(list(zip(*(column.tolist() for column in whole), strict=True)))


def append(db, run, run_id, logged):
    run(db.write(lambda tx: Series().append(tx, run_id, logged)))


def loss(steps):
    return [Point("loss", step, 1_000 + step, math.sin(step)) for step in steps]


def rows_of(db, run, query, run_id):
    return [dict(row) for row in run(db.read(lambda tx: tx.all(query, run_id=run_id, after=0, limit=10_000)))]


def test_a_spike_of_one_point_is_on_the_chart_of_many(db, run):
    """Read from nothing but sketches, and of more points from nothing but the rows of chunks."""
    run_id, spike = make_run(db, run), 123_456
    for start in range(0, 300_000, 50_000):
        logged = [
            Point("loss", step, step, 1e9 if step == spike else float(step % 7))
            for step in range(start, start + 50_000)
        ]
        append(db, run, run_id, logged)
        compacted(db, run, run_id)
    for buckets in (800, 60):
        line = run(
            db.read(
                lambda tx, buckets=buckets: Series().charts(tx, run_id, ["loss"], Window(buckets=buckets))
            )
        )["loss"]
        assert (line.points, line.exact, len(line.x) <= buckets) == (300_000, False, True)
        assert (line.min.min(), line.max.max()) == (0.0, 1e9)
        at = line.x[np.argmax(line.max)]
        assert abs(at - spike) <= 300_000 / buckets + 4096
    zoomed = Window(start=spike - 5, end=spike + 5)
    line = charts(db, run, run_id, zoomed)["loss"]
    assert line.exact
    assert line.x.tolist() == list(range(spike - 5, spike + 6))
    assert line.last[5] == 1e9


def test_few_points_beside_a_chunk_that_reaches_out_of_the_window_are_exact(db, run, small):
    run_id = make_run(db, run)
    for steps in (range(8), range(8, 10)):
        append(db, run, run_id, [Point("loss", step, step, float(step)) for step in steps])
        compacted(db, run, run_id)
    line = charts(db, run, run_id, Window(start=7, buckets=3))["loss"]
    assert (line.exact, line.x.tolist()) == (True, [7, 8, 9])


def test_points_of_one_timestamp_still_make_chunks_of_their_own(db, run):
    run_id = make_run(db, run)
    append(db, run, run_id, [Point("loss", step, 0, 1.0) for step in range(20_000)])
    compacted(db, run, run_id)
    assert [row["points"] for row in rows_of(db, run, "chunks_of_run", run_id)] == [4096] * 4 + [
        20_000 - 4 * 4096
    ]


def test_at_the_end_of_a_run_chunks_are_full_and_the_tail_is_empty(db, run):
    run_id = make_run(db, run)
    for start in range(0, 12_000, 500):
        append(db, run, run_id, loss(range(start, start + 500)))
        compacted(db, run, run_id)
    hot = rows_of(db, run, "chunks_of_run", run_id)
    assert len(hot) > 2
    assert any(row["points"] < 4096 for row in hot[:-1])
    assert {row["level"] for row in hot} == {4}
    set_status(db, run, run_id, "FINISHED")
    compacted(db, run, run_id)
    rows = rows_of(db, run, "chunks_of_run", run_id)
    assert [(row["points"], row["level"], row["codec"]) for row in rows] == [(4096, 8, 2)] * 2 + [
        (3808, 8, 2)
    ]
    assert rows_of(db, run, "tail_of_run_after", run_id) == []
    assert not compacted(db, run, run_id), "nothing is left to be done"


def test_writing_chunks_again_is_bounded(db, run, monkeypatch):
    """A series that gets a few points at a time: each of them is written a few times, not at every compaction."""
    run_id, written = make_run(db, run), 0
    monkeypatch.setattr(compact, "_WORTH", 0)
    original = compact.row_of

    def counted(run_id, key_id, columns, level):
        nonlocal written
        written += len(columns.step)
        return original(run_id, key_id, columns, level)

    monkeypatch.setattr(compact, "row_of", counted)
    for start in range(0, 900, 3):
        append(db, run, run_id, loss(range(start, start + 3)))
        compacted(db, run, run_id)
        if start % 90 == 0:
            rows = rows_of(db, run, "chunks_of_run", run_id)
            tiers = [compact._tier(row["points"]) for row in rows]
            assert all(tiers.count(tier) <= 7 for tier in range(4))
    assert written <= 5 * 900


def test_a_wide_run_that_goes_on_is_left_in_its_tail(db, run):
    run_id = make_run(db, run)
    append(db, run, run_id, [Point(f"m{index}", 1, 1, 1.0) for index in range(500)])
    assert not compacted(db, run, run_id)
    set_status(db, run, run_id, "FAILED")
    assert compacted(db, run, run_id)
    assert len(rows_of(db, run, "chunks_of_run", run_id)) == 500


def planned(db, run, run_id):
    async def job(tx):
        return await compact.plan(tx, await tx.one("run_to_compact", id=run_id))

    return run(db.read(job))


def test_of_two_compactions_of_one_run_one_gives_up(db, run):
    """And what was appended between reading and writing stays."""
    run_id = make_run(db, run)
    append(db, run, run_id, loss(range(100)))
    first, second = planned(db, run, run_id), planned(db, run, run_id)
    append(db, run, run_id, loss(range(100, 150)))
    (part,) = compact.packed(first)
    run(db.write(lambda tx: compact.write(tx, first, part, 0)))
    for step in (compact.write, compact.finish):
        arguments = (second, part, 0) if step is compact.write else (second, 0)
        with pytest.raises(compact.Outdated):
            run(db.write(lambda tx, step=step, arguments=arguments: step(tx, *arguments)))
    run(db.write(lambda tx: compact.finish(tx, first, 1)))
    assert history(db, run, run_id, "loss").step.tolist() == list(range(150))
    assert [row["points"] for row in rows_of(db, run, "chunks_of_run", run_id)] == [100]
    assert [row["points"] for row in rows_of(db, run, "tail_of_run_after", run_id)] == [50]


def test_a_compaction_of_a_run_that_was_purged_writes_nothing(db, run):
    run_id = make_run(db, run)
    append(db, run, run_id, loss(range(100)))
    work = planned(db, run, run_id)
    (part,) = compact.packed(work)
    run(db.write(lambda tx: Series().purge(tx, run_id)))
    with pytest.raises(compact.Outdated):
        run(db.write(lambda tx: compact.write(tx, work, part, 0)))
    assert rows_of(db, run, "chunks_of_run", run_id) == []


def test_appends_beside_compactions_lose_nothing(db, run):
    run_id, app = make_run(db, run), SimpleNamespace(db=db)
    series = Series()

    async def appends():
        for start in range(0, 6_000, 20):
            await db.write(
                lambda tx, start=start: series.append(tx, run_id, loss(range(start, start + 20))), runs=("r",)
            )

    async def compactions(appending):
        while not appending.done():
            with contextlib.suppress(compact.Outdated):
                await compact_run(app, run_id)

    async def both():
        appending = asyncio.create_task(appends())
        await asyncio.gather(appending, compactions(appending), compactions(appending))

    run(both())
    assert history(db, run, run_id, "loss").step.tolist() == list(range(6_000))
    assert run(check(db)) == []


def test_a_purge_leaves_nothing_of_the_run_and_all_of_others(db, run):
    run_id, other = make_run(db, run), make_run(db, run, "other")
    for each in (run_id, other):
        append(db, run, each, [Point(f"m{index}", 1, 1, 1.0) for index in range(30)])
        set_status(db, run, each, "FINISHED")
        compacted(db, run, each)
        append(db, run, each, loss(range(5)))
    run(db.write(lambda tx: Series().purge(tx, run_id)))
    for query in ("chunks_of_run", "tail_of_run_after"):
        assert rows_of(db, run, query, run_id) == []
        assert rows_of(db, run, query, other)
    assert run(db.read(lambda tx: Series().latest(tx, run_id))) == []
    assert len(run(db.read(lambda tx: Series().latest(tx, other)))) == 31


def change(db, run, sql, **values):
    """Alter a stored row behind the product's back."""

    async def job(tx):
        tx._queries = {**tx._queries, "changed": sql}
        await tx.run("changed", **values)

    run(db.write(job))


def test_each_flipped_byte_is_found_and_named_and_the_rest_still_reads(db, run):
    if db.engine != "sqlite":
        pytest.skip("alters rows through the connection of SQLite")
    run_id = make_run(db, run)
    append(db, run, run_id, loss(range(10_000)))
    compacted(db, run, run_id)
    append(db, run, run_id, [Point("other", 1, 1, 1.0)])
    (first, *_), (tail,) = (
        rows_of(db, run, "chunks_of_run", run_id),
        rows_of(db, run, "tail_of_run_after", run_id),
    )
    rng = random.Random(1)
    for table, column, row in (
        ("chunk", "data", first),
        ("chunk", "sketch", first),
        ("tail", "payload", tail),
    ):
        sql = f"UPDATE {table} SET {column} = :blob WHERE id = :id"
        for at in {0, len(row[column]) - 1, *rng.sample(range(len(row[column])), 8)}:
            broken = bytearray(row[column])
            broken[at] ^= 1 << rng.randrange(8)
            change(db, run, sql, blob=bytes(broken), id=row["id"])
            (finding,) = run(check(db, run_id))
            assert (finding.run_id, finding.table, finding.row_id) == (run_id, table, row["id"])
            assert "damaged" in finding.what
        if column == "data":
            with pytest.raises(CorruptPoints, match=f"Chunk {first['id']} "):
                history(db, run, run_id, "loss")
            assert len(history(db, run, run_id, "other").step) == 1
            elsewhere = Window(start=5_000, end=9_000)
            line = charts(db, run, run_id, elsewhere)["loss"]
            assert line.points == 4001
        change(db, run, sql, blob=row[column], id=row["id"])
    change(db, run, "UPDATE chunk SET max_value = 7 WHERE id = :id", id=first["id"])
    (finding,) = run(check(db))
    assert finding.what.startswith("max_value is 7.0, but of its points 0.99")
