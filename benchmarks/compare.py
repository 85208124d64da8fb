"""The same load on Trackside, MLflow and FastTrackML, on SQLite and on PostgreSQL.

One store at a time, so that fewer servers wait beside the one that is measured; on each, the servers take turns round by
round, so that all see the same machine.
"""

import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine, peers
from benchmarks.peers import TITLES, Peer
from benchmarks.workloads import WORKLOADS, Figures, Size, bytes_per_point, unless_refused, warm_up

# Files do not go to a database: the loads that are left out on the second store.
FILES = ("small_files", "large_file")

# Figure -> (what it is called, whether more is better or None where that is no question, decimals).
SHOWN: dict[str, tuple[str, bool | None, int]] = {
    "start_s": ("start to the first 200, s", False, 2),
    "idle_mb": ("memory at rest (PSS), MB", False, 0),
    "loaded_mb": ("memory after the loads (PSS), MB", False, 0),
    "bytes_per_point": ("bytes in the database for each metric point", False, 1),
    "per_s": ("per second", True, 0),
    "p50_ms": ("p50, ms", False, 2),
    "p99_ms": ("p99, ms", False, 2),
    "cpu_us": ("processor time of the server a request, µs", False, 0),
    "generator_percent": ("load generator, % of a core", None, 0),
    "default_p50_ms": ("default order, p50, ms", False, 1),
    "default_p99_ms": ("default order, p99, ms", False, 1),
    "by_metric_p50_ms": ("by a metric, p50, ms", False, 1),
    "by_metric_p99_ms": ("by a metric, p99, ms", False, 1),
    "by_param_p50_ms": ("by a param, p50, ms", False, 1),
    "by_param_p99_ms": ("by a param, p99, ms", False, 1),
    "filter_p50_ms": ("filter on metric and param, p50, ms", False, 1),
    "filter_p99_ms": ("filter on metric and param, p99, ms", False, 1),
    "filter_by_metric_p50_ms": ("the same by another metric, p50, ms", False, 1),
    "filter_by_metric_p99_ms": ("the same by another metric, p99, ms", False, 1),
    "all_pages_ms": ("all of them in pages of 1,000, ms", False, 0),
    "slowest_page_ms": ("the slowest of these pages, ms", False, 0),
    "last_page_ms": ("the last of these pages, ms", False, 0),
    "stored_per_s": ("points stored per second, 1 connection", True, 0),
    "whole_p50_ms": ("all points in one answer, p50, ms", False, 0),
    "chart_p50_ms": ("320 points for a chart, p50, ms", False, 1),
    "chart_p99_ms": ("320 points for a chart, p99, ms", False, 1),
    "put_per_s": ("PUT per second", True, 0),
    "get_per_s": ("GET per second", True, 0),
    "get_p50_ms": ("GET p50, ms", False, 2),
    "up_mb_per_s": ("upload, MB/s", True, 0),
    "down_mb_per_s": ("download, MB/s", True, 0),
}


def started(peer: Peer, size: Size, weighs_points: bool) -> Figures:
    """Start it; how long to the first 200, what it weighs when it has come to rest, and what a point does."""
    seconds = peer.server.start()
    machine.wait_until_quiet(peer.pid, 20 if size.rounds == 1 else 60)
    figures: Figures = {"start_s": seconds, "idle_mb": peer.memory_mb()}
    if weighs_points:
        figures["bytes_per_point"] = bytes_per_point(peer, size.points)
    warm_up(peer, size)
    return figures


def median(rounds: list[Figures]) -> Figures:
    """Of each figure, over the rounds that have it; None where it was refused."""
    figures: Figures = {}
    for name in dict.fromkeys(name for figures_of in rounds for name in figures_of):
        given = [each[name] for each in rounds if name in each]
        values = [value for value in given if value is not None]
        figures[name] = statistics.median(values) if len(values) == len(given) else None
    return figures


