"""Reading points: chunks in their order, merged with what still waits in the tail.

Chunks and tail are read in one transaction: a compaction is seen wholly or not at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.model import Position
from trackside.store.database import Transaction
from trackside.store.series import codec
from trackside.store.series.chunks import read_points
from trackside.store.series.points import EMPTY, Columns, Pair, joined, ordered
from trackside.store.series.tails import Tails

Column = npt.NDArray[Any]


class Known(NamedTuple):
    """What the rows of a series' chunks say without a blob being read, in order; by column."""

    id: Column  # whole numbers, but for the last three
    points: Column
    first_ms: Column
    first_step: Column
    last_ms: Column
    last_step: Column
    min_step: Column
    max_step: Column
    step_order: Column
    nans: Column
    pos_inf: Column
    neg_inf: Column
    min_value: Column  # NaN without finite values, as the next two
    max_value: Column
    last_value: Column

    def first(self, index: int) -> Pair:
        return int(self.first_ms[index]), int(self.first_step[index])

    def last(self, index: int) -> Pair:
        return int(self.last_ms[index]), int(self.last_step[index])

    def touched(self, points: Columns) -> npt.NDArray[np.bool_]:
        """Chunks in whose range some of these points are; the points are in order."""
        found = np.zeros(len(self.id), np.bool_)
        if len(points.step):
            for index in np.flatnonzero(self.last_ms >= points.timestamp_ms[0]).tolist():
                found[index] = points.until(self.last(index)) > points.before(self.first(index))
        return found


# By position, which both drivers' rows allow: by name it takes most of the time of a chart of ten million points.
_values = itemgetter(*range(1, 1 + len(Known._fields)))
_KINDS = dict.fromkeys(("min_value", "max_value", "last_value"), np.float64)
NONE = Known(*(np.empty(0, _KINDS.get(name, np.int64)) for name in Known._fields))


class Span(NamedTuple):
    """Of which steps and times chunks are wanted, ends included."""

    low_step: float = -math.inf
    high_step: float = math.inf
    low_ms: float = -math.inf
    high_ms: float = math.inf


class Stored(NamedTuple):
    """A series as it is stored: its chunks, unread, and its points that are in no chunk yet, in order."""

    chunks: Known
    tail: Columns


async def stored(
    tx: Transaction, tails: Tails, run_id: int, keys: Iterable[str], span: Span | None = None
) -> dict[str, Stored]:
    """Series of a run by name, of all names that anything was logged under, in any run.

    Of the chunks only those that may have points in the span; the tail is whole.
    """
    names = json.dumps(list(keys))
    numbers = {row["name"]: row["id"] for row in await tx.all("metric_keys_by_name", names=names)}
    chunks = await _known(tx, run_id, list(numbers.values()), span or Span())
    tail = await tx.compute(_of_keys, await tails.read(tx, run_id), list(numbers.values()))
    return {name: Stored(chunks.get(number, NONE), tail[number]) for name, number in numbers.items()}


async def _known(tx: Transaction, run_id: int, key_ids: list[int], span: Span) -> dict[int, Known]:
    rows = await tx.all("chunks_of_keys", run_id=run_id, key_ids=json.dumps(key_ids), **span._asdict())
    by_key: dict[int, list[tuple[object, ...]]] = {}
    for row in rows:
        by_key.setdefault(row["key_id"], []).append(_values(row))
    return {
        key: Known(
            *(
                np.array(column, _KINDS.get(name, np.int64))  # None becomes NaN
                for name, column in zip(Known._fields, zip(*found, strict=True), strict=True)
            )
        )
        for key, found in by_key.items()
    }


def _of_keys(rows: codec.Rows, key_ids: list[int]) -> dict[int, Columns]:
    found = {}
    for key_id in key_ids:
        mask = rows.key_id == key_id
        points = Columns(rows.step[mask], rows.timestamp_ms[mask], rows.value[mask])
        found[key_id] = ordered(points) if len(points.step) else EMPTY
    return found


async def history(
    tx: Transaction, series: Stored, after: Position | None = None, limit: int | None = None
) -> Columns:
    """The points behind a position, in order and at most `limit` of them; from the start and all by default.

    Reads only the chunks that hold them. Raises CorruptPoints.
    """
    chunks, tail = series
    behind = np.arange(len(chunks.id))
    if after is not None:
        at = (after.timestamp_ms, after.step)
        behind = behind[[chunks.last(index) >= at for index in behind.tolist()]]
        tail = tail.at(slice(tail.before(at), None))
    if limit is not None:
        # The first chunk may begin before the position: what it holds does not count.
        enough = np.searchsorted(np.cumsum(chunks.points[behind[1:]]), limit) + 2
        if enough < len(behind):
            tail = tail.at(slice(tail.before(chunks.first(int(behind[enough])))))
            behind = behind[:enough]
    found = joined([*await read_points(tx, chunks.id[behind].tolist()), tail])
    found = await tx.compute(ordered, found)
    if after is not None:
        skipped = found.before(at)
        while skipped < len(found.step) and found.position(skipped) <= after:
            skipped += 1
        found = found.at(slice(skipped, None))
    return found if limit is None else found.at(slice(limit))
