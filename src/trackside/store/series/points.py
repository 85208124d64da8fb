"""Points of a metric as columns, in MLflow's order: (timestamp, step, value), each once.

NaN compares as 0, infinities as the greatest and least finite numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.model import LARGEST, Position, clamped

Pair = tuple[int, int]  # (timestamp_ms, step)


class Columns(NamedTuple):
    """Points of one metric of one run, by column; all of one length."""

    step: npt.NDArray[np.int64]
    timestamp_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]

    def at(self, index: Any) -> Columns:
        """The points that a mask, slice or list of positions picks."""
        return Columns(self.step[index], self.timestamp_ms[index], self.value[index])

    def pair(self, index: int) -> Pair:
        return int(self.timestamp_ms[index]), int(self.step[index])

    def before(self, pair: Pair) -> int:
        """Of points in order: how many come before all of that pair."""
        return bisect_left(range(len(self.step)), pair, key=self.pair)

    def until(self, pair: Pair) -> int:
        """The same, with those of that pair."""
        return bisect_right(range(len(self.step)), pair, key=self.pair)

    def position(self, index: int) -> Position:
        value = float(self.value[index])
        is_nan = math.isnan(value)
        return Position(*self.pair(index), 0.0 if is_nan else clamped(value), is_nan)


EMPTY = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def compared(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values as they are compared: NaN as 0, infinities as the greatest and least finite number."""
    return np.where(np.isnan(values), 0.0, np.clip(values, -LARGEST, LARGEST))


def joined(parts: Sequence[Columns]) -> Columns:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    return Columns(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else EMPTY


def ordered(found: Columns) -> Columns:
    """The points in (timestamp, step, value) order, each once."""
    if is_ordered(found):
        return found
    nan, value = np.isnan(found.value), compared(found.value)
    order = np.lexsort((nan, value, found.step, found.timestamp_ms))
    identity = [column[order] for column in (found.step, found.timestamp_ms, value, nan)]
    new = np.ones(len(order), np.bool_)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in identity])
    return found.at(order[new])


def is_ordered(points: Columns) -> bool:
    """Whether they ascend by (timestamp, step) alone, as nearly all that are logged do."""
    time, step = points.timestamp_ms, points.step
    later = time[1:] > time[:-1]
    if later.all():
        return True
    return bool((later | ((time[1:] == time[:-1]) & (step[1:] > step[:-1]))).all())
