"""Starts both servers, applies each load to one after the other, round by round, and prints medians and ratios."""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.report import table
from benchmarks.workloads import FULL, QUICK, WORKLOADS, Figures, Size, warm_up

ROOT = Path(__file__).resolve().parents[1]
# The tests start the same servers in the same way.
sys.path.insert(0, str(ROOT / "tests" / "protocol"))

import servers  # noqa: E402

Server = servers.Server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round of each: shows that it works, no more"
    )
    parser.add_argument(
        "--only", nargs="+", choices=WORKLOADS, metavar="LOAD", help=f"of {', '.join(WORKLOADS)}"
    )
    parser.add_argument("--runs", type=int, help="runs to search in")
    parser.add_argument("--without-mlflow", action="store_true", help="Trackside alone")
    return parser.parse_args()


def started(server: Server, size: Size) -> Figures:
    """Start it; how long to the first 200, and what it weighs when it has come to rest."""
    seconds = server.start()
    assert server.process is not None
    machine.wait_until_quiet(server.process.pid, 20 if size.rounds == 1 else 60)
    figures = {"start_s": seconds, "idle_mb": machine.memory_mb(server.process.pid)}
    warm_up(server.port, size)
    return figures


def medians(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def measure(running: list[Server], names: list[str], size: Size) -> dict[str, dict[str, Any]]:
    """Workload -> server -> its rounds and their medians. The servers take turns, so that both see the same machine."""
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        title, workload = WORKLOADS[name]
        print(f"-- {title}", file=sys.stderr, flush=True)
        rounds: dict[str, list[Figures]] = {server.name: [] for server in running}
        for _ in range(size.rounds):
            for server in running:
                rounds[server.name].append(workload(server.port, size))
        results[name] = {peer: {"median": medians(each), "rounds": each} for peer, each in rounds.items()}
    return results


def main() -> None:
    options = arguments()
    size = QUICK if options.quick else FULL
    if options.runs:
        size = Size(**{**size.__dict__, "runs": options.runs})
    with tempfile.TemporaryDirectory(prefix="trackside-bench-") as scratch:
        peers = [servers.trackside(Path(scratch) / "trackside")]
        if not options.without_mlflow:
            peers.append(servers.mlflow(Path(scratch) / "mlflow", workers=4, jobs=True))
        result: dict[str, Any] = {
            "machine": machine.describe(),
            "mlflow": servers.AUTHORITY,
            "size": size.__dict__,
        }
        result["generator_per_s"] = machine.limit(min(2, size.seconds))
        try:
            result["servers"] = {server.name: started(server, size) for server in peers}
            result["workloads"] = measure(peers, options.only or list(WORKLOADS), size)
            for server in peers:
                assert server.process is not None
                result["servers"][server.name]["loaded_mb"] = machine.memory_mb(server.process.pid)
                result["servers"][server.name]["disk_mb"] = machine.disk_bytes(server.folder) / 1e6
        finally:
            for server in peers:
                server.stop()
    print(table(result))
    folder = ROOT / "benchmarks" / "results"
    folder.mkdir(exist_ok=True)
    written = folder / f"{time.strftime('%Y%m%d-%H%M%S')}{'-quick' if options.quick else ''}.json"
    written.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nEvery round: {written.relative_to(ROOT)}")


main()
