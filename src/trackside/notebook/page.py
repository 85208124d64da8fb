"""What is shown: HTML for the notebook, and the same in a few lines of text."""

from __future__ import annotations

import time
from functools import cache
from importlib import resources
from urllib.parse import quote

from trackside.notebook.charts import chart, swatch
from trackside.notebook.html import Html, el, joined
from trackside.notebook.reading import importance
from trackside.notebook.state import Progress, Row, RunState, SearchState, best_of
from trackside.notebook.words import cut, duration, number

State = RunState | SearchState
MOST_PARAMS = 10  # of a run
MOST_VALUES = 16


@cache
def _style() -> Html:
    return Html(f"<style>{resources.files(__package__).joinpath('show.css').read_text('utf-8')}</style>")


def page(state: State | None, pages: str, problem: str = "") -> Html:
    """The whole view. `pages` is the address of the web app; `problem` is why it is not fresh."""
    inside: list[Html] = []
    if problem:
        inside.append(el("div", problem, class_="problem", role="status"))
    if isinstance(state, RunState):
        inside += _run(state, pages)
    elif state is not None:
        inside += _search(state, pages)
    elif not problem:
        inside.append(el("div", f"Asking {pages} \u2026", class_="dim"))
    return joined([_style(), el("div", inside, class_="trackside-show")])


def text(state: State | None, pages: str, problem: str = "") -> str:
    """The view in words: for a terminal, and for where a notebook's HTML is not shown."""
    lines = [problem] if problem else []
    if isinstance(state, RunState):
        lines.append(
            f"run {state.name} {state.status} {_took(state)} {_progress_words(state.progress)}".rstrip()
        )
        lines.append(f"  {_address(pages, 'runs', state.run_id)}")
        drawn = {line.metric: line.latest for each in state.charts for line in each.lines}
        lines += [f"  {key} {number(value)}" for key, value in {**drawn, **state.values}.items()]
    elif state is not None:
        lines.append(f"{state.title}: {_count(state)}")
        for row in state.rows:
            value = f" {state.metric} {number(row.last)}" if state.metric else ""
            value += f", best {number(row.best)}" if state.best else ""
            lines.append(f"  {row.name} {row.status} {_took(row)}{value}")
    return "\n".join(lines) or f"Asking {pages} \u2026"


# --- a run -------------------------------------------------------------------


def _run(state: RunState, pages: str) -> list[Html]:
    inside = [
        el(
            "div",
            _status(state.status),
            _link(_address(pages, "runs", state.run_id), state.name, "name"),
            _link(_address(pages, "experiments", state.experiment_id), state.experiment, "dim"),
            el("span", _took(state), " ", _progress_words(state.progress), class_="right"),
            class_="head",
        ),
        _bar(state),
        _params(state.params),
    ]
    if state.charts:
        inside.append(el("div", [chart(each) for each in state.charts], class_="charts"))
    if state.values:
        inside.append(_values(state.values))
    if state.left_out:
        inside.append(el("div", f"{state.left_out} more metrics are on the run's page.", class_="dim"))
    if not state.charts and not state.values:
        words = "No metrics yet." if state.is_live else "Logged no metrics."
        inside.append(el("div", words, class_="dim"))
    if state.system:
        inside.append(el("div", "System metrics", class_="section"))
        inside.append(el("div", [chart(each) for each in state.system], class_="charts small"))
    return inside


def _bar(state: RunState) -> Html:
    progress = state.progress
    if not state.is_live or progress is None or not progress.total:
        return Html()
    share = f"width:{100 * max(0, progress.done) / progress.total:.1f}%"
    return el("div", el("div", style=share), class_="bar")


def _progress_words(progress: Progress | None) -> str:
    if progress is None:
        return ""
    return f"\u00b7 {progress.unit} {number(progress.done)}" + (
        f" of {number(progress.total)}" if progress.total else ""
    )


