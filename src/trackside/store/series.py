"""Metric points: append, history, sampled windows, latest values.

Points are kept as they arrive, one packed row for each request and run (`tail`), and one
row a metric (`series`) has what tables and search need. Callers see four functions, so the
format can change behind them.

Order inside a metric is MLflow's: (timestamp, step, value), with NaN compared as 0 and
infinities clamped; identical points are one point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trackside.model import LARGEST, Latest, Point, clamped
from trackside.store import codec
from trackside.store.database import Transaction


class Columns(NamedTuple):
    """Points of one metric of one run, by column; all of one length."""

    step: npt.NDArray[np.int64]
    timestamp_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]

    def at(self, index: Any) -> Columns:
        """The points that a mask, slice or list of positions picks."""
        return Columns(self.step[index], self.timestamp_ms[index], self.value[index])


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
            return dict.fromkeys(wanted, _EMPTY)
        ids, steps, times, values = (np.concatenate(column) for column in zip(*rows, strict=True))
        return {key: _ordered(ids == key_id, steps, times, values) for key, key_id in wanted.items()}

    async def latest(self, tx: Transaction, run_id: int) -> list[Latest]:
        """The latest value of every metric of a run, by name, with its least and greatest."""
        return [latest_of(row) for row in await tx.all("series_of_run", run_id=run_id)]

    async def _known(self, tx: Transaction, key: str) -> int:
        """The number of a metric name, or -1 when nothing was logged under it."""
        row = await tx.one("metric_key_by_name", name=key)
        return row["id"] if row else -1

    def _gather(self) -> _Gathered:
        return _Gathered(self._key_ids)


def latest_of(row: Any) -> Latest:
    """A row of `series` joined with its name."""
    return Latest(
        key=row["name"],
        step=row["last_step"],
        timestamp_ms=row["last_ms"],
        value=math.nan if row["last_nan"] else row["last_value"],
        min=row["min_value"],
        max=row["max_value"],
    )


class _Gathered:
    """Points of a group of requests: one insert a request, one upsert a metric."""

    def __init__(self, key_ids: dict[str, int]) -> None:
        self._key_ids = key_ids
        self._requests: list[tuple[int, Sequence[Point]]] = []

    def add(self, run_id: int, points: Sequence[Point]) -> None:
        self._requests.append((run_id, points))

    async def flush(self, tx: Transaction) -> None:
        await self._number_keys(tx)
        ids = self._key_ids
        await tx.many("append_tail", [_tail_row(run_id, points, ids) for run_id, points in self._requests])
        await tx.many("upsert_series", self._summaries())

    def discard(self) -> None:
        # Numbers given in this transaction are void; forgetting the good ones too costs a look-up each.
        self._key_ids.clear()

    async def _number_keys(self, tx: Transaction) -> None:
        new = {
            point.key for _, points in self._requests for point in points if point.key not in self._key_ids
        }
        for name in sorted(new):
            await tx.run("add_metric_key", name=name)
            self._key_ids[name] = (await tx.all("metric_key_by_name", name=name))[0]["id"]

    def _summaries(self) -> list[dict[str, Any]]:
        """One row for each metric touched, in order of (run, key): the order that prevents deadlocks."""
        found: dict[tuple[int, int], list[Any]] = {}
        for run_id, points in self._requests:
            for point in points:
                _summarise(found, (run_id, self._key_ids[point.key]), point)
        return [
            {
                "run_id": run_id, "key_id": key_id,
                "last_step": s[0], "last_ms": s[1], "last_value": s[2], "last_nan": s[3],
                "min_value": s[4], "max_value": s[5],
            }
            for (run_id, key_id), s in sorted(found.items())
        ]  # fmt: skip


def _summarise(found: dict[tuple[int, int], list[Any]], series: tuple[int, int], point: Point) -> None:
    """Fold a point into [last step, last time, last value, last is NaN, min, max] of its series."""
    value = point.value
    nan = value != value  # noqa: PLR0124 - the quickest test for NaN
    compared = 0.0 if nan else value
    finite = None if nan or value in (math.inf, -math.inf) else value
    known = found.get(series)
    if known is None:
        found[series] = [point.step, point.timestamp_ms, compared, int(nan), finite, finite]
        return
    if (point.step, point.timestamp_ms, clamped(compared)) > (known[0], known[1], clamped(known[2])):
        known[:4] = [point.step, point.timestamp_ms, compared, int(nan)]
    if finite is not None:
        known[4] = finite if known[4] is None else min(known[4], finite)
        known[5] = finite if known[5] is None else max(known[5], finite)


def _tail_row(run_id: int, points: Sequence[Point], ids: dict[str, int]) -> dict[str, Any]:
    keys, steps, times, values = zip(*points, strict=True)
    return {
        "run_id": run_id,
        "points": len(points),
        "first_ms": min(times),
        "last_ms": max(times),
        "payload": codec.pack([ids[key] for key in keys], steps, times, values),
    }


_EMPTY = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def _ordered(
    mask: npt.NDArray[np.bool_],
    steps: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> Columns:
    """Points under the mask in (timestamp, step, value) order, each once."""
    found = Columns(steps[mask], times[mask], values[mask])
    if not len(found.step):
        return _EMPTY
    nan = np.isnan(found.value)
    compared = np.where(nan, 0.0, np.clip(found.value, -LARGEST, LARGEST))
    order = np.lexsort((nan, compared, found.step, found.timestamp_ms))
    identity = [column[order] for column in (found.step, found.timestamp_ms, compared, nan)]
    new = np.ones(len(order), np.bool_)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in identity])
    return found.at(order[new])
