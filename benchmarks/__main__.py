"""Measures Trackside beside MLflow and FastTrackML on this machine; prints tables, writes JSON and Markdown.

Without options the servers are compared on SQLite and PostgreSQL, in about 25 minutes. --all adds what takes long:
experiments of a million runs, series of 10 million points, bytes a point, artifacts on S3, and the soak.
"""

import argparse
import sys
from dataclasses import replace
from typing import Any

from benchmarks import (
    artifacts,
    compare,
    machine,
    peers,
    plot,
    report,
    search,
    series_charts,
    series_size,
    soak,
)
from benchmarks.workloads import FULL, QUICK, WORKLOADS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="little of everything: shows that it works, no more")
    add("--all", action="store_true", help="every part")
    add("--parts", nargs="+", choices=report.PARTS, default=["compare"], help="these instead of `compare`")
    add("--store", nargs="+", choices=peers.STORES, default=list(peers.STORES))
    add("--peers", nargs="+", choices=peers.NAMES, default=list(peers.NAMES), help="servers to compare")
    add(
        "--only",
        nargs="+",
        choices=WORKLOADS,
        default=list(WORKLOADS),
        metavar="LOAD",
        help=f"loads of `compare`: {', '.join(WORKLOADS)}",
    )
    add(
        "--runs",
        type=int,
        help="runs that `compare` searches in; MLflow on SQLite takes 35 ms to be given one",
    )
    add("--minutes", type=float, default=10, help="of the soak, for each of its servers")
    add("--docs", action="store_true", help="put tables and plot into docs/ as well")
    return parser.parse_args()


def measured(part: str, options: argparse.Namespace) -> dict[str, Any]:
    """The result of one part, small if it is to be quick."""
    quick, stores = options.quick, options.store
    with_mlflow = [name for name in options.peers if name != "fasttrackml"]
    if part == "compare":
        size = QUICK if quick else FULL
        size = replace(size, runs=options.runs or size.runs)
        return compare.measure(stores, options.peers, options.only, size)
    if part == "search":
        return search.measure(stores, [1000, 2000] if quick else search.RUNS, 10 if quick else 100)
    if part == "charts":
        return series_charts.measure(stores, [100_000] if quick else series_charts.POINTS)
    if part == "size":
        return series_size.measure(stores, 10_000 if quick else series_size.LONG)
    if part == "artifacts":
        return artifacts.measure(with_mlflow, *((16, 40, 1) if quick else (512, 500, 3)))
    return soak.measure(stores, with_mlflow, 0.2 if quick else options.minutes)


def main() -> None:
    options = arguments()
    target = report.place("quick" if options.quick else "bench")
    result: dict[str, Any] = {"machine": machine.describe()}
    for part in report.PARTS if options.all else options.parts:
        print(f"==== {report.PARTS[part][0]}", file=sys.stderr, flush=True)
        result[part] = measured(part, options)
        print(f"\n{report.section(result, part)}\n", flush=True)
        report.write(result, target)  # after each part: what comes later may fail
        if part == "compare":
            plot.write(result, target.with_suffix(".svg"))
    print(f"Every figure: {target.relative_to(report.ROOT)}, and tables and plot of the same name")
    if options.docs:
        report.DOCS.write_text(report.into_docs(result, report.DOCS.read_text()))
        if "compare" in result:
            plot.write(result, plot.IN_DOCS)


if __name__ == "__main__":
    main()
