"""Reading metric histories: whole for MLflow's clients, sampled to a chart's width for the UI."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.core import runs
from trackside.core.app import App
from trackside.model import Position
from trackside.store.database import Transaction
from trackside.store.series.chart import Drawn
from trackside.store.series.chart import Window as StoredWindow
from trackside.store.series.points import Columns, compared
from trackside.store.series.sketch import rounded_down

__all__ = [
    "Axis",
    "HistoryPage",
    "Line",
    "Place",
    "Window",
    "evenly_sampled",
    "history",
    "lines",
    "page",
    "rounded_down",
    "state",
]

Axis = Literal["step", "time", "relative"]


class Place(NamedTuple):
    """Where a page of a history begins."""

    offset: int = 0
    # The point before it; where it is known, what is before it need not be read.
    after: Position | None = None


class HistoryPage(NamedTuple):
    points: Columns
    following: Place | None  # where the next one begins, if there is one


async def history(app: App, uuid: str, key: str) -> Columns:
    """All points of a metric in (timestamp, step, value) order; empty when there are none, or no such run."""
    return (await page(app, uuid, key, Place(), None)).points


async def page(app: App, uuid: str, key: str, begin: Place, limit: int | None) -> HistoryPage:
    """A part of a history: from a place on, at most `limit` points, None for all."""
    start = begin.offset if begin.after is None else 0
    # Nothing holds so many points that this bound is seen.
    end = None if limit is None else min(start + limit, 2**48)

    async def job(tx: Transaction) -> Columns:
        run = await tx.one("run_by_uuid", uuid=uuid)
        # No run has the id 0. As MLflow: a run that is not there has no points.
        run_id = run["id"] if run else 0
        # One more tells whether there is a next page.
        return await app.series.history(tx, run_id, key, begin.after, None if end is None else end + 1)

    found = await app.db.read(job)
    points = found.at(slice(start, end))
    if not end or len(found.step) <= end:
        return HistoryPage(points, None)
    return HistoryPage(points, Place(begin.offset + len(points.step), found.position(end - 1)))


class Window(NamedTuple):
    """A part of a chart's axis, both ends included, and how many buckets are enough for it."""

    axis: Axis = "step"
    start: float | None = None
    end: float | None = None
    buckets: int = 800


class Line(NamedTuple):
    """One metric of one run in a window."""

    run_uuid: str
    key: str
    drawn: Drawn
    origin_ms: int  # of the axis; 0 but for times relative to the run's start


async def lines(app: App, uuids: list[str], keys: list[str], window: Window) -> list[Line]:
    """Every metric of every run named, as far as they have points in it. Raises NotFound."""

    async def job(tx: Transaction) -> list[Line]:
        found = []
        for uuid in uuids:
            run = await runs.row_of(tx, uuid)
            start = run["start_ms"] if window.axis == "relative" else 0
            charts = await app.series.charts(tx, run["id"], keys, _stored(window, start))
            found += [
                Line(run["uuid"], key, _shown(charts[key], start), start) for key in keys if key in charts
            ]
        return found

    return await app.db.read(job)


def _stored(window: Window, start_ms: int) -> StoredWindow:
    low, high = (None if edge is None else edge + start_ms for edge in (window.start, window.end))
    return StoredWindow("step" if window.axis == "step" else "time", low, high, window.buckets)


def _shown(drawn: Drawn, start_ms: int) -> Drawn:
    return drawn._replace(x=drawn.x - start_ms, marks_x=drawn.marks_x - start_ms) if start_ms else drawn


async def state(app: App, uuids: list[str]) -> list[tuple[int, int]]:
    """Of each run, what changes whenever its points do. Raises NotFound."""

    async def job(tx: Transaction) -> list[tuple[int, int]]:
        return [await app.series.state(tx, (await runs.row_of(tx, uuid))["id"]) for uuid in uuids]

    return await app.db.read(job)


def evenly_sampled(columns: Columns, most: int, start_step: int | None, end_step: int | None) -> Columns:
    """At most `most` points of a step window in (step, timestamp, value) order, evenly spread, ends kept.

    Which ones is as MLflow has it: the first of each of `most` even parts, of which the first ones are
    longer by one point, and of the last part the last; of all the last when only one is wanted.
    """
    order = _by_step(columns)
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


def _by_step(columns: Columns) -> npt.NDArray[np.intp]:
    """Where the points are that come first, second, … in (step, timestamp, value) order."""
    step = columns.step
    if (step[1:] > step[:-1]).all():  # nearly always, and then sorting is most of the work
        return np.arange(len(step))
    return np.lexsort((np.isnan(columns.value), compared(columns.value), columns.timestamp_ms, step))
