"""Does the row that a metric of a run has in `series` say what its stored points say?

Metrics are compared some at a time, each time in one snapshot: what is logged and packed meanwhile makes no
difference. Of a metric's chunks only one is unpacked; the rows of the others say enough, and are checked against
their points elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from trackside.model import LARGEST, clamped
from trackside.store.database import Job, Row, Transaction
from trackside.store.series import codec
from trackside.store.series.chunks import decoded
from trackside.store.series.compact import by_metric
from trackside.store.series.points import EMPTY, Columns, compared, joined, ordered

_METRICS = 256  # of one read
_TAIL_ROWS = 256  # that are unpacked at once
_GREATEST = 2**63 - 1
_WHOLE = "; its history and charts are right, tables and searches are not"

Faults = list[tuple[int, str]]
"""The number of a metric, and what is wrong with its row."""


class _Seen:
    """What the stored points of a metric say that its row must say too."""

    def __init__(self) -> None:
        self.low: float | None = None  # over finite values, as the next one
        self.high: float | None = None
        self.infinities: set[float] = set()  # by the finite number that each is compared as
        self.top = EMPTY  # the greatest by (step, timestamp, value): two where one is NaN and one 0

    def add_chunks(self, row: Row) -> None:
        """What the rows of all chunks say together."""
        self._widen(row["min_value"], row["max_value"])
        self.infinities |= {LARGEST} if row["pos_inf"] else set()
        self.infinities |= {-LARGEST} if row["neg_inf"] else set()

    def add(self, points: Columns) -> None:
        finite = points.value[np.isfinite(points.value)]
        if len(finite):
            self._widen(float(finite.min()), float(finite.max()))
        self.infinities |= {clamped(value) for value in np.unique(points.value).tolist() if math.isinf(value)}
        self.add_top(points)

    def add_top(self, points: Columns) -> None:
        points = joined([self.top, points])
        points = points.at(points.step == points.step.max())
        points = points.at(points.timestamp_ms == points.timestamp_ms.max())
        value = compared(points.value)
        self.top = ordered(points.at(value == value.max()))

    def _widen(self, low: float | None, high: float | None) -> None:
        if low is not None and high is not None:
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


def rows_after(run_id: int, after: int) -> Job[tuple[int | None, Faults]]:
    """Compares the metrics of a run whose numbers come next; gives the last of them while there are more."""

    async def job(tx: Transaction) -> tuple[int | None, Faults]:
        keys = await tx.all("keys_of_run_after", run_id=run_id, after=after, limit=_METRICS)
        following = keys[-1]["key_id"] if len(keys) == _METRICS else None
        span = {"run_id": run_id, "after": after, "last": following or _GREATEST}
        rows = {row["key_id"]: row for row in await tx.all("series_of_keys_between", **span)}
        seen: dict[int, _Seen] = {}
        for row in await tx.all("statistics_of_keys_between", **span):
            seen.setdefault(row["key_id"], _Seen()).add_chunks(row)
        await tx.compute(_add_top, seen, await tx.all("latest_chunks_between", **span))
        tail: int | None = 0
        while tail is not None:
            waiting = await tx.all("tail_of_run_after", run_id=run_id, after=tail, limit=_TAIL_ROWS)
            await tx.compute(_add_tail, seen, waiting, after, following or _GREATEST)
            tail = waiting[-1]["id"] if len(waiting) == _TAIL_ROWS else None
        metrics = sorted(rows.keys() | seen.keys())
        return following, [
            (key, what) for key in metrics for what in _differences(rows.get(key), seen.get(key))
        ]

    return job


def _add_top(seen: dict[int, _Seen], chunks: Sequence[Row]) -> None:
    for row in chunks:
        seen[row["key_id"]].add_top(decoded(row["id"], row["data"]))


def _add_tail(seen: dict[int, _Seen], rows: Sequence[Row], after: int, last: int) -> None:
    logged = codec.unpack_all(row["payload"] for row in rows)
    wanted = (logged.key_id > after) & (logged.key_id <= last)
    if wanted.any():
        key, step, time, value = logged
        kept = codec.Rows(key[wanted], step[wanted], time[wanted], value[wanted])
        for number, points in by_metric(kept).items():
            seen.setdefault(number, _Seen()).add(points)


def _differences(row: Row | None, seen: _Seen | None) -> Iterator[str]:
    if row is None or seen is None:
        yield f"it has points, but no row{_WHOLE}" if row is None else "it has a row, but no points"
        return
    if not _is_latest(row, seen.top):
        latest = seen.top.at(-1)
        stored = math.nan if row["last_nan"] else row["last_value"]
        yield (
            f"its row says the latest value is {stored} at step {row['last_step']}, time {row['last_ms']}, but of its"
            f" points it is {latest.value} at step {latest.step}, time {latest.timestamp_ms}{_WHOLE}"
        )
    for name, right, beyond in (("min_value", seen.low, -1), ("max_value", seen.high, 1)):
        if not _is_extreme(row[name], right, beyond, seen.infinities):
            yield f"its row says {name} is {row[name]}, but of its points it is {right}{_WHOLE}"


def _is_latest(row: Row, top: Columns) -> bool:
    """NaN and 0 of one step and time rank the same: which of them came first the points do not say."""
    if (row["last_step"], row["last_ms"]) != (top.step[0], top.timestamp_ms[0]):
        return False
    if row["last_nan"]:
        return bool(row["last_nan"] == 1 and row["last_value"] == 0 and np.isnan(top.value).any())
    return bool((compared(top.value[~np.isnan(top.value)]) == clamped(row["last_value"])).any())


def _is_extreme(stored: float | None, right: float | None, beyond: int, infinities: set[float]) -> bool:
    """Or of a point that was not kept: one of the greatest finite value is that of infinity, if it came first."""
    if stored == right:
        return True
    return stored in infinities and (right is None or (stored - right) * beyond > 0)
