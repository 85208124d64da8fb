"""A chunk's sketch: for every 64 points the ranges of step, time and value, and the last value.

Charts of many points are drawn from sketches alone. `min` and `max` are float32 rounded outward,
so a spike is never understated; values that are not finite are counted beside them. Version 1:
columns under zstd, whole numbers as differences from the chunk's first, bytes shuffled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from trackside.store.series.codec import CorruptPoints, opened, seal, zstd
from trackside.store.series.points import Columns

WIDTH = 64  # points of a range
_VERSION = 1
_KINDS = ("<i8", "<i8", "<i8", "<i8", "<f4", "<f4", "<f4", "<u1", "<u1", "<u1")
_WHOLE = 4  # the first columns, which are whole numbers
_BYTES = sum(np.dtype(kind).itemsize for kind in _KINDS)
Floats = npt.NDArray[np.float64]
Column = npt.NDArray[Any]


class Ranges(NamedTuple):
    """Consecutive points of a metric, range by range; a column each. Without finite values `low` and `high` are NaN."""

    min_step: Column  # whole numbers, as the times and counts
    max_step: Column
    first_ms: Column
    last_ms: Column
    low: Column
    high: Column
    last: Column  # the last finite value
    nans: Column
    pos_inf: Column
    neg_inf: Column

    def at(self, index: Any) -> Ranges:
        """The ranges that a mask, slice or list of positions picks."""
        return Ranges(*(column[index] for column in self))


def joined(parts: Iterable[Ranges]) -> Ranges:
    """One after the other."""
    return Ranges(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def of(points: Columns, width: int) -> Ranges:
    """The ranges of so many points each, of points in order; at least one point."""
    step, time, value = points
    starts = np.arange(0, len(step), width)
    ends = np.append(starts[1:], len(step)) - 1
    finite = np.isfinite(value)
    any_finite = np.logical_or.reduceat(finite, starts)
    low = np.minimum.reduceat(np.where(finite, value, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, value, -np.inf), starts)
    last_finite = np.maximum.reduceat(np.where(finite, np.arange(len(value)), 0), starts)
    counts = [
        np.add.reduceat(mask, starts, dtype=np.int64)
        for mask in (np.isnan(value), value == np.inf, value == -np.inf)
    ]
    return Ranges(
        np.minimum.reduceat(step, starts), np.maximum.reduceat(step, starts), time[starts], time[ends],
        np.where(any_finite, low, np.nan), np.where(any_finite, high, np.nan),
        np.where(any_finite, value[last_finite], np.nan), *counts,
    )  # fmt: skip


def pack(points: Columns) -> bytes | None:
    """The sketch of a chunk; None when one range would be all of it, which the row has in columns."""
    if len(points.step) <= WIDTH:
        return None
    found = of(points, WIDTH)
    whole = [np.diff(column, prepend=column[:1]) for column in found[:_WHOLE]]
    heads = np.array([column[0] for column in found[:_WHOLE]], "<i8").tobytes()
    with np.errstate(over="ignore"):
        columns = [
            *whole,
            rounded_down(found.low),
            -rounded_down(-found.high),
            found.last.astype("<f4"),
            *found[7:],
        ]
    body = b"".join(
        np.ascontiguousarray(column, kind).view(np.uint8).reshape(len(column), -1).T.tobytes()
        for column, kind in zip(columns, _KINDS, strict=True)
    )
    return seal(_VERSION, heads + zstandard.compress(body, 3))


def rounded_down(values: Floats) -> npt.NDArray[np.float32]:
    """The greatest float32 that is not above."""
    near = values.astype("<f4")
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


def unpack_all(packed: Sequence[bytes]) -> Ranges:
    """The ranges of several sketches, one after the other; those of equal length are read together.

    Raises CorruptPoints.
    """
    heads, bodies = [], []
    for each in packed:
        _, body = opened(each, (_VERSION,))
        heads.append(body[: 8 * _WHOLE])
        bodies.append(zstd.decompress(body[8 * _WHOLE :]))
    by_size: dict[int, list[int]] = defaultdict(list)
    for index, body in enumerate(bodies):
        by_size[len(body)].append(index)
    parts: dict[int, Ranges] = {}
    for size, indices in by_size.items():
        if size % _BYTES:
            raise CorruptPoints
        first = np.frombuffer(b"".join(heads[index] for index in indices), "<i8").reshape(-1, _WHOLE)
        table = _table(b"".join(bodies[index] for index in indices), len(indices), size // _BYTES, first)
        if len(by_size) == 1:
            return Ranges(*(column.reshape(-1) for column in table))
        for row, index in enumerate(indices):
            parts[index] = Ranges(*(column[row] for column in table))
    return joined(parts[index] for index in range(len(bodies)))


def _table(body: bytes, rows: int, count: int, first: Column) -> list[npt.NDArray[Any]]:
    table = np.frombuffer(body, np.uint8).reshape(rows, count * _BYTES)
    columns: list[npt.NDArray[Any]] = []
    at = 0
    for number, kind in enumerate(_KINDS):
        width = np.dtype(kind).itemsize
        column = table[:, at : at + width * count].reshape(rows, width, count).transpose(0, 2, 1)
        values = np.ascontiguousarray(column).view(kind).reshape(rows, count)
        at += width * count
        if number < _WHOLE:
            columns.append(np.cumsum(values, axis=1) + first[:, number : number + 1])
        else:
            columns.append(values.astype(np.float64 if kind == "<f4" else np.int64))
    return columns
