"""Draws how many times as good Trackside is: `python -m benchmarks.plot RESULT.json [--to FILE]`.

One row for each store; rates on the left, latencies on the right; a bar for each peer. Without --to it is the picture of
docs/benchmarks.md.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.compare import better_by
from benchmarks.peers import ROOT, TITLES

IN_DOCS = ROOT / "docs" / "images" / "benchmarks.svg"

# Panel -> (load, figure, label), from the top.
PANELS: dict[str, list[tuple[str, str, str]]] = {
    "rates: times as high": [
        ("create", "per_s", "create runs"),
        ("log_metric_8", "per_s", "log-metric, 8 connections"),
        ("log_metric_1", "per_s", "log-metric, 1 connection"),
        ("log_batch_1000", "per_s", "log-batch, 1,000 metrics"),
        ("log_batch_100", "per_s", "log-batch, 100 metrics"),
        ("log_params", "per_s", "log-batch, 100 params"),
        ("small_files", "put_per_s", "10 kB files up"),
        ("small_files", "get_per_s", "10 kB files down"),
        ("large_file", "up_mb_per_s", "large file up"),
        ("large_file", "down_mb_per_s", "large file down"),
    ],
    "latencies (p50): times as short": [
        ("search", "default_p50_ms", "search, default order"),
        ("search", "by_metric_p50_ms", "search, by a metric"),
        ("search", "by_param_p50_ms", "search, by a param"),
        ("search", "filter_p50_ms", "search, filtered"),
        ("search", "all_pages_ms", "all runs, page by page"),
        ("history", "whole_p50_ms", "history, all points"),
        ("history", "chart_p50_ms", "history, for a chart"),
        ("create", "p50_ms", "create a run"),
        ("log_metric_8", "p50_ms", "log-metric, 8 connections"),
        ("log_batch_1000", "p50_ms", "log-batch, 1,000 metrics"),
    ],
}
COLOURS = {"mlflow": "#1f6fb4", "fasttrackml": "#e08a1e"}
BAR = 0.36


def ratios(store: dict[str, Any], panel: str) -> list[tuple[str, dict[str, float | None]]]:
    """Label -> peer -> ratio, of the loads that were measured; None where the peer refuses."""
    found = []
    for load, figure, label in PANELS[panel]:
        by_peer = {name: each["median"] for name, each in store["workloads"].get(load, {}).items()}
        ours = by_peer.get("trackside", {}).get(figure)
        if ours is not None:
            others = {name: figures.get(figure) for name, figures in by_peer.items() if name != "trackside"}
            found.append((label, {name: better_by(figure, ours, value) for name, value in others.items()}))
    return found


def bars(axes: Axes, rows: list[tuple[str, dict[str, float | None]]], names: list[str]) -> None:
    for number, (_, by_peer) in enumerate(rows):
        for place, name in enumerate(names):
            at, ratio = number + BAR * (place - (len(names) - 1) / 2), by_peer.get(name)
            if ratio is None:
                axes.text(1.06, at, "refused", va="center", fontsize=7, color=COLOURS[name], style="italic")
                continue
            # From 1 on: what is worse than a peer goes to the left.
            axes.barh(at, ratio - 1, BAR * 0.92, left=1, color=COLOURS[name])
            text = f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.1f}x"
            axes.annotate(
                text, (ratio, at), (3 if ratio >= 1 else -3, 0), textcoords="offset points", va="center",
                ha="left" if ratio >= 1 else "right", fontsize=7, color="#333",
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)


def dress(axes: Axes, panel: str, title: str, limits: tuple[float, float]) -> None:
    axes.set_title(f"{title}, {panel}", fontsize=9, loc="left")
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.axvline(1, color="#333", linewidth=0.8)
    axes.grid(axis="x", color="#ddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", which="both", length=0, labelsize=8)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def limits(values: list[float]) -> tuple[float, float]:
    """Of all axes, so that bars can be compared; room for the numbers at their ends."""
    return min(0.5, 0.5 * min(values, default=1)), 4 * max(values, default=10)


def write(result: dict[str, Any], target: Path) -> Path:
    """The picture of a result that has the part `compare`."""
    # Letters as shapes, for they look the same everywhere, and the same picture from the same figures.
    mpl.rcParams.update({"svg.hashsalt": "trackside", "font.family": "DejaVu Sans"})
    stores = list(result["compare"]["stores"].values())
    drawn = {(number, panel): ratios(store, panel) for number, store in enumerate(stores) for panel in PANELS}
    heights = [max(2, *(len(drawn[number, panel]) for panel in PANELS)) for number in range(len(stores))]
    figure = Figure(figsize=(9.6, 0.34 * sum(heights) + 0.9 * len(stores) + 0.4), layout="constrained")
    grid = figure.subplots(len(stores), len(PANELS), squeeze=False, height_ratios=heights)
    scale = limits([ratio for rows in drawn.values() for _, row in rows for ratio in row.values() if ratio])
    names: list[str] = []
    for (number, panel), rows in drawn.items():
        names = [name for name in stores[number]["servers"] if name != "trackside"]
        axes = grid[number][list(PANELS).index(panel)]
        bars(axes, rows, names)
        dress(axes, panel, stores[number]["version"], scale)
    handles = [Patch(color=COLOURS[name], label=f"Trackside against {TITLES[name]}") for name in names]
    figure.text(0.005, 0.995, "1x: equal; to its left: worse", va="top", fontsize=8, color="#555")
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False, fontsize=8)
    figure.savefig(target, dpi=130, metadata={"Date": None} if target.suffix == ".svg" else None)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", type=Path)
    parser.add_argument("--to", type=Path, default=IN_DOCS, help="an SVG or PNG")
    options = parser.parse_args()
    write(json.loads(options.result.read_text()), options.to)


if __name__ == "__main__":
    main()
