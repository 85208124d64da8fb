"""Is what is stored of metric points whole? Every checksum, every statistic, every range, every metric's row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from trackside.store.database import Database, Job, Row, Transaction
from trackside.store.series import codec, sketch
from trackside.store.series.check_rows import rows_after
from trackside.store.series.chunks import bounds_of, decoded, statistics
from trackside.store.series.codec import CorruptPoints
from trackside.store.series.points import Columns, ordered

_SLICE = 256  # rows of one read, so that none takes long


class Finding(NamedTuple):
    """What is wrong with one stored row."""

    run_id: int
    table: str  # chunk, tail, series
    row_id: int  # of series: the number of the metric
    what: str


async def check(db: Database, run_id: int | None = None) -> list[Finding]:
    """What is damaged among the metric points of a run, or of all; empty when all is well."""
    found: list[Finding] = []
    for each in await db.read(_runs) if run_id is None else [run_id]:
        damaged = await _points(db, each)
        # What the rows of its metrics should say is not known of a run whose points are damaged.
        found += damaged or await _rows(db, each)
    return found


async def _points(db: Database, run_id: int) -> list[Finding]:
    found = await db.read(_overlaps(run_id))
    for table, query, examine in (
        ("chunk", "chunks_of_run", _of_chunk),
        ("tail", "tail_of_run_after", _of_tail),
    ):
        after: int | None = 0
        while after is not None:
            after, faults = await db.read(_slice(run_id, query, after, examine))
            found += [Finding(run_id, table, row, what) for row, what in faults]
    return found


async def _rows(db: Database, run_id: int) -> list[Finding]:
    found: list[Finding] = []
    after: int | None = 0
    while after is not None:
        after, faults = await db.read(rows_after(run_id, after))
        found += [Finding(run_id, "series", key, what) for key, what in faults]
    return found


async def told(db: Database, findings: Sequence[Finding]) -> list[str]:
    """Findings as lines, with the ids of runs and the names of metrics, as users know them."""

    async def job(tx: Transaction) -> list[str]:
        uuids = await _known(tx, "uuid_of_run", {each.run_id for each in findings})
        names = await _known(
            tx, "name_of_metric", {each.row_id for each in findings if each.table == "series"}
        )
        return [
            f"run {uuids[each.run_id]}, "
            + (f"metric {names[each.row_id]}" if each.table == "series" else f"{each.table} {each.row_id}")
            + f": {each.what}"
            for each in findings
        ]

    return await db.read(job)


async def _known(tx: Transaction, query: str, numbers: set[int]) -> dict[int, Any]:
    """What users call these; their number where there is nothing else."""
    rows = {number: await tx.one(query, id=number) for number in sorted(numbers)}
    return {number: row["known_as"] if row else number for number, row in rows.items()}


async def _runs(tx: Transaction) -> list[int]:
    return [row["run_id"] for row in await tx.all("runs_with_points")]


Faults = list[tuple[int, str]]


def _slice(
    run_id: int, query: str, after: int, examine: Callable[[Row], Iterator[str]]
) -> Job[tuple[int | None, Faults]]:
    async def job(tx: Transaction) -> tuple[int | None, Faults]:
        rows = await tx.all(query, run_id=run_id, after=after, limit=_SLICE)
        faults = await tx.compute(lambda: [(row["id"], what) for row in rows for what in examine(row)])
        return (rows[-1]["id"] if len(rows) == _SLICE else None), faults

    return job


def _overlaps(run_id: int) -> Job[list[Finding]]:
    async def job(tx: Transaction) -> list[Finding]:
        chunks = [bounds_of(row) for row in await tx.all("chunk_bounds_of_run", run_id=run_id)]
        return [
            Finding(run_id, "chunk", chunk.id, f"its points overlap those of chunk {before.id}")
            for before, chunk in pairwise(chunks)
            if before.key_id == chunk.key_id and before.last >= chunk.first
        ]

    return job


def _of_chunk(row: Row) -> Iterator[str]:
    try:
        points = decoded(row["id"], row["data"])
    except CorruptPoints:
        yield "its points are damaged"
        points = None
    try:
        ranges = None if row["sketch"] is None else sketch.unpack_all([row["sketch"]])
    except CorruptPoints:
        yield "its sketch is damaged"
        return
    if points is None:
        return
    if row["codec"] != row["data"][0]:
        yield f"its codec is {row['data'][0]}, not {row['codec']} as its row says"
    if not len(points.step) or len(ordered(points).step) != len(points.step):
        yield "its points are not in order"
        return
    for name, value in statistics(points).items():
        if row[name] != value:
            yield f"{name} is {row[name]}, but of its points {value}"
    yield from _of_sketch(points, ranges)


def _of_sketch(points: Columns, ranges: sketch.Ranges | None) -> Iterator[str]:
    again = sketch.pack(points)
    expected = None if again is None else sketch.unpack_all([again])
    if (ranges is None) != (expected is None):
        yield "its sketch is missing" if ranges is None else "it has a sketch that it should not have"
    elif ranges is not None and expected is not None:
        for name, stored, right in zip(sketch.Ranges._fields, ranges, expected, strict=True):
            if not np.array_equal(stored, right, equal_nan=stored.dtype.kind == "f"):
                yield f"its sketch is not that of its points: {name}"


def _of_tail(row: Row) -> Iterator[str]:
    try:
        points = codec.unpack(row["payload"])
    except CorruptPoints:
        yield "its points are damaged"
        return
    if len(points.step) != row["points"]:
        yield f"it has {len(points.step)} points, but its row says {row['points']}"
