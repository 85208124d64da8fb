"""Compaction: what waits in a run's tail becomes chunks, and small chunks become larger ones.

It never decides what is true. It reads in one transaction, packs outside any, and writes in short
ones that name exactly what they replace: chunks by id (an id is never given twice), tail rows by
range and count, and the generation that was read. Where one of these has changed meanwhile,
nothing is written and it is tried again later. Chunks of several slices are there before the tail
rows they hold are gone: identical points are one point, so a reader does not see the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from trackside.errors import TracksideError
from trackside.store.database import Row, Transaction
from trackside.store.series import blocks, codec
from trackside.store.series.chunks import SIZE, Bounds, bounds_of, read_points, row_of, split
from trackside.store.series.points import Columns, joined, ordered

ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})
TAIL_POINTS = 65_536  # points that are worth a compaction
WIDE_POINTS = 262_144  # the same for a run of so many metrics that each would get next to nothing
TAIL_ROWS = 2_000
_MOST_ROWS = 16_384  # of one compaction, as the next: what is left waits for another
_MOST_POINTS = 524_288
_WORTH = 16  # points a metric, below which the tail of a run that goes on is left alone
_WORTH_EARLY = 64  # the same for tails that were said to be worth it: there is time until WIDE_POINTS
_TIERS = (8, 64, 512, SIZE)  # eight chunks of a tier become one of the next
_SLICE_CHUNKS = 256  # chunks of one write: bounds how long other writers wait
_SLICE_POINTS = 524_288
_FINISH_POINTS = 262_144  # points that are packed again at once when a run has ended


class Outdated(TracksideError):
    """The points of this run were changed by another compaction."""


class Piece(NamedTuple):
    """Chunks of a series, in order and side by side, and new points among or behind them, to be packed as one."""

    key_id: int
    replaced: list[Bounds]
    points: Columns | None


class Tail(NamedTuple):
    """The rows of the tail whose points the pieces hold."""

    first: int
    last: int
    rows: int


class Work(NamedTuple):
    """What one compaction does to a run, as read in one transaction."""

    run_id: int
    level: int
    generation: int
    pieces: list[Piece]
    points: dict[int, Columns]  # of the replaced chunks, by id
    tail: Tail | None
    is_last: bool  # nothing is left to be done until points come


class Slice(NamedTuple):
    """What one transaction writes."""

    replaced: list[int]
    rows: list[dict[str, Any]]


async def plan(tx: Transaction, run: Row) -> Work | None:
    """What there is to do for a run; None when nothing is, yet. Raises CorruptPoints."""
    state = await tx.one("compaction_of_run", run_id=run["id"])
    generation = state["generation"] if state else 0
    has_ended = run["status"] in ENDED
    rows = await _tail(tx, run["id"])
    if not rows and (not has_ended or state is None or state["is_finished"]):
        return None
    known = _by_key(await tx.all("chunk_bounds_of_run", run_id=run["id"]))
    if rows:
        logged = await tx.compute(codec.unpack_all, [row["payload"] for row in rows])
        if not has_ended and _is_thin(len(np.unique(logged.key_id)), rows):
            return None
        series = await tx.compute(by_metric, logged)
        pieces = [
            piece
            for key, points in series.items()
            for piece in _added(known.get(key, []), key, points, has_ended)
        ]
        tail = Tail(rows[0]["id"], rows[-1]["id"], len(rows))
    else:
        pieces, tail = _finishing(known), None
    ids = [chunk.id for piece in pieces for chunk in piece.replaced]
    points = dict(zip(ids, await read_points(tx, ids), strict=True))
    is_last = not rows and not pieces
    level = blocks.COLD if has_ended else blocks.HOT
    return Work(run["id"], level, generation, pieces, points, tail, is_last)


def packed(work: Work) -> Iterator[Slice]:
    """The rows of the new chunks, in slices. Takes long; touches no database."""
    replaced: list[int] = []
    rows: list[dict[str, Any]] = []
    count = 0
    for piece in work.pieces:
        parts = [work.points[chunk.id] for chunk in piece.replaced]
        parts += [piece.points] if piece.points is not None else []
        for points in split(ordered(joined(parts))):
            rows.append(row_of(work.run_id, piece.key_id, points, work.level))
            count += len(points.step)
        replaced += [chunk.id for chunk in piece.replaced]
        if len(rows) >= _SLICE_CHUNKS or count >= _SLICE_POINTS:
            yield Slice(replaced, rows)
            replaced, rows, count = [], [], 0
    yield Slice(replaced, rows)


async def _tail(tx: Transaction, run_id: int) -> list[Row]:
    """The first rows of a run's tail, as many as one compaction can take."""
    last, count = 0, 0
    for row in await tx.all("tail_sizes_of_run", run_id=run_id, limit=_MOST_ROWS):
        if count and count + row["points"] > _MOST_POINTS:
            break
        last, count = row["id"], count + row["points"]
    return await tx.all("tail_rows_of_run", run_id=run_id, last=last) if count else []


async def write(tx: Transaction, work: Work, part: Slice, number: int) -> None:
    """Write the slice of that number. Raises Outdated."""
    await _begin(tx, work, number, is_finished=False)
    if part.replaced:
        deleted = await tx.run("delete_chunks", ids=json.dumps(part.replaced))
        if deleted != len(part.replaced):
            raise Outdated
    await tx.many("add_chunk", part.rows)


