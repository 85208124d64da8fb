"""Bytes on disk for each metric point, and what a chart and a history of it cost: `python -m benchmarks.series_size`.

In this process, on SQLite, on the store alone: no HTTP. Each kind of series has a store of its own, so its file is all
that it costs (an empty store is taken off). Points are compacted as a server does it, and packed for good at the end.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.machine import disk_bytes
from trackside.core.compaction import compact_run
from trackside.model import Point
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


async def new_run(db: SqliteDatabase) -> int:
    async def job(tx: Any) -> int:
        await tx.run("add_default_experiment", artifact_location="x", now_ms=1)
        fields = {"uuid": "r", "experiment_id": 0, "name": "n", "user_id": "", "start_ms": 0}
        return int((await tx.insert("add_run", artifact_uri="x", **fields))["id"])

    return await db.write(job)


async def fill(db: SqliteDatabase, requests: Iterator[list[Point]], due: int = 65_536) -> float:
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


async def size(kind: str, keys: int, each: int, due: int = 65_536) -> tuple[float, float]:
    """Bytes a point, and seconds of compaction."""
    with tempfile.TemporaryDirectory(prefix="trackside-size-") as folder:
        path = Path(folder) / "trackside.db"
        await SqliteDatabase(path).close()
        empty = disk_bytes(Path(folder))
        db = SqliteDatabase(path)
        seconds = await fill(db, points(kind, keys, each), due)
        await db.shrink()
        await db.close()
        return (disk_bytes(Path(folder)) - empty) / (keys * each), seconds


async def reading(count: int) -> dict[str, float]:
    """Milliseconds of a chart of the whole, of a window of it, and of all points."""
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


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000, help="of the series that is read")
    options = parser.parse_args()
    for kind in KINDS:
        long, _ = await size(kind, 1, LONG)
        short, _ = await size(kind, 1_000, 20)
        print(f"{kind:34} {long:6.2f} B/point of {LONG:,} points {short:7.1f} B/point of 1,000 series of 20")
    wide, seconds = await size("loss, float32 with 5 % noise", 10_000, 100, due=10_000)
    print(
        f"10,000 metrics, one point an hour, 100 hours: {wide:.1f} B/point, {seconds:.1f} processor s of compaction"
    )
    for name, figure in (await reading(options.points)).items():
        print(f"{options.points:,} points: {name:24} {figure:9.2f}")


if __name__ == "__main__":
    asyncio.run(main())
