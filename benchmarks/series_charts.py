"""What a chart, a window of it and a page of history cost through the server: `python -m benchmarks.series_charts`.

A metric of 1 and of 10 million points (or `--points N …`), compacted, on SQLite; one point of each is a spike, which
every chart must show. The points are put into the store as a compaction does, since sending them takes minutes.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import load
from trackside.config import ServerSettings
from trackside.core.app import App
from trackside.core.experiments import create_default
from trackside.core.runs import NewRun, create
from trackside.model import Point
from trackside.store.database import Transaction
from trackside.store.series import blocks
from trackside.store.series.chunks import row_of, split
from trackside.store.series.points import Columns

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "protocol"))

import servers  # noqa: E402

SPIKE = 1e6


async def fill(folder: Path, count: int) -> str:
    """A store with a run of so many points of the metric `loss`; the run's id."""
    app = App.open(ServerSettings(data_dir=folder))
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


def measure(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="trackside-charts-") as folder:
        run = asyncio.run(fill(Path(folder) / "data", count))
        with servers.trackside(Path(folder)) as server:
            query = {"run_ids": [run], "metrics": ["loss"], "buckets": 800}
            tenth = {**query, "start": count // 2, "end": count // 2 + count // 10}
            near = {**query, "start": count // 3 - 300, "end": count // 3 + 300}
            for name, asked in (("whole", query), ("a tenth", tenth), ("600 points", near)):
                one = load.post("/api/trackside/v1/series/query", asked)
                (line,) = load.fetch(server.port, one)["series"]
                if name == "whole" and max(line["max"]) != SPIKE:
                    raise load.Refused("the spike is not on the chart")
                sample = load.repeat(server.port, one, 30)
                print(
                    f"{count:>11,} points, chart of {name:10} p50 {sample.percentile_ms(50):7.2f} ms"
                    f"  p90 {sample.percentile_ms(90):7.2f} ms  exact: {json.dumps(line['exact'])}",
                    flush=True,
                )
            path = f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss&max_results=25000"
            sample = load.repeat(server.port, load.request("GET", path), 5)
            print(
                f"{count:>11,} points, page of 25,000          p50 {sample.percentile_ms(50):7.2f} ms",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    for count in parser.parse_args().points:
        measure(count)


main()
