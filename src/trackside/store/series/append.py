"""Writing points: what a group of requests logs, as one insert a request and one upsert a metric."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from trackside.model import Point
from trackside.store.database import Transaction
from trackside.store.series import codec
from trackside.store.series.summary import Summaries

_MANY = 32  # points of a request, from which arrays are quicker than a loop


class Gathered:
    """Points of a group of requests: one insert a request, one upsert a metric."""

    def __init__(self, known: dict[str, int]) -> None:
        self._known = known  # numbers of metric names that are in the store for good
        self._key_ids: dict[str, int] = {}  # those needed here; new ones are known to others after the commit
        self._requests: list[tuple[int, Sequence[Point]]] = []
        self._pages: list[tuple[int, Sequence[str], codec.Rows]] = []

    def add(self, run_id: int, points: Sequence[Point]) -> None:
        self._requests.append((run_id, points))

    def add_page(self, run_id: int, names: Sequence[str], rows: codec.Rows) -> None:
        """Points that are columns already; their keys are places in `names`."""
        self._pages.append((run_id, names, rows))

    async def flush(self, tx: Transaction) -> None:
        await self._number_keys(tx)
        tails: list[dict[str, Any]] = []
        summaries = Summaries()
        for run_id, points in self._requests:
            ids = [self._key_ids[point.key] for point in points]
            if len(points) < _MANY:
                payload = codec.pack_few(ids, points)
                summaries.add_few(run_id, ids, points)
            else:
                rows = codec.rows_of(ids, points)
                payload = codec.pack(rows)
                summaries.add(run_id, rows)
            tails.append(_tail_row(run_id, points, payload))
        for run_id, names, page in self._pages:
            numbers = np.array([self._key_ids[name] for name in names], "<i4")
            rows = page._replace(key_id=numbers[page.key_id])
            summaries.add(run_id, rows)
            tails.append(_tail_row_of_page(run_id, rows))
        await tx.many("append_tail", tails)
        await tx.many("upsert_series", summaries.rows())

    def committed(self) -> None:
        self._known.update(self._key_ids)

    def discard(self) -> None:
        pass  # numbers given in this transaction are void, and were never known to others

    async def _number_keys(self, tx: Transaction) -> None:
        names = {point.key for _, points in self._requests for point in points}
        names.update(name for _, page, _ in self._pages for name in page)
        ids = self._key_ids = {name: self._known[name] for name in names if name in self._known}
        if new := sorted(names - ids.keys()):  # in one order everywhere: that prevents deadlocks
            await tx.many("add_metric_key", [{"name": name} for name in new])
            rows = await tx.all("metric_keys_by_name", names=json.dumps(new))
            ids.update({row["name"]: row["id"] for row in rows})


def _tail_row(run_id: int, points: Sequence[Point], payload: bytes) -> dict[str, Any]:
    times = [point.timestamp_ms for point in points]
    return {
        "run_id": run_id,
        "points": len(points),
        "first_ms": min(times),
        "last_ms": max(times),
        "payload": payload,
    }


def _tail_row_of_page(run_id: int, rows: codec.Rows) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "points": len(rows.key_id),
        "first_ms": int(rows.timestamp_ms.min()),
        "last_ms": int(rows.timestamp_ms.max()),
        "payload": codec.pack(rows),
    }
