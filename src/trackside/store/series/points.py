"""Points of a metric as columns, in MLflow's order: (timestamp, step, value), each once.

NaN compares as 0, infinities as the greatest and least finite numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.model import LARGEST


class Columns(NamedTuple):
    """Points of one metric of one run, by column; all of one length."""

    step: npt.NDArray[np.int64]
    timestamp_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]

    def at(self, index: Any) -> Columns:
        """The points that a mask, slice or list of positions picks."""
        return Columns(self.step[index], self.timestamp_ms[index], self.value[index])


EMPTY = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def ordered(
    mask: npt.NDArray[np.bool_],
    steps: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> Columns:
    """Points under the mask in (timestamp, step, value) order, each once."""
    found = Columns(steps[mask], times[mask], values[mask])
    if not len(found.step):
        return EMPTY
    nan = np.isnan(found.value)
    compared = np.where(nan, 0.0, np.clip(found.value, -LARGEST, LARGEST))
    order = np.lexsort((nan, compared, found.step, found.timestamp_ms))
    identity = [column[order] for column in (found.step, found.timestamp_ms, compared, nan)]
    new = np.ones(len(order), np.bool_)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in identity])
    return found.at(order[new])
