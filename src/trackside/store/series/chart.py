"""What a chart draws: a series in a window, at about one range of values for each bucket of its width.

Few points are read and given exactly. Of more, sketches are read (64 points a range), and of so
many that chunks are narrower than buckets, nothing but their rows. Chunks that reach over an edge
of the window, or that the tail has points for, are read whole: what is given of a window is of
this window alone.
"""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.store.database import Transaction
from trackside.store.series import sketch
from trackside.store.series.chunks import read_points
from trackside.store.series.codec import CorruptPoints
from trackside.store.series.points import Columns, joined, ordered
from trackside.store.series.read import Known, Span, Stored
from trackside.store.series.sketch import Ranges

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Window(NamedTuple):
    """A part of a chart's axis, both ends included, and how many buckets are enough for it."""

    axis: Literal["step", "time"] = "step"
    start: float | None = None
    end: float | None = None
    buckets: int = 800


class Drawn(NamedTuple):
    """A series in a window. When `exact`, `last` has every finite point and `min` and `max` are empty;
    otherwise one entry for each bucket that has points. `x` ascends."""

    points: int  # in the window
    exact: bool
    x: Floats
    step: npt.NDArray[np.int64]
    timestamp_ms: npt.NDArray[np.int64]
    last: Floats
    min: Floats
    max: Floats
    marks_x: Floats  # values that no line can show
    marks: Floats  # NaN, inf or -inf; of a line in buckets, one of a kind for each range


def span(window: Window) -> Span:
    """The chunks that a chart needs: no other has points in its window."""
    if window.axis == "step":
        return Span(low_step=_start(window), high_step=_end(window))
    return Span(low_ms=_start(window), high_ms=_end(window))


async def drawn(tx: Transaction, series: Stored, window: Window) -> Drawn:
    """What to draw of a series whose chunks are those of the window's span. Raises CorruptPoints."""
    chunks, tail = series
    low, high = _extent(chunks, window)
    inside = ~chunks.touched(tail) & (low >= _start(window)) & (high <= _end(window))
    # Of the others all points are read anyway: what they have outside the window must not make these few inexact.
    if int(chunks.points[inside].sum()) <= window.buckets * sketch.WIDTH:
        inside[:] = False
    whole = await read_points(tx, chunks.id[~inside].tolist())
    exact = _in_window(await tx.compute(ordered, joined([*whole, tail])), window)
    if not inside.any():
        return _of_points(exact, window)
    far = await _ranges(tx, chunks, inside, window)
    count = int(chunks.points[inside].sum()) + len(exact.step)
    near = sketch.of(exact, 1) if len(exact.step) else None
    ranges = far if near is None else sketch.joined([far, near])
    return _of_ranges(ranges, count, window)


def _start(window: Window) -> float:
    return -np.inf if window.start is None else window.start


def _end(window: Window) -> float:
    return np.inf if window.end is None else window.end


def _extent(chunks: Known, window: Window) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    if window.axis == "step":
        return chunks.min_step, chunks.max_step
    return chunks.first_ms, chunks.last_ms


def _in_window(points: Columns, window: Window) -> Columns:
    x = points.step if window.axis == "step" else points.timestamp_ms
    return points.at((x >= _start(window)) & (x <= _end(window)))


async def _ranges(tx: Transaction, chunks: Known, inside: Mask, window: Window) -> Ranges:
    """What is known of these chunks at the width of a bucket, in their order."""
    in_order = chunks.step_order.astype(np.bool_) | (window.axis == "time")
    coarse = inside & in_order if int(inside.sum()) >= window.buckets else np.zeros(len(inside), np.bool_)
    # A chunk of one range has no sketch: its row says as much.
    coarse |= inside & (chunks.points <= sketch.WIDTH)
    fine = inside & ~coarse
    rows = Ranges(
        chunks.min_step, chunks.max_step, chunks.first_ms, chunks.last_ms,
        chunks.min_value, chunks.max_value, chunks.last_value, chunks.nans, chunks.pos_inf, chunks.neg_inf,
    )  # fmt: skip
    found = rows.at(coarse)
    if not fine.any():
        return found
    order = chunks.id[fine].tolist()
    blobs = {row["id"]: row["sketch"] for row in await tx.all("chunk_sketches", ids=json.dumps(order))}
    sketches = await tx.compute(_sketches, order, blobs)
    widths = -(-chunks.points[fine] // sketch.WIDTH)
    least, most = np.repeat(chunks.min_value[fine], widths), np.repeat(chunks.max_value[fine], widths)
    # The rows' own extremes are exact, and finite where a float32 is not.
    sketches = sketches._replace(
        low=np.maximum(sketches.low, least),
        high=np.minimum(sketches.high, most),
        last=np.clip(sketches.last, least, most),
    )
    both = sketch.joined([found, sketches])
    return both.at(np.argsort(both.first_ms, kind="stable"))


def _sketches(ids: list[int], blobs: dict[int, bytes]) -> Ranges:
    try:
        return sketch.unpack_all([blobs[each] for each in ids])
    except CorruptPoints:
        for each in ids:
            try:
                sketch.unpack_all([blobs[each]])
            except CorruptPoints as error:
                raise CorruptPoints(f"The sketch of chunk {each} of the metric points is damaged.") from error
        raise


def _of_points(points: Columns, window: Window) -> Drawn:
    x = (points.step if window.axis == "step" else points.timestamp_ms).astype(np.float64)
    if not (x[1:] >= x[:-1]).all():
        order = np.argsort(x, kind="stable")  # stable: equal x keep the order of arrival
        x, points = x[order], points.at(order)
    finite = np.isfinite(points.value)
    if int(finite.sum()) > window.buckets:
        return _of_ranges(sketch.of(points, 1), len(x), window)
    none = np.empty(0)
    step, time, value = points.at(finite)
    return Drawn(
        len(x), True, x[finite], step, time, value, none, none, x[~finite], points.value[~finite]
    )  # fmt: skip


def _of_ranges(ranges: Ranges, count: int, window: Window) -> Drawn:
    """Ranges to buckets. A range belongs to the bucket that its end is in."""
    x = (ranges.max_step if window.axis == "step" else ranges.last_ms).astype(np.float64)
    if not (x[1:] >= x[:-1]).all():
        order = np.argsort(x, kind="stable")
        x, ranges = x[order], ranges.at(order)
    marks_x, marks = _marks(x, ranges)
    known = np.isfinite(ranges.low)
    x, ranges = x[known], ranges.at(known)
    if not len(x):
        none, whole = np.empty(0), np.empty(0, np.int64)
        return Drawn(count, False, none, whole, whole, none, none, none, marks_x, marks)
    width = (x[-1] - x[0]) / window.buckets or 1.0
    bucket = np.minimum(((x - x[0]) / width).astype(np.int64), window.buckets - 1)
    first = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    final = np.r_[first[1:], len(x)] - 1
    return Drawn(
        count, False, x[final], ranges.max_step[final], ranges.last_ms[final], ranges.last[final],
        np.minimum.reduceat(ranges.low, first), np.maximum.reduceat(ranges.high, first), marks_x, marks,
    )  # fmt: skip


def _marks(x: Floats, ranges: Ranges) -> tuple[Floats, Floats]:
    found_x, found = [], []
    for counts, value in ((ranges.nans, np.nan), (ranges.pos_inf, np.inf), (ranges.neg_inf, -np.inf)):
        at = x[counts > 0]
        found_x.append(at)
        found.append(np.full(len(at), value))
    marks_x, marks = np.concatenate(found_x), np.concatenate(found)
    order = np.argsort(marks_x, kind="stable")
    return marks_x[order], marks[order]
