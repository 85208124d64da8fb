"""Metric points: append, history, sampled windows, latest values.

Points are kept as they arrive, one packed row for each request and run (`tail`), and one
row a metric (`series`) has what tables and search need. Callers see a few functions, so the
format can change behind them.

Order inside a metric is MLflow's: (timestamp, step, value), with NaN compared as 0 and
infinities clamped; identical points are one point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trackside.model import Latest, Point
from trackside.store.database import Transaction
from trackside.store.series import codec
from trackside.store.series.append import Gathered
from trackside.store.series.points import EMPTY, Columns, ordered


class Series:
    """The metric points of one store. Holds only the numbers of metric names, which never change."""

    def __init__(self) -> None:
        self._key_ids: dict[str, int] = {}

    async def append(self, tx: Transaction, run_id: int, points: Sequence[Point]) -> None:
        """Add points to a run; they are written once for the whole group of requests."""
        tx.pending(self._gather).add(run_id, points)

    async def history(self, tx: Transaction, run_id: int, key: str) -> Columns:
        """All points of a metric in MLflow's order, duplicates dropped; empty when there are none."""
        found = await self.histories(tx, run_id, [key])
        return found[key]

    async def histories(self, tx: Transaction, run_id: int, keys: Iterable[str]) -> dict[str, Columns]:
        """The same for several metrics of a run, reading its rows once."""
        wanted = {key: await self._known(tx, key) for key in keys}
        rows = [codec.unpack(row["payload"]) for row in await tx.all("tail_of_run", run_id=run_id)]
        if not rows:
            return dict.fromkeys(wanted, EMPTY)
        ids, steps, times, values = (np.concatenate(column) for column in zip(*rows, strict=True))
        return {key: ordered(ids == key_id, steps, times, values) for key, key_id in wanted.items()}

    async def latest(self, tx: Transaction, run_id: int) -> list[Latest]:
        """The latest value of every metric of a run, by name, with its least and greatest."""
        return [latest_of(row) for row in await tx.all("series_of_run", run_id=run_id)]

    async def _known(self, tx: Transaction, key: str) -> int:
        """The number of a metric name, or -1 when nothing was logged under it."""
        row = await tx.one("metric_key_by_name", name=key)
        return row["id"] if row else -1

    def _gather(self) -> Gathered:
        return Gathered(self._key_ids)


def latest_of(row: Any) -> Latest:
    """A row of `series` joined with its name."""
    # By place: a page of a search makes thousands of these.
    return Latest(
        row["name"],
        row["last_step"],
        row["last_ms"],
        math.nan if row["last_nan"] else row["last_value"],
        row["min_value"],
        row["max_value"],
    )