def _params(params: dict[str, str]) -> Html:
    names = sorted(params, key=importance)
    shown = [
        el(
            "span",
            el("span", cut(name, 40), class_="dim"),
            " ",
            cut(params[name], 40),
            title=params[name][:500],
        )
        for name in names[:MOST_PARAMS]
    ]
    if len(names) > MOST_PARAMS:
        shown.append(el("span", f"and {len(names) - MOST_PARAMS} more", class_="dim"))
    return el("div", shown, class_="pairs") if shown else Html()


def _values(values: dict[str, float]) -> Html:
    shown = [
        el("span", el("span", cut(key, 40), class_="dim"), " ", el("b", number(value)))
        for key, value in list(values.items())[:MOST_VALUES]
    ]
    if len(values) > MOST_VALUES:
        shown.append(el("span", f"and {len(values) - MOST_VALUES} more", class_="dim"))
    return el("div", shown, class_="pairs")


# --- several runs ------------------------------------------------------------


def _search(state: SearchState, pages: str) -> list[Html]:
    address = _address(pages, "experiments", state.experiment_id) if state.experiment_id else pages
    head = el(
        "div", _link(address, state.title, "name"), el("span", _count(state), class_="dim"), class_="head"
    )
    if not state.rows:
        # A list whose runs are gone has said so.
        return [head] if state.note else [head, el("div", "No runs yet.", class_="dim")]
    inside = [head]
    if state.chart:
        inks = [state.inks.get(row.run_id) for row in state.rows]
        inside.append(chart(state.chart, inks, told=_told_of_colours(state)))
    return [*inside, el("div", _table(state, pages), class_="scroll")]


def _told_of_colours(state: SearchState) -> str:
    """What stands beside the chart of several runs; the table below it is its legend."""
    grey = len(state.rows) - len(state.inks)
    if not grey:
        return ""
    known = sum(row.has_best for row in state.rows)
    which = "best" if known >= len(state.inks) else "best and newest" if known else "newest"
    return f"in colour: the {len(state.inks)} {which}; grey: the other {grey}"


def _count(state: SearchState) -> str:
    count = f"{len(state.rows)} {'run' if len(state.rows) == 1 else 'runs'}"
    return f"{count} ({state.note})" if state.note else count


def _table(state: SearchState, pages: str) -> Html:
    best = best_of(state)
    metric = [el("th", cut(state.metric, 30), class_="num")] if state.metric else []
    metric += [el("th", "best", class_="num")] if state.best else []
    head = el(
        "tr",
        el("th", "run"),
        [el("th", cut(name, 24), title=name) for name in state.params],
        metric,
        el("th", "duration", class_="num"),
    )
    rows = [_row(state, row, pages, is_best=row is best) for row in state.rows]
    return el("table", el("thead", head), el("tbody", rows))


def _row(state: SearchState, row: Row, pages: str, *, is_best: bool) -> Html:
    name = [swatch(state.inks.get(row.run_id))] if state.metric else []
    link = _link(_address(pages, "runs", row.run_id), row.name)
    best = el("b", "\u2605 ", number(row.best)) if is_best else number(row.best)
    metric = [el("td", number(row.last), class_="num")] if state.metric else []
    metric += [el("td", best, class_="num")] if state.best else []
    return el(
        "tr",
        el("td", name, link, " ", _status(row.status)),
        [el("td", "\u2013" if value is None else cut(value, 24), title=value) for value in row.params],
        metric,
        el("td", _took(row), class_="num"),
        class_="best" if is_best else None,
    )


# --- parts -------------------------------------------------------------------

_SEEN_AS = {"RUNNING": "run", "SCHEDULED": "run", "FINISHED": "good", "FAILED": "bad", "KILLED": "warn"}


def _status(status: str) -> Html:
    return el("span", status, class_=f"status {_SEEN_AS.get(status, 'warn')}")


def _link(address: str, words: str, class_: str | None = None) -> Html:
    return el("a", cut(words, 60), href=address, target="_blank", rel="noopener", class_=class_, title=words)


def _address(pages: str, kind: str, key: str) -> str:
    return f"{pages}/{kind}/{quote(key, safe='')}"


def _took(of: RunState | Row) -> str:
    if of.start_ms is None:
        return ""
    return duration((of.end_ms or time.time() * 1000) - of.start_ms)
