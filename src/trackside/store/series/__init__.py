"""Metric points: append, history, charts, latest values, purge.

Points are kept as they arrive, one packed row for each request and run (`tail`), until a
compaction packs them by metric (`chunk`); one row a metric (`series`) has what tables and search
need. Callers see a few functions, so the format can change behind them.

Order inside a metric is MLflow's: (timestamp, step, value), with NaN compared as 0 and
infinities clamped; identical points are one point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from trackside.model import Latest, Point, Position
from trackside.store.database import Transaction
from trackside.store.series import chart, codec, read
from trackside.store.series.append import Gathered
from trackside.store.series.points import EMPTY, Columns
from trackside.store.series.tails import Tails


class Series:
    """The metric points of one store. Holds what never changes, or is told from what has changed."""

    def __init__(self) -> None:
        self._key_ids: dict[str, int] = {}  # numbers of metric names
        self._tails = Tails()

    async def append(self, tx: Transaction, run_id: int, points: Sequence[Point]) -> None:
        """Add points to a run; they are written once for the whole group of requests."""
        tx.pending(self._gather).add(run_id, points)

    async def append_page(
        self, tx: Transaction, run_id: int, names: Sequence[str], points: codec.Rows
    ) -> None:
        """Add points that are columns already; `points.key_id` are places in `names`. At least one point."""
        tx.pending(self._gather).add_page(run_id, names, points)

    async def count(self, tx: Transaction, run_id: int) -> int:
        """How many points a run has, each once. Reads them only where some are not packed yet."""
        if not await tx.one("tail_sizes_of_run", run_id=run_id, limit=1):
            row = await tx.one("points_in_chunks", run_id=run_id)
            return int(row["points"] or 0) if row else 0
        names = [row["name"] for row in await tx.all("series_of_run", run_id=run_id)]
        return sum([len((await self.history(tx, run_id, name)).step) for name in names])

    async def history(
        self,
        tx: Transaction,
        run_id: int,
        key: str,
        after: Position | None = None,
        limit: int | None = None,
    ) -> Columns:
        """Points of a metric in MLflow's order, each once: those behind a position, at most `limit`; else all."""
        span = None if after is None else read.Span(low_ms=after.timestamp_ms)
        found = await read.stored(tx, self._tails, run_id, [key], span)
        return await read.history(tx, found[key], after, limit) if key in found else EMPTY

    async def charts(
        self, tx: Transaction, run_id: int, keys: Iterable[str], window: chart.Window
    ) -> dict[str, chart.Drawn]:
        """Those of the metrics of a run that have points in this window, as a chart draws them."""
        found = await read.stored(tx, self._tails, run_id, keys, chart.span(window))
        lines = {
            key: await chart.drawn(tx, series, window)
            for key, series in found.items()
            if len(series.chunks.id) or len(series.tail.step)
        }
        return {key: line for key, line in lines.items() if line.points}

    async def state(self, tx: Transaction, run_id: int) -> tuple[int, int]:
        """Changes whenever a run's points do: what a reader may compare instead of reading them again."""
        tail = await tx.one("state_of_tail", run_id=run_id)
        compaction = await tx.one("compaction_of_run", run_id=run_id)
        return (tail and tail["last_id"]) or 0, compaction["generation"] if compaction else 0

    async def latest(self, tx: Transaction, run_id: int) -> list[Latest]:
        """The latest value of every metric of a run, by name, with its least and greatest."""
        return [latest_of(row) for row in await tx.all("series_of_run", run_id=run_id)]

    async def purge(self, tx: Transaction, run_id: int) -> None:
        """Drop all points of a run: in the transaction that drops the run, so that one which stays has them all."""
        for query in ("purge_chunks", "purge_tail", "purge_series", "purge_compaction"):
            await tx.run(query, run_id=run_id)

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
