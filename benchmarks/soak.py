"""A lab at work for some minutes: `python -m benchmarks.soak` [--minutes 10] [--mlflow].

Eight trainers each log 100 metrics twice a second, each request at its time whether or not the last one was answered
late; two readers open the runs table and a chart once a second. Latency counts from when a request was due, so a
server that falls behind cannot hide it. Memory of the server is read every 10 s.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "protocol"))

import servers  # noqa: E402

API = "/api/2.0/mlflow"
TRAINERS, METRICS, EVERY_S = 8, 100, 0.5
READERS, OPENS_EVERY_S = 2, 1.0
MEMORY_EVERY_S = 10.0


@dataclass
class Seen:
    """Latencies in ms by what was asked, and the server's memory in MB over time."""

    latencies: dict[str, list[float]] = field(default_factory=dict)
    memory: list[float] = field(default_factory=list)
    late: int = 0  # requests that began after the next one was due

    def add(self, what: str, due: float) -> None:
        self.latencies.setdefault(what, []).append(1000 * (time.perf_counter() - due))


async def every(seconds: float, until: float, work: Callable[[float], Awaitable[None]], seen: Seen) -> None:
    """Do the work at its times; what is late is done at once, and counted."""
    due = time.perf_counter() + random.uniform(0, seconds)
    while due < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await work(due)
        due += seconds
        seen.late += time.perf_counter() > due


class Trainer:
    def __init__(self, http: httpx.AsyncClient, run_id: str, seen: Seen) -> None:
        self.http, self.run_id, self.seen, self.step = http, run_id, seen, 0

    async def log(self, due: float) -> None:
        self.step += 1
        now = int(time.time() * 1000)
        metrics = [
            {"key": f"layer{i}/loss", "value": random.random(), "timestamp": now, "step": self.step}
            for i in range(METRICS)
        ]
        answer = await self.http.post(
            f"{API}/runs/log-batch", json={"run_id": self.run_id, "metrics": metrics}
        )
        answer.raise_for_status()
        self.seen.add("log 100 metrics", due)


class Reader:
    def __init__(self, http: httpx.AsyncClient, runs: list[str], charts: str, seen: Seen) -> None:
        self.http, self.runs, self.charts, self.seen = http, runs, charts, seen

    async def open(self, due: float) -> None:
        page = {"experiment_ids": ["0"], "max_results": 100, "order_by": ["metrics.`layer0/loss` ASC"]}
        (await self.http.post(f"{API}/runs/search", json=page)).raise_for_status()
        self.seen.add("runs table", due)
        began = time.perf_counter()
        if self.charts == "trackside":
            asked = {"run_ids": self.runs, "metrics": ["layer1/loss"]}
            answer = await self.http.post("/api/trackside/v1/series/query", json=asked)
        else:
            query = {"run_ids": self.runs, "metric_key": "layer1/loss", "max_results": 320}
            answer = await self.http.get(
                "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", params=query
            )
        answer.raise_for_status()
        self.seen.add("chart of 8 runs", began)


async def soak(server: servers.Server, minutes: float) -> Seen:
    seen = Seen()
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        runs = []
        for _ in range(TRAINERS):
            made = await http.post(f"{API}/runs/create", json={"experiment_id": "0"})
            runs.append(made.json()["run"]["info"]["run_id"])
        until = time.perf_counter() + 60 * minutes
        trainers = [Trainer(http, run_id, seen).log for run_id in runs]
        readers = [Reader(http, runs, server.name, seen).open for _ in range(READERS)]
        await asyncio.gather(
            *(every(EVERY_S, until, work, seen) for work in trainers),
            *(every(OPENS_EVERY_S, until, work, seen) for work in readers),
            _memory(server, until, seen),
        )
    return seen


async def _memory(server: servers.Server, until: float, seen: Seen) -> None:
    while time.perf_counter() < until:
        if server.process:
            seen.memory.append(machine.memory_mb(server.process.pid))
        await asyncio.sleep(min(MEMORY_EVERY_S, max(0.0, until - time.perf_counter())))


def told(name: str, seen: Seen) -> None:
    for what, latencies in seen.latencies.items():
        ordered = sorted(latencies)
        p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * p))] for p in (0.5, 0.99))
        print(
            f"{name:10} {what:16} {len(ordered):6} x  p50 {p50:8.1f}  p99 {p99:8.1f}  max {ordered[-1]:8.1f} ms"
        )
    first, last = seen.memory[1 if len(seen.memory) > 1 else 0], seen.memory[-1]
    print(f"{name:10} memory {first:.0f} MB -> {last:.0f} MB; {seen.late} requests began late")


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--mlflow", action="store_true", help="a real MLflow afterwards")
    arguments.add_argument("--json", type=Path, help="where to write the figures too")
    wanted = arguments.parse_args()
    figures = {}
    for start in [servers.trackside, *([servers.mlflow] if wanted.mlflow else [])]:
        with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as server:
            urllib.request.urlopen(f"{server.url}/health").close()
            seen = asyncio.run(soak(server, wanted.minutes))
            told(server.name, seen)
            figures[server.name] = {
                "latencies_ms": seen.latencies,
                "memory_mb": seen.memory,
                "late": seen.late,
            }
    if wanted.json:
        wanted.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
