"""What becomes of a benchmark's result: rows, ratios, places in the docs, a picture. The measuring itself takes minutes."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import compare, plot, report

ABOUT = {
    "processor": "P", "cores": 2, "memory_gb": 8.0, "kernel": "6", "python": "3.11", "load_average": [1.0], "at": "now",
}  # fmt: skip


def result() -> dict:
    rates = {"trackside": 50.0, "mlflow": 5.0, "fasttrackml": 100.0}
    servers = {name: {"start_s": 1.0, "idle_mb": 2.0, "loaded_mb": 3.0} for name in rates}
    workloads = {
        "create": {name: {"median": {"per_s": rate}, "rounds": []} for name, rate in rates.items()},
        "search": {
            "trackside": {"median": {"by_param_p50_ms": 2.0}, "rounds": []},
            "mlflow": {"median": {"by_param_p50_ms": 8.0}, "rounds": []},
            "fasttrackml": {"median": {"by_param_p50_ms": None}, "rounds": []},
        },
        "large_file": {
            "trackside": {"median": {"up_mb_per_s": 9.0}, "rounds": []},
            "mlflow": {"median": {"up_mb_per_s": 9.0}, "rounds": []},
            "fasttrackml": {"median": {}, "rounds": []},
        },
    }
    size = {"rounds": 3, "seconds": 3, "runs": 10, "points": 10, "file_mb": 1}
    section = {
        "versions": dict.fromkeys(rates, "1"),
        "size": size,
        "generator_per_s": 1.0,
        "stores": {"sqlite": {"version": "SQLite", "servers": servers, "workloads": workloads}},
    }
    return {"machine": ABOUT, "compare": section}


def test_ratios_say_how_many_times_as_good_trackside_is() -> None:
    told = report.markdown(result())
    assert "runs/create, 8 connections: per second | 50 | 5 | 100 | 10.0x | 0.5x |" in told
    assert "by a param, p50, ms | 2.0 | 8.0 | refused | 4.0x | - |" in told


def test_a_load_that_a_peer_refuses_as_a_whole_is_shown_as_refused() -> None:
    assert "one large file: upload, MB/s | 9 | 9 | refused | 1.0x | - |" in report.markdown(result())


def test_a_figure_that_was_refused_once_has_no_median() -> None:
    rounds = [{"a": 1.0, "b": 1.0, "once": 7.0}, {"a": None, "b": 3.0}, {"a": 2.0, "b": 2.0}]
    assert compare.median(rounds) == {"a": None, "b": 2.0, "once": 7.0}


def test_every_part_has_its_place_in_the_docs() -> None:
    page = report.DOCS.read_text()
    assert all(page.count(f"benchmarks: {part} -->") == 2 for part in report.PARTS)


def test_a_result_replaces_its_parts_alone() -> None:
    page = "a\n<!-- benchmarks: compare -->\nold\n<!-- end of benchmarks: compare -->\nb\n<!-- benchmarks: soak -->\n"
    new = report.into_docs(result(), page)
    assert "old" not in new
    assert "| 10.0x |" in new
    assert new.startswith("a\n<!--")
    assert new.endswith("-->\nb\n<!-- benchmarks: soak -->\n")
    assert report.into_docs(result(), new) == new
    with pytest.raises(SystemExit):
        report.into_docs(result(), "no place")


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    plot.write(result(), tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").stat().st_size > 5_000
