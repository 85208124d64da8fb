"""Reading metric histories: whole for MLflow's clients, sampled to a chart's width for the UI."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.core import runs
from trackside.core.app import App
from trackside.store.database import Row, Transaction
from trackside.store.series.points import Columns

Axis = Literal["step", "time", "relative"]
Floats = npt.NDArray[np.float64]


async def history(app: App, uuid: str, key: str) -> Columns:
    """All points of a metric in (timestamp, step, value) order; empty when there are none, or no such run."""

    async def job(tx: Transaction) -> Columns:
        run = await tx.one("run_by_uuid", uuid=uuid)
        # No run has the id 0. As MLflow: a run that is not there has no points.
        return await app.series.history(tx, run["id"] if run else 0, key)

    return await app.db.read(job)


class Window(NamedTuple):
    """A part of a chart's axis, both ends included, and how many buckets are enough for it."""

    axis: Axis = "step"
    start: float | None = None
    end: float | None = None
    buckets: int = 800


class Line(NamedTuple):
    """One metric of one run in a window. When `exact`, `last` has every finite point and `min` and
    `max` are empty; otherwise one entry for each bucket that has points. `x` ascends."""

    run_uuid: str
    key: str
    points: int
    exact: bool
    x: Floats
    step: npt.NDArray[np.int64]
    timestamp_ms: npt.NDArray[np.int64]
    last: Floats
    min: Floats
    max: Floats
    marks_x: Floats  # values that no line can show
    marks: Floats  # NaN, inf or -inf


async def lines(app: App, uuids: list[str], keys: list[str], window: Window) -> list[Line]:
    """Every metric of every run named, as far as they have points in the window. Raises NotFound."""

    async def job(tx: Transaction) -> list[Line]:
        found = []
        for uuid in uuids:
            run = await runs.row_of(tx, uuid)
            histories = await app.series.histories(tx, run["id"], keys)
            found += [
                sampled(run["uuid"], key, columns, _axis(run, columns, window.axis), window)
                for key, columns in histories.items()
                if len(columns.step)
            ]
        return found

    return await app.db.read(job)


def _axis(run: Row, columns: Columns, axis: Axis) -> Floats:
    if axis == "step":
        return columns.step.astype(np.float64)
    start = run["start_ms"] if axis == "relative" else 0
    return (columns.timestamp_ms - start).astype(np.float64)


def sampled(run_uuid: str, key: str, columns: Columns, x: Floats, window: Window) -> Line:
    """The window's points, or their least, greatest and last value for each bucket when they are too many."""
    inside = np.ones(len(x), np.bool_)
    if window.start is not None:
        inside &= x >= window.start
    if window.end is not None:
        inside &= x <= window.end
    order = np.argsort(x[inside], kind="stable")  # stable: equal x keep the order of arrival
    x, columns = x[inside][order], columns.at(inside).at(order)
    finite = np.isfinite(columns.value)
    marks_x, marks = x[~finite], columns.value[~finite]
    count = len(x)
    x = x[finite]
    step, time, value = columns.at(finite)
    if len(x) <= window.buckets:
        none = np.empty(0)
        return Line(run_uuid, key, count, True, x, step, time, value, none, none, marks_x, marks)
    width = (x[-1] - x[0]) / window.buckets or 1.0
    bucket = np.minimum(((x - x[0]) / width).astype(np.int64), window.buckets - 1)
    first = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    final = np.r_[first[1:], len(x)] - 1
    low, high = np.minimum.reduceat(value, first), np.maximum.reduceat(value, first)
    return Line(
        run_uuid, key, count, False, x[final], step[final], time[final], value[final], low, high, marks_x, marks
    )  # fmt: skip


def evenly_sampled(columns: Columns, most: int, start_step: int | None, end_step: int | None) -> Columns:
    """At most `most` points of a step window in (step, timestamp, value) order, evenly spread, ends kept.

    Which ones is as MLflow has it: the first of each of `most` even parts, of which the first ones are
    longer by one point, and of the last part the last; of all the last when only one is wanted.
    """
    nan = np.isnan(columns.value)
    order = np.lexsort((nan, np.where(nan, 0.0, columns.value), columns.timestamp_ms, columns.step))
    step = columns.step[order]
    if start_step is not None and end_step is not None:
        order = order[(step >= start_step) & (step <= end_step)]
    if len(order) > most:
        length, longer = divmod(len(order), most)
        parts = np.arange(most)
        chosen = parts * length + np.minimum(parts, longer)
        chosen[-1] = len(order) - 1
        order = order[chosen]
    return columns.at(order)
