"""Searches in experiments of 10,000, 100,000 and 1,000,000 runs, Trackside alone: `python -m benchmarks.search`.

The stores are written directly (`benchmarks.fill`); then a server answers, one request at a time over one connection.
Each order and filter is asked for once before, which makes its index, and the time until that is there is told.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import load, peers
from benchmarks.fill import fill_store
from benchmarks.load import fetch, post, request
from benchmarks.workloads import Figures

RUNS = [10_000, 100_000, 1_000_000]
PAGES = 10
QUESTIONS: dict[str, dict[str, Any]] = {
    "newest first": {},
    "by metric": {"order_by": ["metrics.m0 DESC"]},
    "by param": {"order_by": ["params.p1 ASC"]},
    "by tag": {"order_by": ["tags.t0 ASC"]},
    "by duration": {"order_by": ["duration DESC"]},
    "filter on metric and param": {"filter": "metrics.m0 > 5000 and params.p1 = '7'"},
    "the same, by another metric": {
        "filter": "metrics.m0 > 5000 and params.p1 = '7'",
        "order_by": ["metrics.m1 ASC"],
    },
    "one run by its param": {"filter": "params.p0 = '777'"},
}
API = "/api/2.0/mlflow/runs/search"


def walk(port: int, question: dict[str, Any]) -> Figures:
    """Pages of 1,000, one after the other: how long all of them take, and the last."""
    taken: list[float] = []
    token, seen = "", 0
    for _ in range(PAGES):
        began = time.perf_counter()
        answer = fetch(port, post(API, {**question, "max_results": 1000, "page_token": token}))
        taken.append(1000 * (time.perf_counter() - began))
        seen, token = seen + len(answer["runs"]), answer.get("next_page_token", "")
        if not token:
            break
    if token and seen != PAGES * 1000:
        raise load.Refused(f"{PAGES} pages gave {seen} runs")
    return {"all_ms": sum(taken), "last_ms": taken[-1]}


def until_indexed(port: int, one: bytes) -> float:
    """Milliseconds of the first answer; returns when the answers have been as fast as ever for a while."""
    began = time.perf_counter()
    fetch(port, one)
    first = best = time.perf_counter() - began
    last = time.perf_counter()
    while time.perf_counter() - last < 3:
        began = time.perf_counter()
        fetch(port, one)
        if (took := time.perf_counter() - began) < 0.7 * best:
            best, last = took, time.perf_counter()
        time.sleep(0.02)
    return 1000 * first


def asked(port: int, one: bytes, reads: int) -> Figures:
    first = until_indexed(port, one)
    sample = load.repeat(port, one, reads)
    return {"first_ms": first, "p50_ms": sample.percentile_ms(50), "p99_ms": sample.percentile_ms(99)}


def ask(port: int, experiment: str, reads: int) -> dict[str, Figures]:
    figures: dict[str, Figures] = {}
    for name, question in QUESTIONS.items():
        one = post(API, {"experiment_ids": [experiment], "max_results": 100, **question})
        figures[name] = asked(port, one, reads)
    for name in ("newest first", "by metric"):
        figures[f"{PAGES} pages of 1,000, {name}"] = walk(
            port, {"experiment_ids": [experiment], **QUESTIONS[name]}
        )
    columns = request("GET", f"/api/trackside/v1/experiments/{experiment}/columns")
    figures["keys of all runs, for the table's columns"] = asked(port, columns, reads)
    return figures


def in_a_store(store: peers.Store, runs: int, reads: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="trackside-bench-") as scratch:
        peer = peers.peer("trackside", Path(scratch), store)
        began = time.perf_counter()
        experiment = fill_store(peer.server.folder / "data", peer.url, runs)
        written = time.perf_counter() - began
        print(f"-- {store.name}: {runs:,} runs, written in {written:.1f} s", file=sys.stderr, flush=True)
        with peer.server:
            return {"written_s": written, "questions": ask(peer.port, str(experiment), reads)}


def measure(stores: list[str], counts: list[int], reads: int) -> dict[str, Any]:
    """Store -> number of runs -> what was asked -> figures."""
    result: dict[str, Any] = {}
    for name in stores:
        with peers.opened(name) as store:
            by_count = {str(runs): in_a_store(store, runs, reads) for runs in counts}
            result[name] = {"version": store.version, "runs": by_count}
    return result


def lines(section: dict[str, Any]) -> list[str]:
    told = [
        "Milliseconds over HTTP: p50 / p99 (the first answer, before there is an index); pages: all / the last."
    ]
    for store in section.values():
        counts = list(store["runs"])
        told += ["", f"| {store['version']} | " + " | ".join(f"{int(runs):,} runs" for runs in counts) + " |"]
        told.append("|---" * (len(counts) + 1) + "|")
        for name in store["runs"][counts[0]]["questions"]:
            cells = [_cell(store["runs"][runs]["questions"][name]) for runs in counts]
            told.append(f"| {name} | " + " | ".join(cells) + " |")
    return told


def _cell(figures: dict[str, float]) -> str:
    if "all_ms" in figures:
        return f"{figures['all_ms']:,.0f} / {figures['last_ms']:,.0f}"
    return f"{figures['p50_ms']:,.1f} / {figures['p99_ms']:,.1f} ({figures['first_ms']:,.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=RUNS)
    parser.add_argument("--reads", type=int, default=100)
    parser.add_argument("--store", nargs="+", choices=peers.STORES, default=list(peers.STORES))
    options = parser.parse_args()
    print("\n".join(lines(measure(options.store, options.runs, options.reads))))


if __name__ == "__main__":
    main()
