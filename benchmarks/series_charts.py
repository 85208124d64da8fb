"""What a chart, a window of it and a page of history cost through the server: `python -m benchmarks.series_charts`.

A metric of 1 and of 10 million points (or `--points N …`), compacted; one point of each is a spike, which every chart
must show. The points are put into the store as a compaction does, since sending them takes minutes.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import load, peers
from trackside.config import ServerSettings
from trackside.core.app import App
from trackside.core.experiments import create_default
from trackside.core.runs import NewRun, create
from trackside.model import Point
from trackside.store.database import Transaction
from trackside.store.series import blocks
from trackside.store.series.chunks import row_of, split
from trackside.store.series.points import Columns

POINTS = [100_000, 1_000_000, 10_000_000]
SPIKE = 1e6


async def fill(folder: Path, url: str, count: int) -> str:
    """A store with a run of so many points of the metric `loss`; the run's id."""
    app = App.open(ServerSettings(data_dir=folder, store=url))
    await create_default(app)
    run = await create(app, NewRun("0"))
    rng = np.random.default_rng(7)
    value = (np.exp(-3 * np.arange(count) / count) * (1 + 0.05 * rng.standard_normal(count))).astype(
        np.float32
    )
    value[count // 3] = SPIKE
    step = np.arange(count, dtype=np.int64)
    points = Columns(
        step, 1_780_000_000_000 + np.cumsum(rng.integers(90, 130, count)), value.astype(np.float64)
    )

    async def job(tx: Transaction) -> int:
        (row,) = await tx.all("run_by_uuid", uuid=run.info.uuid)
        last = Point("loss", int(step[-1]), int(points.timestamp_ms[-1]), float(points.value[-1]))
        await app.series.append(tx, row["id"], [last])  # makes the metric; the same point is in the chunks
        return int(row["id"])

    run_id = await app.db.write(job)
    for part in split(points):
        row = row_of(run_id, 1, part, blocks.HOT)
        await app.db.write(lambda tx, row=row: tx.many("add_chunk", [row]))
    await app.close()
    return run.info.uuid


def charts(port: int, run: str, count: int) -> dict[str, dict[str, Any]]:
    query = {"run_ids": [run], "metrics": ["loss"], "buckets": 800}
    windows: dict[str, dict[str, int]] = {
        "chart of all": {},
        "chart of a tenth": {"start": count // 2, "end": count // 2 + count // 10},
        "chart of 600 points": {"start": count // 3 - 300, "end": count // 3 + 300},
    }
    figures: dict[str, dict[str, Any]] = {}
    for name, window in windows.items():
        one = load.post("/api/trackside/v1/series/query", query | window)
        (line,) = load.fetch(port, one)["series"]
        if not window and max(line["max"]) != SPIKE:
            raise load.Refused("the spike is not on the chart")
        figures[name] = {**_asked(port, one, 50), "exact": line["exact"]}
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss&max_results=25000"
    figures["page of 25,000 of its history"] = _asked(port, load.request("GET", path), 15)
    return figures


def _asked(port: int, one: bytes, reads: int) -> dict[str, float]:
    sample = load.repeat(port, one, reads)
    return {"p50_ms": sample.percentile_ms(50), "p99_ms": sample.percentile_ms(99)}


def of_a_series(store: peers.Store, count: int) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="trackside-charts-") as folder:
        peer = peers.peer("trackside", Path(folder), store)
        run = asyncio.run(fill(Path(folder) / "data", peer.url, count))
        print(f"-- {store.name}: {count:,} points", file=sys.stderr, flush=True)
        with peer.server:
            return charts(peer.port, run, count)


def measure(stores: list[str], counts: list[int]) -> dict[str, Any]:
    """Store -> number of points -> what was asked -> figures."""
    result: dict[str, Any] = {}
    for name in stores:
        with peers.opened(name) as store:
            by_count = {str(count): of_a_series(store, count) for count in counts}
            result[name] = {"version": store.version, "points": by_count}
    return result


def lines(section: dict[str, Any]) -> list[str]:
    told = ["Milliseconds over HTTP, p50 / p99; every chart of all shows the one point that is a spike."]
    for store in section.values():
        counts = list(store["points"])
        told += [
            "",
            f"| {store['version']} | " + " | ".join(f"{int(count):,} points" for count in counts) + " |",
        ]
        told.append("|---" * (len(counts) + 1) + "|")
        for name in store["points"][counts[0]]:
            seen = [store["points"][count][name] for count in counts]
            cells = [f"{figures['p50_ms']:,.1f} / {figures['p99_ms']:,.1f}" for figures in seen]
            told.append(f"| {name} | " + " | ".join(cells) + " |")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=POINTS)
    parser.add_argument("--store", nargs="+", choices=peers.STORES, default=list(peers.STORES))
    options = parser.parse_args()
    print("\n".join(lines(measure(options.store, options.points))))


if __name__ == "__main__":
    main()
