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

from benchmarks import load
from benchmarks.fill import fill_store
from benchmarks.load import fetch, post, request

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "protocol"))

import servers  # noqa: E402

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


def walk(port: int, question: dict[str, Any], pages: int) -> float:
    """Seconds for that many pages of 1,000, one after the other."""
    began, token, seen = time.perf_counter(), "", 0
    for _ in range(pages):
        answer = fetch(port, post(API, {**question, "max_results": 1000, "page_token": token}))
        seen, token = seen + len(answer["runs"]), answer.get("next_page_token", "")
        if not token:
            break
    if seen != pages * 1000:
        raise load.Refused(f"{pages} pages gave {seen} runs")
    return time.perf_counter() - began


def ask(port: int, experiment: str, reads: int) -> None:
    print(f"{'':32}{'first':>10}{'p50':>9}{'p99':>9}   ms")
    for name, question in QUESTIONS.items():
        one = post(API, {"experiment_ids": [experiment], "max_results": 100, **question})
        began = time.perf_counter()
        fetch(port, one)
        first = time.perf_counter() - began
        # The index is there when the answers have been as fast as ever for a while.
        best, last = first, time.perf_counter()
        while time.perf_counter() - last < 3:
            began = time.perf_counter()
            fetch(port, one)
            if (took := time.perf_counter() - began) < 0.7 * best:
                best, last = took, time.perf_counter()
            time.sleep(0.02)
        sample = load.repeat(port, one, reads)
        print(f"{name:32}{1000 * first:10.1f}{sample.percentile_ms(50):9.2f}{sample.percentile_ms(99):9.2f}")
    for name in ("newest first", "by metric"):
        question = {"experiment_ids": [experiment], **QUESTIONS[name]}
        print(f"10 pages of 1,000, {name:17}{1000 * walk(port, question, 10):10.0f}")
    columns = request("GET", f"/api/trackside/v1/experiments/{experiment}/columns")
    fetch(port, columns)
    time.sleep(3)
    sample = load.repeat(port, columns, reads)
    print(f"{'columns':32}{'':10}{sample.percentile_ms(50):9.2f}{sample.percentile_ms(99):9.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--reads", type=int, default=50)
    options = parser.parse_args()
    for runs in options.runs:
        with tempfile.TemporaryDirectory(prefix="trackside-bench-") as scratch:
            server = servers.trackside(Path(scratch))
            began = time.perf_counter()
            experiment = fill_store(server.folder / "data", "", runs)
            print(f"\n{runs:,} runs, written in {time.perf_counter() - began:.1f} s")
            server.start()
            try:
                ask(server.port, str(experiment), options.reads)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
