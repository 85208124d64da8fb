"""Writing points: what a group of requests logs, as one insert a request and one upsert a metric."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from trackside.model import Point, clamped
from trackside.store.database import Transaction
from trackside.store.series import codec


class Gathered:
    """Points of a group of requests: one insert a request, one upsert a metric."""

    def __init__(self, known: dict[str, int]) -> None:
        self._known = known  # numbers of metric names that are in the store for good
        self._key_ids: dict[str, int] = {}  # those needed here; new ones are known to others after the commit
        self._requests: list[tuple[int, Sequence[Point]]] = []

    def add(self, run_id: int, points: Sequence[Point]) -> None:
        self._requests.append((run_id, points))

    async def flush(self, tx: Transaction) -> None:
        await self._number_keys(tx)
        ids = self._key_ids
        await tx.many("append_tail", [_tail_row(run_id, points, ids) for run_id, points in self._requests])
        await tx.many("upsert_series", self._summaries())

    def committed(self) -> None:
        self._known.update(self._key_ids)

    def discard(self) -> None:
        pass  # numbers given in this transaction are void, and were never known to others

    async def _number_keys(self, tx: Transaction) -> None:
        names = {point.key for _, points in self._requests for point in points}
        ids = self._key_ids = {name: self._known[name] for name in names if name in self._known}
        if new := sorted(names - ids.keys()):  # in one order everywhere: that prevents deadlocks
            await tx.many("add_metric_key", [{"name": name} for name in new])
            rows = await tx.all("metric_keys_by_name", names=json.dumps(new))
            ids.update({row["name"]: row["id"] for row in rows})

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