async def finish(tx: Transaction, work: Work, number: int) -> None:
    """After all slices: take away the tail rows that the chunks hold. Raises Outdated."""
    await _begin(tx, work, number, is_finished=work.is_last)
    if work.tail is not None:
        await tx.run("delete_tail", run_id=work.run_id, first=work.tail.first, last=work.tail.last)


async def _begin(tx: Transaction, work: Work, number: int, *, is_finished: bool) -> None:
    """Fail unless everything is as it was read: the rows of the tail, and the chunks but for our own slices."""
    if number == 0 and await tx.one("run_to_compact", id=work.run_id) is not None:
        await tx.run("begin_compaction", run_id=work.run_id)
    generation = work.generation + number
    changed = await tx.run(
        "next_compaction", run_id=work.run_id, generation=generation, is_finished=int(is_finished)
    )
    if changed != 1:
        raise Outdated
    if work.tail is not None:
        first, last, rows = work.tail
        there = await tx.one("count_tail", run_id=work.run_id, first=first, last=last)
        if there is None or there["n"] != rows:
            raise Outdated


def _by_key(rows: Sequence[Row]) -> dict[int, list[Bounds]]:
    found: dict[int, list[Bounds]] = {}
    for row in rows:
        found.setdefault(row["key_id"], []).append(bounds_of(row))
    return found


def by_metric(logged: codec.Rows) -> dict[int, Columns]:
    """The points of tail rows by metric, each in order and once."""
    key, step, time, value = logged
    # Sorted by metric alone, and as 16 bits where they are enough: most series are in order as they come.
    order = np.argsort(key.astype(np.uint16) if key.max() < 2**16 else key, kind="stable")
    key, points = key[order], Columns(step, time, value).at(order)
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]).tolist()
    ends = [*starts[1:], len(key)]
    return {
        int(key[start]): ordered(points.at(slice(start, end)))
        for start, end in zip(starts, ends, strict=True)
    }


def _is_thin(metrics: int, rows: Sequence[Row]) -> bool:
    """Chunks of a few points each would be larger than the tail, and written again and again."""
    count: int = sum(row["points"] for row in rows)
    if len(rows) >= TAIL_ROWS or count >= WIDE_POINTS:
        return False
    return count < metrics * (_WORTH_EARLY if count >= TAIL_POINTS else _WORTH)


def _added(chunks: list[Bounds], key: int, points: Columns, has_ended: bool) -> Iterator[Piece]:
    """How new points of a series join its chunks: those behind all of them as a chunk more, with as many of the
    small ones before it as its size asks for; others into the chunks in, or before, whose range they are."""
    begin = 0
    for index, chunk in enumerate(chunks):
        if index + 1 < len(chunks):
            end = points.before(chunks[index + 1].first)
            if end > begin:
                yield Piece(key, [chunk], points.at(slice(begin, end)))
                begin = end
        elif begin < len(points.step) and points.pair(begin) <= chunk.last:
            yield Piece(key, [chunk], points.at(slice(begin, None)))
            return
    rest = points.at(slice(begin, None))
    if len(rest.step):
        # A chunk that has just got points of its own stays out of it: none is replaced twice.
        free = chunks if begin == 0 else []
        count = swallowed([chunk.points for chunk in free], len(rest.step), has_ended)
        yield Piece(key, free[len(free) - count :], rest)


def swallowed(sizes: Sequence[int], new: int, has_ended: bool) -> int:
    """How many of the last chunks are packed together with that many new points behind them.

    All that are not full when the run has ended. Before, those of lower tiers, and a tier's eight together: then
    each point is written about as often as there are tiers, and no series has more than seven chunks of one.
    """
    taken, total = 0, new
    while taken < len(sizes) and (size := sizes[-1 - taken]) < SIZE:
        tier = _tier(total)
        row = 1
        if _tier(size) == tier and not has_ended:
            while taken + row < len(sizes) and _tier(sizes[-1 - taken - row]) == tier:
                row += 1
            if row < 7:
                break
        elif _tier(size) > tier and not has_ended:
            break
        total += sum(sizes[len(sizes) - taken - row : len(sizes) - taken])
        taken += row
    return taken


def _tier(points: int) -> int:
    return sum(points >= limit for limit in _TIERS)


def _finishing(known: dict[int, list[Bounds]]) -> list[Piece]:
    """Chunks of an ended run that are not packed for good: a part of them, until none is left."""
    pieces: list[Piece] = []
    budget = _FINISH_POINTS
    for key, chunks in known.items():
        done = 0
        while done < len(chunks) and _is_finished(chunks[done], is_last=done + 1 == len(chunks)):
            done += 1
        taken: list[Bounds] = []
        while done + len(taken) < len(chunks) and budget > 0:
            taken.append(chunks[done + len(taken)])
            budget -= taken[-1].points
        if taken:
            pieces.append(Piece(key, taken, None))
    return pieces


def _is_finished(chunk: Bounds, *, is_last: bool) -> bool:
    return chunk.level == blocks.COLD and (is_last or chunk.points >= SIZE)
