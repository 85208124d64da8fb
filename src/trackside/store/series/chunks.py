"""Chunks as rows: bounds, statistics, sketch and points of up to 4,096 points of a series."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from trackside.store.database import Row, Transaction
from trackside.store.series import blocks, sketch
from trackside.store.series.codec import CorruptPoints
from trackside.store.series.points import Columns, Pair

SIZE = 4096  # points: decodes in 50 µs, so that a zoomed chart reads a few


class Bounds(NamedTuple):
    """What is known of a chunk without its points."""

    id: int
    key_id: int
    points: int
    first: Pair
    last: Pair
    level: int = 0


def bounds_of(row: Row) -> Bounds:
    first, last = (row["first_ms"], row["first_step"]), (row["last_ms"], row["last_step"])
    return Bounds(row["id"], row["key_id"], row["points"], first, last, row["level"])


def split(points: Columns) -> list[Columns]:
    """Points in order, cut after every SIZE of them, but never between two of one (timestamp, step):
    so the ranges of chunks are apart, and whether a point may be in one is seen by its bounds."""
    count, at, parts = len(points.step), 0, []
    while count - at > SIZE:
        end = at + SIZE
        while end < count and points.pair(end) == points.pair(end - 1):
            end += 1
        parts.append(points.at(slice(at, end)))
        at = end
    if at < count:
        parts.append(points.at(slice(at, count)))
    return parts


def statistics(points: Columns) -> dict[str, Any]:
    """The columns of a chunk's row that its points determine."""
    step, time, value = points
    finite = value[np.isfinite(value)]
    known = len(finite) > 0
    with np.errstate(over="ignore"):
        total = float(finite.sum()) if known else None
    return {
        "first_ms": int(time[0]), "first_step": int(step[0]),
        "last_ms": int(time[-1]), "last_step": int(step[-1]),
        "points": len(step), "min_step": int(step.min()), "max_step": int(step.max()),
        "step_order": int((step[1:] >= step[:-1]).all()),
        "min_value": float(finite.min()) if known else None,
        "max_value": float(finite.max()) if known else None,
        "sum_value": total,
        "last_value": float(finite[-1]) if known else None,
        "nans": int(np.isnan(value).sum()),
        "pos_inf": int((value == np.inf).sum()), "neg_inf": int((value == -np.inf).sum()),
    }  # fmt: skip


def row_of(run_id: int, key_id: int, points: Columns, level: int) -> dict[str, Any]:
    """The whole row of a chunk of these points."""
    data = blocks.pack(points, level)
    stored = {"codec": data[0], "level": level, "sketch": sketch.pack(points), "data": data}
    return {"run_id": run_id, "key_id": key_id, **statistics(points), **stored}


async def read_points(tx: Transaction, ids: Sequence[int]) -> list[Columns]:
    """The points of chunks, in the order of the ids. Raises CorruptPoints, naming the chunk."""
    data = {row["id"]: row["data"] for row in await tx.all("chunk_data", ids=json.dumps(ids))} if ids else {}
    return await tx.compute(_decoded, ids, data)


def _decoded(ids: Iterable[int], data: dict[int, bytes]) -> list[Columns]:
    return [decoded(chunk_id, data[chunk_id]) for chunk_id in ids]


def decoded(chunk_id: int, data: bytes) -> Columns:
    """The points of one chunk. Raises CorruptPoints, naming it."""
    try:
        return blocks.unpack(data)
    except CorruptPoints as error:
        raise CorruptPoints(
            f"Chunk {chunk_id} of the metric points is damaged. `trackside db check` lists what is; the other chunks"
            " are still read."
        ) from error
