"""The row a metric of a run has in `series`: what one group of requests adds to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from trackside.model import Point, clamped
from trackside.store.series.codec import Rows
from trackside.store.series.points import compared

Summary = list[Any]
"""[last step, last time, last value, last is NaN, min, max] of the points of a series."""


class Summaries:
    """The summaries of all series that a group touches."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], Summary] = {}

    def add(self, run_id: int, rows: Rows) -> None:
        """Fold in the points of one request."""
        for key_id, summary in _of_rows(rows):
            self._fold((run_id, key_id), summary)

    def add_few(self, run_id: int, ids: Iterable[int], points: Iterable[Point]) -> None:
        """The same of a few points, for which arrays would take longer; `ids` are the numbers of their names."""
        for key_id, point in zip(ids, points, strict=True):
            self._fold((run_id, key_id), _of_point(point))

    def _fold(self, series: tuple[int, int], new: Summary) -> None:
        known = self._found.get(series)
        if known is None:
            self._found[series] = new
            return
        if (new[0], new[1], clamped(new[2])) > (known[0], known[1], clamped(known[2])):
            known[:4] = new[:4]
        if new[4] is not None:
            known[4] = new[4] if known[4] is None else min(known[4], new[4])
            known[5] = new[5] if known[5] is None else max(known[5], new[5])

    def rows(self) -> list[dict[str, Any]]:
        """One row for each metric touched, in order of (run, key): the order that prevents deadlocks."""
        return [
            {
                "run_id": run_id, "key_id": key_id,
                "last_step": s[0], "last_ms": s[1], "last_value": s[2], "last_nan": s[3],
                "min_value": s[4], "max_value": s[5],
            }
            for (run_id, key_id), s in sorted(self._found.items())
        ]  # fmt: skip


def _of_point(point: Point) -> Summary:
    value = point.value
    if value - value == 0.0:  # the quickest test for a finite number
        return [point.step, point.timestamp_ms, value, 0, value, value]
    nan = math.isnan(value)
    return [point.step, point.timestamp_ms, 0.0 if nan else value, int(nan), None, None]


def _of_rows(rows: Rows) -> Iterable[tuple[int, Summary]]:
    """The summary of each metric among the points of one run."""
    key, step, time, value = rows
    rank = compared(value)
    # The greatest (step, time, value) of a metric comes last; of equal ones the first that was sent.
    order = np.lexsort((np.arange(len(key))[::-1], rank, time, step, key))
    sorted_key = key[order]
    starts = np.flatnonzero(np.r_[True, sorted_key[1:] != sorted_key[:-1]])
    last = order[np.r_[starts[1:], len(key)] - 1]
    finite = np.isfinite(value)[order]
    low = np.minimum.reduceat(np.where(finite, value[order], np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, value[order], -np.inf), starts)
    known = np.isfinite(low)
    is_nan = np.isnan(value[last])
    columns = (
        key[last], step[last], time[last], np.where(is_nan, 0.0, value[last]), is_nan.astype(int), low, high, known,
    )  # fmt: skip
    for k, s, t, v, nan, lo, hi, any_finite in zip(*(column.tolist() for column in columns), strict=True):
        yield k, [s, t, v, nan, lo if any_finite else None, hi if any_finite else None]
