"""Writing points: what a group of requests logs, as one insert a request and one upsert a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trackside.model import Point
from trackside.store.database import Transaction
from trackside.store.series import codec
from trackside.store.series.summary import Summaries

_MANY = 32  # points of a request, from which arrays are quicker than a loop


class Gathered:
    """Points of a group of requests: one insert a request, one upsert a metric."""

    def __init__(self, key_ids: dict[str, int]) -> None:
        self._key_ids = key_ids
        self._requests: list[tuple[int, Sequence[Point]]] = []

    def add(self, run_id: int, points: Sequence[Point]) -> None:
        self._requests.append((run_id, points))

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
        await tx.many("append_tail", tails)
        await tx.many("upsert_series", summaries.rows())

    def discard(self) -> None:
        # Numbers given in this transaction are void; forgetting the good ones too costs a look-up each.
        self._key_ids.clear()

    async def _number_keys(self, tx: Transaction) -> None:
        known = self._key_ids
        new = {point.key for _, points in self._requests for point in points if point.key not in known}
        for name in sorted(new):
            await tx.run("add_metric_key", name=name)
            known[name] = (await tx.all("metric_key_by_name", name=name))[0]["id"]


def _tail_row(run_id: int, points: Sequence[Point], payload: bytes) -> dict[str, Any]:
    times = [point.timestamp_ms for point in points]
    return {
        "run_id": run_id,
        "points": len(points),
        "first_ms": min(times),
        "last_ms": max(times),
        "payload": payload,
    }