def rounds(running: list[Peer], names: list[str], size: Size) -> dict[str, dict[str, Any]]:
    """Workload -> server -> its rounds and their medians; none of a load that a peer refuses as a whole."""
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        title, workload = WORKLOADS[name]
        print(f"-- {title}", file=sys.stderr, flush=True)
        seen: dict[str, list[Figures]] = {peer.name: [] for peer in running}
        refusing: set[str] = set()
        for _ in range(size.rounds):
            for peer in running:
                if peer.name in refusing:
                    continue
                figures = unless_refused(peer, [], partial(workload, peer, size))
                if figures:
                    seen[peer.name].append(figures)
                elif not seen[peer.name]:
                    refusing.add(peer.name)
        results[name] = {peer: {"median": median(each), "rounds": each} for peer, each in seen.items()}
    return results


def on_store(store: peers.Store, names: list[str], loads: list[str], size: Size) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="trackside-bench-") as scratch,
        peers.running(names, store, Path(scratch)) as running,
    ):
        result: dict[str, Any] = {
            "version": store.version,
            "servers": {peer.name: started(peer, size, "history" in loads) for peer in running},
        }
        result["workloads"] = rounds(running, loads, size)
        for peer in running:
            result["servers"][peer.name]["loaded_mb"] = peer.memory_mb()
    return result


def measure(stores: list[str], names: list[str], loads: list[str], size: Size) -> dict[str, Any]:
    result: dict[str, Any] = {
        "versions": peers.versions(),
        "size": size.__dict__,
        "generator_per_s": machine.limit(min(2, size.seconds)),
        "stores": {},
    }
    for number, name in enumerate(stores):
        print(f"== {name}", file=sys.stderr, flush=True)
        wanted = [load for load in loads if number == 0 or load not in FILES]
        with peers.opened(name) as store:
            result["stores"][name] = on_store(store, names, wanted, size)
    return result


# --- shown -------------------------------------------------------------------


def better_by(figure: str, ours: float | None, theirs: float | None) -> float | None:
    """How many times as good Trackside is; None where one of both has no such figure."""
    more_is_better = SHOWN[figure][1]
    if not ours or not theirs or more_is_better is None:
        return None
    return ours / theirs if more_is_better else theirs / ours


def times(ratio: float) -> str:
    return f"{ratio:,.1f}x" if ratio >= 0.1 else f"{ratio:.2g}x"


def row(title: str, figure: str, by_peer: dict[str, Figures]) -> str:
    name, _, decimals = SHOWN[figure]
    values = {peer: figures.get(figure) for peer, figures in by_peer.items()}
    cells = ["refused" if value is None else f"{value:,.{decimals}f}" for value in values.values()]
    for peer, value in values.items():
        if peer != "trackside" and "trackside" in values:
            ratio = better_by(figure, values["trackside"], value)
            cells.append("-" if ratio is None else times(ratio))
    return f"| {title}: {name} | " + " | ".join(cells) + " |"


def rows(title: str, by_peer: dict[str, Figures]) -> list[str]:
    """Of each figure that any of the servers has."""
    shown = [figure for figure in SHOWN if any(figure in figures for figures in by_peer.values())]
    return [row(title, figure, by_peer) for figure in shown]


def table(store: dict[str, Any], versions: dict[str, str]) -> list[str]:
    names = list(store["servers"])
    head = [f"{TITLES[name]} {versions[name]}" for name in names]
    if "trackside" in names:
        head += [f"better than {TITLES[name]} by" for name in names if name != "trackside"]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    lines += rows("server", store["servers"])
    for name, by_peer in store["workloads"].items():
        lines += rows(WORKLOADS[name][0], {peer: each["median"] for peer, each in by_peer.items()})
    return lines


def lines(section: dict[str, Any]) -> list[str]:
    size = section["size"]
    told = [
        (
            f"Medians of {size['rounds']} rounds of {size['seconds']} s; searches in {size['runs']:,} runs, histories of "
            f"{size['points']:,} points, a file of {size['file_mb']} MB."
        ),
        f"The load comes from the same machine and can be at most {section['generator_per_s']:,.0f} requests/s.",
    ]
    for store in section["stores"].values():
        told += ["", f"**{store['version']}**", "", *table(store, section["versions"])]
    return told
