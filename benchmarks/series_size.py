"""Bytes on disk for each metric point, and what a chart and a history of it cost: `python -m benchmarks.series_size`.

In this process, on the store alone: no HTTP. Each kind of series has a database of its own, so that is all that it costs
(what an empty one takes is taken off). Points are compacted as a server does it, and packed for good at the end.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import peers
from trackside.core.compaction import compact_run
from trackside.model import Point
from trackside.store.database import Database, Transaction
from trackside.store.postgres import PostgresDatabase
from trackside.store.series import Series
from trackside.store.series.chart import Window
from trackside.store.sqlite import SqliteDatabase

LONG = 200_000
Values = Callable[[np.random.Generator, int], Any]


def loss(rng: np.random.Generator, count: int) -> Any:
    trend = np.exp(-3 * np.arange(count) / count)
    return (trend * (1 + 0.05 * rng.standard_normal(count))).astype(np.float32).astype(np.float64)


def schedule(_: np.random.Generator, count: int) -> Any:
    return 1e-3 * 0.5 * (1 + np.cos(np.pi * np.arange(count) / count))


KINDS: dict[str, Values] = {
    "loss, float32 with 5 % noise": loss,
    "worst case: random float64": lambda rng, count: rng.standard_normal(count),
    "learning rate, cosine, float64": schedule,
    "accuracy, k/256": lambda rng, count: np.round(rng.random(count) * 256) / 256,
    "CPU %, one decimal": lambda rng, count: np.round(50 + 10 * rng.standard_normal(count), 1),
    "GPU utilisation, whole %": lambda rng, count: rng.integers(80, 100, count).astype(np.float64),
}


def points(kind: str, keys: int, each: int) -> Iterator[list[Point]]:
    """Requests of up to 1,000 points; times of a training loop, which jitter."""
    rng = np.random.default_rng(7)
    columns = [KINDS[kind](rng, each).tolist() for _ in range(keys)]
    times = (1_780_000_000_000 + np.cumsum(rng.integers(90, 130, each))).tolist()
    names = [f"metric {key}" for key in range(keys)]
    batch: list[Point] = []
    for step in range(each):
        for name, values in zip(names, columns, strict=True):
            batch.append(Point(name, step * 10, times[step], values[step]))
            if len(batch) == 1_000:
                yield batch
                batch = []
    if batch:
        yield batch


async def new_run(db: Database) -> int:
    async def job(tx: Any) -> int:
        await tx.run("add_default_experiment", artifact_location="x", now_ms=1)
        fields = {"uuid": "r", "experiment_id": 0, "name": "n", "user_id": "", "start_ms": 0}
        return int((await tx.insert("add_run", artifact_uri="x", **fields))["id"])

    return await db.write(job)


async def fill(db: Database, requests: Iterator[list[Point]], due: int = 65_536) -> float:
    """Append all, compacting as a server does, end the run; seconds of a processor that compacting took."""
    series, app, run, waiting, seconds = Series(), SimpleNamespace(db=db), await new_run(db), 0, 0.0
    for request in requests:
        await db.write(lambda tx, request=request: series.append(tx, run, request))
        waiting += len(request)
        if waiting >= due:
            began = time.process_time()
            await compact_run(app, run)  # type: ignore[arg-type]
            waiting = 0
            seconds += time.process_time() - began
    await db.write(lambda tx: tx.run("update_run", id=run, status="FINISHED", end_ms=1, name="n"))
    began = time.process_time()
    await compact_run(app, run)  # type: ignore[arg-type]
    return seconds + time.process_time() - began


def opened(folder: Path, url: str) -> Database:
    return PostgresDatabase(url) if url else SqliteDatabase(folder / "trackside.db")


def used(store: peers.Store, work: Callable[[Database], Awaitable[float]]) -> tuple[float, float]:
    """Bytes that what `work` stores takes in a database of its own, and what it gives."""

    async def once(url: str, work: Callable[[Database], Awaitable[float]] | None) -> float:
        db = opened(Path(folder), url)
        try:
            await db.read(_nothing)  # the first use makes the tables
            return await work(db) if work else 0.0
        finally:
            await db.close()

    with tempfile.TemporaryDirectory(prefix="trackside-size-") as folder:
        url = store.new()
        asyncio.run(once(url, None))
        empty = store.bytes_used(Path(folder), url)
        given = asyncio.run(once(url, work))
        return store.bytes_used(Path(folder), url) - empty, given


async def _nothing(_: Transaction) -> None:
    pass


def bytes_per_point(
    store: peers.Store, kind: str, keys: int, each: int, due: int = 65_536
) -> tuple[float, float]:
    """And seconds of compaction."""
    total, seconds = used(store, lambda db: fill(db, points(kind, keys, each), due))
    return total / (keys * each), seconds


async def reading(count: int) -> dict[str, float]:
    """Milliseconds of a chart of the whole, of a window of it, and of all points, on SQLite."""
    with tempfile.TemporaryDirectory(prefix="trackside-read-") as folder:
        db = SqliteDatabase(Path(folder) / "trackside.db")
        began = time.perf_counter()
        packing = await fill(db, points("loss, float32 with 5 % noise", 1, count))
        figures = {
            "append and compact, s": time.perf_counter() - began,
            "of these compacting, processor s": packing,
        }
        middle = count * 5
        asked = {
            "chart of all, ms": lambda tx: Series().charts(tx, 1, ["metric 0"], Window()),
            "chart of a tenth, ms": lambda tx: Series().charts(
                tx, 1, ["metric 0"], Window(start=middle, end=middle + count)
            ),
            "chart of 500 points, ms": lambda tx: Series().charts(
                tx, 1, ["metric 0"], Window(start=middle, end=middle + 4_990)
            ),
            "all points, ms": lambda tx: Series().history(tx, 1, "metric 0"),
        }
        for name, job in asked.items():
            taken = []
            for _ in range(9):
                began = time.perf_counter()
                await db.read(job)
                taken.append(1000 * (time.perf_counter() - began))
            figures[name] = statistics.median(taken)
        await db.close()
        return figures


def on_store(store: peers.Store, long: int) -> dict[str, Any]:
    kinds = {}
    for kind in KINDS:
        print(f"-- {store.name}: {kind}", file=sys.stderr, flush=True)
        kinds[kind] = {
            "long": bytes_per_point(store, kind, 1, long)[0],
            "short": bytes_per_point(store, kind, long // 200, 20)[0],
        }
    wide, seconds = bytes_per_point(store, "loss, float32 with 5 % noise", long // 20, 100, due=10_000)
    return {"version": store.version, "kinds": kinds, "wide": wide, "wide_compaction_s": seconds}


def measure(stores: list[str], long: int) -> dict[str, Any]:
    """Bytes a point of one series of so many points, of many short ones, and of many that grow slowly."""
    result: dict[str, Any] = {"long": long, "stores": {}}
    for name in stores:
        with peers.opened(name) as store:
            result["stores"][name] = on_store(store, long)
    return result


def lines(section: dict[str, Any]) -> list[str]:
    long = section["long"]
    told = ["Bytes in the database for each point, everything included, when the run has ended."]
    for store in section["stores"].values():
        told += [
            "",
            f"| {store['version']} | one series of {long:,} points | {long // 200:,} series of 20 points |",
            "|---|---|---|",
        ]
        told += [
            f"| {kind} | {each['long']:.2f} | {each['short']:.1f} |" for kind, each in store["kinds"].items()
        ]
        told += [
            "",
            (
                f"{long // 20:,} metrics of one run, one point each an hour for 100 hours: {store['wide']:.1f} bytes a "
                f"point, {store['wide_compaction_s']:.1f} s of a processor for packing."
            ),
        ]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000, help="of the series that is read")
    parser.add_argument("--store", nargs="+", choices=peers.STORES, default=list(peers.STORES))
    options = parser.parse_args()
    print("\n".join(lines(measure(options.store, LONG))))
    for name, figure in asyncio.run(reading(options.points)).items():
        print(f"{options.points:,} points: {name:24} {figure:9.2f}")


if __name__ == "__main__":
    main()
