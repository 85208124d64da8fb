"""A lab at work for some minutes: `python -m benchmarks.soak` [--minutes 10] [--store sqlite] [--peers trackside].

Eight trainers each log 100 metrics twice a second, each request at its time whether or not the last one was answered
late; two readers open the runs table and a chart once a second. Latency counts from when a request was due, so a
server that falls behind cannot hide it. Memory of the server is read every 10 s.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import peers

API = "/api/2.0/mlflow"
TRAINERS, METRICS, EVERY_S = 8, 100, 0.5
READERS, OPENS_EVERY_S = 2, 1.0
MEMORY_EVERY_S = 10.0


@dataclass
class Seen:
    """By what was asked: seconds since the start and latency in ms of each; the server's memory in MB over time."""

    began: float = field(default_factory=time.perf_counter)
    latencies: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)
    late: int = 0  # requests that began after the next one was due
    refused: dict[str, int] = field(default_factory=dict)
    may_refuse: bool = False

    def add(self, what: str, due: float, answer: httpx.Response) -> None:
        if answer.status_code != 200 and self.may_refuse:
            self.refused[what] = self.refused.get(what, 0) + 1
            return
        answer.raise_for_status()
        self.latencies.setdefault(what, []).append((due - self.began, 1000 * (time.perf_counter() - due)))


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
        self.seen.add("log 100 metrics", due, answer)


class Reader:
    def __init__(self, http: httpx.AsyncClient, runs: list[str], charts: str, seen: Seen) -> None:
        self.http, self.runs, self.charts, self.seen = http, runs, charts, seen

    async def open(self, due: float) -> None:
        page = {"experiment_ids": ["0"], "max_results": 100, "order_by": ["metrics.`layer0/loss` ASC"]}
        self.seen.add("runs table", due, await self.http.post(f"{API}/runs/search", json=page))
        began = time.perf_counter()
        if self.charts == "trackside":
            asked = {"run_ids": self.runs, "metrics": ["layer1/loss"]}
            answer = await self.http.post("/api/trackside/v1/series/query", json=asked)
        else:
            query = {"run_ids": self.runs, "metric_key": "layer1/loss", "max_results": 320}
            answer = await self.http.get(
                "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", params=query
            )
        self.seen.add("chart of 8 runs", began, answer)


async def soak(peer: peers.Peer, minutes: float) -> Seen:
    seen = Seen(may_refuse=not peer.is_ours)
    async with httpx.AsyncClient(base_url=peer.server.url, timeout=60) as http:
        runs = []
        for _ in range(TRAINERS):
            made = await http.post(f"{API}/runs/create", json={"experiment_id": "0"})
            runs.append(made.json()["run"]["info"]["run_id"])
        until = time.perf_counter() + 60 * minutes
        trainers = [Trainer(http, run_id, seen).log for run_id in runs]
        readers = [Reader(http, runs, peer.name, seen).open for _ in range(READERS)]
        await asyncio.gather(
            *(every(EVERY_S, until, work, seen) for work in trainers),
            *(every(OPENS_EVERY_S, until, work, seen) for work in readers),
            _memory(peer, until, seen),
        )
    return seen


async def _memory(peer: peers.Peer, until: float, seen: Seen) -> None:
    while time.perf_counter() < until:
        seen.memory.append((time.perf_counter() - seen.began, peer.memory_mb()))
        await asyncio.sleep(min(MEMORY_EVERY_S, max(0.0, until - time.perf_counter())))


def percentile(latencies: list[float], percent: float) -> float:
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def summary(seen: Seen) -> dict[str, Any]:
    """Percentiles of each kind of request, as a whole and of each minute; memory as it went."""
    kinds: dict[str, Any] = {}
    for what, samples in sorted(seen.latencies.items()):
        latencies = [latency for _, latency in samples]
        minutes: dict[int, list[float]] = {}
        for at, latency in samples:
            minutes.setdefault(int(at // 60), []).append(latency)
        kinds[what] = {
            "requests": len(samples),
            "p50_ms": percentile(latencies, 50),
            "p99_ms": percentile(latencies, 99),
            "max_ms": max(latencies),
            "p99_ms_by_minute": [round(percentile(minutes[number], 99), 1) for number in sorted(minutes)],
        }
    memory = [[round(at), round(megabytes, 1)] for at, megabytes in seen.memory]
    return {"kinds": kinds, "memory_mb": memory, "late": seen.late, "refused": seen.refused}


def measure(stores: list[str], names: list[str], minutes: float) -> dict[str, Any]:
    """Store -> server -> what it did: one server at a time."""
    result: dict[str, Any] = {"minutes": minutes, "stores": {}}
    for place in stores:
        with peers.opened(place) as store:
            by_peer: dict[str, Any] = {}
            for name in names:
                print(f"-- {name} on {place}, {minutes:g} minutes", file=sys.stderr, flush=True)
                with tempfile.TemporaryDirectory(prefix="trackside-soak-") as folder:
                    peer = peers.peer(name, Path(folder) / name, store)
                    with peer.server:
                        before = peer.cpu()
                        by_peer[name] = summary(asyncio.run(soak(peer, minutes)))
                        by_peer[name]["cpu_percent"] = 100 * (peer.cpu() - before) / (60 * minutes)
            result["stores"][place] = {"version": store.version, "peers": by_peer}
    return result


def lines(section: dict[str, Any]) -> list[str]:
    told = [
        (
            f"{section['minutes']:g} minutes of {TRAINERS} trainers that log {METRICS} metrics every {EVERY_S} s, and "
            f"{READERS} readers; latency in ms from when a request was due."
        ),
        "",
        "| | requests | p50 | p99 | most | p99 of each minute |",
        "|---|---|---|---|---|---|",
    ]
    rest = []
    for store in section["stores"].values():
        for name, each in store["peers"].items():
            title = f"{peers.TITLES[name]}, {store['version']}"
            for what, kind in each["kinds"].items():
                minutes = " ".join(f"{p99:,.0f}" for p99 in kind["p99_ms_by_minute"])
                told.append(
                    f"| {title}: {what} | {kind['requests']:,} | {kind['p50_ms']:,.0f} | {kind['p99_ms']:,.0f} | "
                    f"{kind['max_ms']:,.0f} | {minutes} |"
                )
            rest += ["", _rest(title, each)]
    return [*told, *rest]


def _rest(title: str, each: dict[str, Any]) -> str:
    memory = each["memory_mb"]
    # One reading of each minute is enough to see where it goes.
    told = " ".join(f"{megabytes:,.0f}" for _, megabytes in memory[::6])
    refused = "".join(
        f" {count} requests for {what} were refused." for what, count in each["refused"].items()
    )
    return (
        f"{title}: memory by the minute {told}, at the end {memory[-1][1]:,.0f} MB; {each['cpu_percent']:.0f} % of a "
        f"core; {each['late']} requests began late.{refused}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--store", nargs="+", choices=peers.STORES, default=["sqlite"])
    parser.add_argument("--peers", nargs="+", choices=peers.NAMES, default=["trackside"])
    options = parser.parse_args()
    print("\n".join(lines(measure(options.store, options.peers, options.minutes))))


if __name__ == "__main__":
    main()
