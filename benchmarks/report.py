"""A result as a table for people: limits first, then start and weight, then each load with the ratio."""

from typing import Any

from benchmarks.workloads import WORKLOADS

# Figure -> (what it is called, whether more is better, decimals).
SHOWN = {
    "start_s": ("start to the first 200, s", False, 2),
    "idle_mb": ("memory at rest (PSS), MB", False, 0),
    "loaded_mb": ("memory after the loads (PSS), MB", False, 0),
    "per_s": ("per second", True, 0),
    "p50_ms": ("p50, ms", False, 2),
    "p99_ms": ("p99, ms", False, 2),
    "default_p50_ms": ("default order, p50, ms", False, 1),
    "by_metric_p50_ms": ("by a metric, p50, ms", False, 1),
    "by_param_p50_ms": ("by a param, p50, ms", False, 1),
    "filter_p50_ms": ("filter on metric and param, p50, ms", False, 1),
    "all_pages_ms": ("all of them in pages of 1,000, ms", False, 0),
    "stored_per_s": ("points stored per second, 1 connection", True, 0),
    "whole_p50_ms": ("all points in one answer, p50, ms", False, 0),
    "chart_p50_ms": ("320 points for a chart, p50, ms", False, 1),
    "put_per_s": ("PUT per second", True, 0),
    "get_per_s": ("GET per second", True, 0),
    "get_p50_ms": ("GET p50, ms", False, 2),
    "up_mb_per_s": ("upload, MB/s", True, 0),
    "down_mb_per_s": ("download, MB/s", True, 0),
}


def row(title: str, figure: str, by_peer: dict[str, dict[str, float]]) -> str:
    name, more_is_better, decimals = SHOWN[figure]
    values = {peer: figures[figure] for peer, figures in by_peer.items()}
    cells = [f"{value:,.{decimals}f}" for value in values.values()]
    if len(values) == 2:
        ours, theirs = values["trackside"], values["mlflow"]
        cells.append(f"{ours / theirs if more_is_better else theirs / ours:,.1f}x")
    return f"| {title}: {name} | " + " | ".join(cells) + " |"


def table(result: dict[str, Any]) -> str:
    about, peers = result["machine"], list(result["servers"])
    names = {"trackside": f"Trackside {about['trackside']}", "mlflow": f"MLflow {result['mlflow']}"}
    head = [names[peer] for peer in peers] + (["better by"] if len(peers) == 2 else [])
    machine = (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, Linux {about['kernel']}"
    )
    limit = f"{result['generator_per_s']:,.0f} requests/s"
    lines = [
        f"{machine}, Python {about['python']}; load average before: {about['load_average'][0]}; {about['at']}.",
        f"Both on SQLite and a folder. The load comes from the same machine and can be at most {limit}.",
        f"Sizes: {result['size']}.",
        "",
        "| | " + " | ".join(head) + " |",
        "|---" * (len(head) + 1) + "|",
    ]
    lines += [row("server", figure, result["servers"]) for figure in ("start_s", "idle_mb", "loaded_mb")]
    for name, by_peer in result["workloads"].items():
        medians = {peer: each["median"] for peer, each in by_peer.items()}
        shown = [figure for figure in SHOWN if all(figure in figures for figures in medians.values())]
        lines += [row(WORKLOADS[name][0], figure, medians) for figure in shown]
    return "\n".join(lines)
