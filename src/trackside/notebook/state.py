"""What is to be drawn: a run with its charts, or several with one metric compared."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trackside.notebook.best import Best

LIVE = ("RUNNING", "SCHEDULED")
COLOURS = 8  # that can be told apart


@dataclass(frozen=True)
class Line:
    """A metric of a run. Where `low` and `high` are empty, `y` has every point."""

    metric: str
    label: str  # among the lines of its chart
    x: list[float]
    y: list[float]
    low: list[float]
    high: list[float]
    marks: list[tuple[float, str]]  # (x, "NaN", "Infinity" or "-Infinity")
    points: int
    latest: float | None = None
    start: float | None = None  # where its first bucket begins; `x` says where it ends

    @property
    def across(self) -> list[float]:
        """Every place on the axis that something of it stands at."""
        return self.x + [x for x, _ in self.marks] + ([] if self.start is None else [self.start])


@dataclass(frozen=True)
class Chart:
    """Lines that share their axes."""

    title: str
    lines: list[Line]
    axis: str  # "step", or "relative": ms since the run's start
    is_percent: bool = False

    @property
    def is_at_one_step(self) -> bool:
        """Whether several points of a line are at one and the same step, so that steps tell nothing."""
        places = {x for line in self.lines for x in line.across}
        return len(places) == 1 and any(line.points > 1 for line in self.lines)


@dataclass(frozen=True)
class Progress:
    """How far a run is; `total` is known where a parameter such as `epochs` says it."""

    unit: str
    done: int
    total: int | None


@dataclass(frozen=True)
class RunState:
    """One run as it is now."""

    run_id: str
    name: str
    experiment_id: str
    experiment: str
    status: str
    start_ms: int | None
    end_ms: int | None
    params: dict[str, str]
    progress: Progress | None
    values: dict[str, float]  # latest, of what no chart shows
    charts: list[Chart]
    system: list[Chart]
    left_out: int  # charts beyond the first few

    @property
    def is_live(self) -> bool:
        """Whether it may still change."""
        return self.status in LIVE


@dataclass(frozen=True)
class Row:
    """A run in a table."""

    run_id: str
    name: str
    status: str
    start_ms: int | None
    end_ms: int | None
    params: list[str | None]
    last: float | None
    best: float | None

    @property
    def has_best(self) -> bool:
        """Whether it has a best value that is a number."""
        return self.best is not None and math.isfinite(self.best)


@dataclass(frozen=True)
class SearchState:
    """Several runs as they are now, with one metric compared."""

    title: str
    experiment_id: str | None
    total: int
    rows: list[Row]
    params: list[str]
    metric: str | None
    best: Best | None  # which of its values; None: nobody knows
    chart: Chart | None
    inks: dict[str, int]  # by run: its colour; a run without one is grey
    note: str = ""

    @property
    def is_live(self) -> bool:
        """Whether one of them may still change."""
        return any(row.status in LIVE for row in self.rows)


def ranked(rows: list[Row], best: Best | None) -> list[Row]:
    """The best first, then those without a value, the newest first."""
    newest = sorted(rows, key=lambda row: -(row.start_ms or 0))
    known = [row for row in newest if row.has_best]
    known.sort(key=lambda row: (row.best or 0.0) * (-1 if best == "max" else 1))
    return known + [row for row in newest if not row.has_best]


def best_of(state: SearchState) -> Row | None:
    """The row with the best value of the metric, where it is known which that is."""
    return next((row for row in ranked(state.rows, state.best) if row.has_best), None)
