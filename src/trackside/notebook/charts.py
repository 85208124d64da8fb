"""Line charts as SVG, stretched to their place; the numbers beside them are HTML, so that they stay in shape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from trackside.notebook.html import Html, el, joined
from trackside.notebook.state import COLOURS, Chart, Line
from trackside.notebook.words import cut, duration, number, short

SIDE = 1000  # the drawing's own units, each way
MOST_MARKS = 20


def chart(drawn: Chart, colours: Sequence[int | None] | None = None, told: str = "") -> Html:
    """A chart with its name, its latest values and its axes.

    `colours` makes it tall and without a legend: it has a number for each line, or None where it is to be grey;
    `told` is said beside the chart's name.
    """
    inks = list(range(len(drawn.lines)) if colours is None else colours)
    xs = _range(line.across for line in drawn.lines)
    ys = (0.0, 100.0) if drawn.is_percent else _range(_heights(line) for line in drawn.lines)
    ticks = [0.0, 50.0, 100.0] if drawn.is_percent else _ticks(*ys)
    low, high = min(ticks[0], ys[0]), max(ticks[-1], ys[1])
    if not any(line.y for line in drawn.lines):
        ticks = []  # nothing lies between them
    inside = [_grid(ticks, low, high)]
    # The grey ones first: they lie below the others.
    for line, ink in sorted(zip(drawn.lines, inks, strict=True), key=lambda each: each[1] is not None):
        inside += _drawn(line, ink, xs, (low, high))
    plot = el(
        "div",
        el("svg", inside, viewBox=f"0 0 {SIDE} {SIDE}", preserveAspectRatio="none", aria_hidden="true"),
        [
            el("span", short(tick), class_="y", style=_at("top", 1 - _place(tick, low, high)))
            for tick in ticks
        ],
        [_marks(line, ink, xs, drawn.axis) for line, ink in zip(drawn.lines, inks, strict=True)],
        class_="plot" if colours is None else "plot tall",
    )
    caption = _caption(drawn, inks) if colours is None else _titled(drawn, el("span", told, class_="dim"))
    return el("div", caption, plot, _foot(drawn), class_="chart")


def swatch(ink: int | None) -> Html:
    """The colour of a line, to stand beside its name."""
    return el("i", class_=f"swatch {_colour(ink)}")


def _colour(ink: int | None) -> str:
    """Its class; beyond the colours there are they come again, dashed."""
    if ink is None:
        return "grey"
    return f"c{ink % COLOURS}{' dashed' if ink >= COLOURS else ''}"


def _titled(drawn: Chart, beside: Html) -> Html:
    return el("div", el("b", cut(drawn.title, 60), title=drawn.title), beside, class_="caption")


def _caption(drawn: Chart, inks: list[int | None]) -> Html:
    if len(drawn.lines) == 1:
        return _titled(drawn, el("span", number(drawn.lines[0].latest), class_="value"))
    values = [
        el("span", swatch(ink), cut(line.label, 30), " ", el("span", number(line.latest), class_="value"))
        for line, ink in zip(drawn.lines, inks, strict=True)
    ]
    return _titled(drawn, el("span", values, class_="legend"))


def _foot(drawn: Chart) -> Html:
    """Where the axis begins and ends; a single place is in the middle."""
    known = [x for line in drawn.lines for x in line.across]
    if not known:
        return el("div", el("span", "no points yet"), class_="x")
    first, last = min(known), max(known)
    if first == last:
        return el("div", el("span", _where(last, drawn.axis)), class_="x one")
    start = duration(first) if drawn.axis == "relative" else number(first)
    return el("div", el("span", start), el("span", _where(last, drawn.axis)), class_="x")


def _where(x: float, axis: str) -> str:
    return duration(x) if axis == "relative" else f"step {number(x)}"


def _grid(ticks: list[float], low: float, high: float) -> Html:
    lines = (f"M0 {_y(tick, low, high)}H{SIDE}" for tick in ticks)
    return el("path", d="".join(lines), class_="grid")


def _drawn(line: Line, ink: int | None, xs: tuple[float, float], ys: tuple[float, float]) -> list[Html]:
    """Band of least and greatest values, line of last ones, a dot at the end."""
    if not line.x:
        return []
    across = [round(_place(x, *xs) * SIDE) for x in line.x]
    colour = _colour(ink)
    inside = []
    if line.low and ink is not None:
        top = [f"{x} {_y(value, *ys)}" for x, value in zip(across, line.high, strict=True)]
        bottom = [f"{x} {_y(value, *ys)}" for x, value in zip(across, line.low, strict=True)]
        inside.append(el("path", d=f"M{'L'.join(top + bottom[::-1])}Z", class_=f"band {colour}"))
    points = [f"{x} {_y(value, *ys)}" for x, value in zip(across, line.y, strict=True)]
    inside.append(el("path", d=f"M{'L'.join(points)}", class_=f"line {colour}"))
    # A line of no length with round ends: a dot that stays round when the drawing is stretched.
    inside.append(el("path", d=f"M{points[-1]}h0", class_=f"dot {colour}"))
    return inside


def _marks(line: Line, ink: int | None, xs: tuple[float, float], axis: str) -> Html:
    """Crosses at the foot for values that no line can show."""
    crosses = []
    for x, kind in line.marks[-MOST_MARKS:]:
        told = f"{line.label}: {kind} at {_where(x, axis)}"
        at = _at("left", _place(x, *xs))
        crosses.append(el("span", "\u00d7", class_=f"mark {_colour(ink)}", style=at, title=told))
    return joined(crosses)


def _heights(line: Line) -> list[float]:
    return line.y + line.low + line.high


def _range(values: Iterable[list[float]]) -> tuple[float, float]:
    """Least and greatest, apart from each other."""
    known = [value for each in values for value in each if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low < high:
        return low, high
    apart = abs(low) / 10 or 1.0
    return low - apart, high + apart


def _ticks(low: float, high: float) -> list[float]:
    """A few round numbers that the range lies between."""
    rough = high / 4 - low / 4  # the difference alone could be infinite
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 0.0
    step = next((size * n for n in (1, 2, 5, 10) if size * n >= rough), 0.0)
    first, last = (math.floor(low / step), math.ceil(high / step)) if step else (0, 0)
    ticks = [float(f"{n * step:.12g}") for n in range(first, last + 1)] if last - first < 10 else []
    # Where floating point ends, the two ends will do.
    return ticks if len(ticks) > 1 and all(map(math.isfinite, ticks)) else [low, high]


def _place(value: float, low: float, high: float) -> float:
    """Where a value lies in a range, from 0 to 1."""
    apart = high / 2 - low / 2
    return (value / 2 - low / 2) / apart if apart else 0.5


def _y(value: float, low: float, high: float) -> int:
    return round((1 - _place(value, low, high)) * SIDE)


def _at(side: str, share: float) -> str:
    return f"{side}:{share * 100:.1f}%"
