"""Is what is stored of metric points whole? Every checksum, every statistic, every range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from trackside.store.database import Database, Job, Row, Transaction
from trackside.store.series import codec, sketch
from trackside.store.series.chunks import bounds_of, decoded, statistics
from trackside.store.series.codec import CorruptPoints
from trackside.store.series.points import Columns, ordered

_SLICE = 256  # rows of one read, so that none takes long


class Finding(NamedTuple):
    """What is wrong with one stored row."""

    run_id: int
    table: str  # chunk, tail
    row_id: int
    what: str


async def check(db: Database, run_id: int | None = None) -> list[Finding]:
    """What is damaged among the metric points of a run, or of all; empty when all is well."""
    found: list[Finding] = []
    for each in await db.read(_runs) if run_id is None else [run_id]:
        found += await db.read(_overlaps(each))
        for table, query, examine in (
            ("chunk", "chunks_of_run", _of_chunk),
            ("tail", "tail_of_run_after", _of_tail),
        ):
            after: int | None = 0
            while after is not None:
                after, faults = await db.read(_slice(each, query, after, examine))
                found += [Finding(each, table, row, what) for row, what in faults]
    return found


async def told(db: Database, findings: Sequence[Finding]) -> list[str]:
    """Findings as lines, with the runs' ids as users know them."""

    async def job(tx: Transaction) -> dict[int, str]:
        numbers = {each.run_id for each in findings}
        rows = [await tx.one("uuid_of_run", id=number) for number in sorted(numbers)]
        return {row["id"]: row["uuid"] for row in rows if row}

    uuids = await db.read(job)
    return [
        f"run {uuids.get(each.run_id, each.run_id)}, {each.table} {each.row_id}: {each.what}"
        for each in findings
    ]


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
